"""Rate limit for new sessions. Each session is a database row for two weeks."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from uploads.access import rates
from uploads.access.addresses import client_address
from uploads.errors import RateLimited


def pay(request: HttpRequest) -> None:
    """Count a new anonymous session against the limit of the client's address.

    A browser that already has a session is not counted, because no row is added. Call
    this function before the view writes to an anonymous session. Raises RateLimited;
    the session is then empty and not saved.
    """
    _pay(request, rates.visitors(client_address(request)))


def pay_for_login(request: HttpRequest, user: Any) -> None:
    """Count the session of a login against the limit of ``user``.

    The user is authenticated, so other clients of the same address cannot lock the user
    out. Raises RateLimited as ``pay`` does.
    """
    _pay(request, rates.session_payers(user, client_address(request)))


def _pay(request: HttpRequest, payers: list[rates.Subject]) -> None:
    # Load the session first: Django then drops a session key that does not exist.
    request.session.keys()
    if request.session.session_key is not None:
        return
    try:
        rates.spend("session", *payers)
    except RateLimited:
        # Otherwise the middleware would save the data that the request has written.
        request.session.flush()
        raise
