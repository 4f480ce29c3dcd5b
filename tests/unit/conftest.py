"""Fixtures for the unit tests."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User


@pytest.fixture
def alice(db: None) -> Any:
    """Create an account without rights and without a password."""
    return User.objects.create_user("alice")
