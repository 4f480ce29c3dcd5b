"""Rate limits of the API. The cost of a request depends on the size of its body."""

from __future__ import annotations

from django.db import Error as AnyDatabaseError
from django.http import HttpRequest
from ninja.throttling import BaseThrottle

from uploads.access import rates
from uploads.access.addresses import client_address
from uploads.api.auth import caller
from uploads.errors import RateLimited, UploadError

BYTES_PER_UNIT = 16 * 1024
"""A request costs one unit, and one more unit for each full 16 KiB of its body.

A batch costs at least one unit per item.
"""


class Pays(BaseThrottle):
    """Spends units of the caller's rate limits before ninja parses the body."""

    def __init__(self, action: rates.Action) -> None:
        self.action = action

    def allow_request(self, request: HttpRequest) -> bool:
        """Return whether the rate limits of user and address allow the request."""
        payers = rates.payers(caller(request), client_address(request))
        price = 1 + announced_bytes(request) // BYTES_PER_UNIT
        try:
            paid = rates.prepay(self.action, *payers, cost=price)
        except (UploadError, AnyDatabaseError) as error:
            # Ninja does not pass errors of a throttle to the API's exception handlers.
            # So store the error. on_throttled in site.py passes it to its handler.
            request.refusal = error  # type: ignore[attr-defined]
            return False
        request.paid = paid  # type: ignore[attr-defined]
        return True


def announced_bytes(request: HttpRequest) -> int:
    """Return the value of Content-Length, or 0 if it is missing or not a number."""
    try:
        return max(0, int(request.META.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def pay_for_items(request: HttpRequest, action: rates.Action, *, count: int) -> None:
    """Spend one unit for each of ``count`` items, minus the units that Pays has spent.

    Raises RateLimited, or InvalidRequest if ``count`` is above a rate limit.
    """
    payers = rates.payers(caller(request), client_address(request))
    paid: int = getattr(request, "paid", 0)
    rates.spend(action, *payers, cost=count, paid=paid)


def refusal_of(request: HttpRequest) -> Exception:
    """Return the error with which Pays refused this request."""
    refusal = getattr(request, "refusal", None)
    return refusal if isinstance(refusal, Exception) else RateLimited()
