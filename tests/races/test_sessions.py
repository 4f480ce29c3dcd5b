"""Many requests of one session at the same time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from structlog.testing import capture_logs

from tests.races.threads import race

ADDRESSES = ("192.0.2.1", "2001:db8::7")


@pytest.mark.parametrize("address", ADDRESSES)
def test_16_requests_of_a_session_keep_one_row_with_their_address(
    alice: Any, address: str
) -> None:
    session = Client()
    session.force_login(alice)

    def ask() -> int:
        browser = Client(headers={"User-Agent": "Firefox"}, REMOTE_ADDR=address)
        browser.cookies = session.cookies
        return browser.get("/api/v1/me").status_code

    with capture_logs() as logs:
        answers = race([ask] * 16)
        row = UserSession.objects.get()
        answers += race([ask] * 16)

    assert Counter(answers) == {200: 32}
    assert (row.user, row.ip, row.user_agent) == (alice, address, "Firefox")
    # The second requests found the row, so they did not write it.
    assert UserSession.objects.get().last_seen_at == row.last_seen_at
    assert not [line for line in logs if line["event"] == "session.not_noted"]
