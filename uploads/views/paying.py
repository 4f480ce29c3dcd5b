"""Spend rate limits for pages. ``api/paying.py`` spends rate limits for the API."""

from __future__ import annotations

from django.http import HttpRequest

from uploads.access import rates
from uploads.access.addresses import client_address


def spend(request: HttpRequest, action: rates.Action) -> None:
    """Spend one unit of the limits of the request's user and network address.

    Raises RateLimited.
    """
    rates.spend(action, *rates.payers(request.user, client_address(request)))
