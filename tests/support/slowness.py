"""A site as on a machine that is far too busy: `make test-browser SLOW=2`.

Each request waits before the site sees it, or each answer after the site has acted, for
up to so many seconds; so does S3, and the browser computes slowly. A test that looks too
early fails then, and not one day by chance.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

SECONDS = float(os.environ.get("SLOW") or 0)
PATIENCE = 1 + SECONDS
"""How many times as long as usual tests wait."""

_chance = random.Random()


class SlownessMiddleware:
    """Lets requests and answers wait; in front of all other middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        time.sleep(a_while())
        response = self.get_response(request)
        time.sleep(a_while())
        return response


def a_while() -> float:
    """Return seconds: either end of what can happen, rather than always the middle."""
    return SECONDS * _chance.choice([0, 0, 0.25, 1])
