"""Log in and set up a second factor, as a person does."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from tests.support.totp import code

PASSWORD = "correct horse battery"


def confirm(client: Client) -> Any:
    return client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def offered_secret(client: Client) -> str:
    """Return the key on the page that sets up an app."""
    confirm(client)
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    found = re.search(r'<code id="authenticator_secret">(\w+)</code>', page)
    assert found is not None, page
    return found[1]


def set_up_app(client: Client, user: Any) -> str:
    client.force_login(user)
    secret = offered_secret(client)
    done = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert done["Location"] == "/accounts/2fa/recovery-codes/"
    return secret


def log_in(client: Client) -> Any:
    return client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
