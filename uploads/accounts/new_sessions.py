"""Limit the rate of new sessions.

Each session is a row that stays in the database for two weeks.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from uploads.access import rates
from uploads.access.addresses import client_address
from uploads.errors import RateLimited


def pay(request: HttpRequest) -> None:
    """Count a new anonymous session against the limit of the client's address.

    A request with a session is not counted, because it adds no row. Call this function
    before the view writes to an anonymous session. If the limit is reached, this
    function empties the session, so that Django does not save it. Then it raises
    RateLimited.
    """
    _pay(request, rates.visitors(client_address(request)))


def pay_for_login(request: HttpRequest, user: Any) -> None:
    """Count the session of a login against the limit of ``user`` at this address.

    The limit that all clients of the address share does not apply. Otherwise, the other
    clients could lock out the user. Raises RateLimited as ``pay`` does.
    """
    _pay(request, rates.session_payers(user, client_address(request)))


def _pay(request: HttpRequest, payers: list[rates.Subject]) -> None:
    # Load the session first, because Django then removes a session key without a row.
    request.session.keys()
    if request.session.session_key is not None:
        return
    try:
        rates.spend("session", *payers)
    except RateLimited:
        # Without this line, SessionMiddleware would save the session after the view.
        request.session.flush()
        raise
