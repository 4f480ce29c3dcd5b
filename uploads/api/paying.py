"""Requests pay their rate before anything but the size of their body is known."""

from __future__ import annotations

from django.db import Error as AnyDatabaseError
from django.http import HttpRequest
from ninja.throttling import BaseThrottle

from uploads.access import rates
from uploads.access.addresses import client_address
from uploads.api.auth import caller
from uploads.errors import RateLimited, UploadError

BYTES_PER_UNIT = 16 * 1024
"""A body costs one for each 16 KiB begun: a batch of 100 costs less than its items."""


class Pays(BaseThrottle):
    """Takes a request's rate by the size of its body, before the body is parsed.

    In the API and the pages, not in the lifecycle, because rates limit requests.
    The sweeper, the operators and S3's notifications use the same lifecycle freely.
    """

    def __init__(self, action: rates.Action) -> None:
        self.action = action

    def allow_request(self, request: HttpRequest) -> bool:
        """Return whether the caller and their address could pay."""
        payers = rates.payers(caller(request), client_address(request))
        price = 1 + announced_bytes(request) // BYTES_PER_UNIT
        try:
            paid = rates.prepay(self.action, *payers, cost=price)
        except (UploadError, AnyDatabaseError) as error:
            # Raised from here, it would pass by the API's own handlers.
            request.refusal = error  # type: ignore[attr-defined]
            return False
        request.paid = paid  # type: ignore[attr-defined]
        return True


def announced_bytes(request: HttpRequest) -> int:
    """Return the size that the request announces for its body; 0 if it is no number."""
    try:
        return max(0, int(request.META.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def pay_for_items(request: HttpRequest, action: rates.Action, *, count: int) -> None:
    """Pay for ``count`` items what the size of their request has not paid yet."""
    payers = rates.payers(caller(request), client_address(request))
    paid: int = getattr(request, "paid", 0)
    rates.spend(action, *payers, cost=count, paid=paid)


def refusal_of(request: HttpRequest) -> Exception:
    """Return why Pays refused this request."""
    refusal = getattr(request, "refusal", None)
    return refusal if isinstance(refusal, Exception) else RateLimited()
