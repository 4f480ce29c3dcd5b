"""Provide fixtures for the tests of logins, passwords and second factors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from tests.support.factor_pages import PASSWORD, set_up_app

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Freeze the time, so that a code stays valid until a test moves the time."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def alice(db: None) -> Any:
    return User.objects.create_user("alice", "alice@example.com", PASSWORD)


@pytest.fixture
def secret(client: Client, alice: Any) -> str:
    """Set up an authenticator app for Alice in `client`, and return its key."""
    return set_up_app(client, alice)
