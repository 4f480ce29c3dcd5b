"""Send the login form, with the passwords of test accounts."""

from __future__ import annotations

from typing import Any

from django.test import Client

PASSWORD = "correct horse battery"

NEWCOMER = {
    "username": "newcomer",
    "email": "newcomer@example.com",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


def log_in(client: Client, password: str, **more: str) -> Any:
    return client.post(
        "/accounts/login/", {"username": "alice", "password": password, **more}
    )
