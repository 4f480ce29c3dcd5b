"""Provide fixtures for the unit tests."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture
def alice(db: None) -> Any:
    """Create an account without rights and without a password."""
    return User.objects.create_user("alice")


@pytest.fixture
def operator(admin_client: Client) -> Client:
    """Return the client of a superuser."""
    return admin_client
