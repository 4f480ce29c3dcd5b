"""Limits how many sessions are begun: each is a row for two weeks."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from uploads.access import rates
from uploads.access.addresses import client_address
from uploads.errors import RateLimited


def pay(request: HttpRequest) -> None:
    """Let the address pay, if what comes next would begin a stranger's session.

    A browser that has one already pays nothing: its row is only written again. Call
    it before a stranger is given something to remember. Raises RateLimited, and then
    nothing is kept of the request.
    """
    _pay(request, rates.visitors(client_address(request)))


def pay_for_login(request: HttpRequest, user: Any) -> None:
    """Let ``user`` pay, who has proved to be that, for the session of a login.

    What strangers do from the same address locks nobody out. Raises RateLimited as
    ``pay`` does.
    """
    _pay(request, rates.session_payers(user, client_address(request)))


def _pay(request: HttpRequest, payers: list[rates.Subject]) -> None:
    # Read first: a cookie that nobody has given out names no session.
    request.session.keys()
    if request.session.session_key is not None:
        return
    try:
        rates.spend("session", *payers)
    except RateLimited:
        # What the request has put into it so far would be saved behind the refusal.
        request.session.flush()
        raise
