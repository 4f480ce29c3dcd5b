"""Provide fixtures for the tests of the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.api_calls import Call, caller
from uploads.s3.bucket import Bucket


@pytest.fixture
def browser(alice: User, bucket: Bucket) -> Client:
    """Return a client with the session of alice."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def call(browser: Client) -> Call:
    """Return a function that calls the API with the session of alice."""
    return caller(browser)
