"""Simulate a very slow machine: `make test-browser SLOW=2`.

Requests are delayed before and after the site processes them, for up to SLOW seconds.
Requests to S3 are delayed as well, and the browser's CPU is slowed down. So a test that
waits too briefly fails in every run instead of rarely.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

SECONDS = float(os.environ.get("SLOW") or 0)
TIMEOUT_FACTOR = 1 + SECONDS
"""The factor by which tests multiply their timeouts."""

_chance = random.Random()


class SlownessMiddleware:
    """Delays requests and responses. It must come before all other middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        time.sleep(random_delay())
        response = self.get_response(request)
        time.sleep(random_delay())
        return response


def random_delay() -> float:
    """Return a random delay in seconds, often none or the maximum."""
    return SECONDS * _chance.choice([0, 0, 0.25, 1])
