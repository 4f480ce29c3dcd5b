"""Check the rate limits of pages. ``api/paying.py`` checks them for the API."""

from __future__ import annotations

from django.http import HttpRequest

from uploads.access import rates
from uploads.access.addresses import client_address


def spend(request: HttpRequest, action: rates.Action) -> None:
    """Count the request against the limits of its user and its network address.

    Raises RateLimited if a limit is exceeded.
    """
    rates.spend(action, *rates.payers(request.user, client_address(request)))
