"""Lets each address begin a limited number of sessions: each is a row for two weeks."""

from __future__ import annotations

from django.http import HttpRequest

from uploads import rates
from uploads.addresses import client_address
from uploads.errors import RateLimited


def pay(request: HttpRequest) -> None:
    """Let the address pay, if what comes next would begin a session.

    A browser that has one already pays nothing: its row is only written again. Call
    it before a stranger is given something to remember. Raises RateLimited, and then
    nothing is kept of the request.
    """
    # Read first: a cookie that nobody has given out names no session.
    request.session.keys()
    if request.session.session_key is not None:
        return
    try:
        rates.spend("session", *rates.visitors(client_address(request)))
    except RateLimited:
        # What the request has put into it so far would be saved behind the refusal.
        request.session.flush()
        raise
