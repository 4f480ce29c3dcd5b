"""The admin creates a token once, shows its secret once, and revokes it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.support.admin_pages import TOKENS, staff_client
from uploads.access.tokens import create_token, use_token
from uploads.models import (
    ApiToken,
    AuditEvent,
)

pytestmark = pytest.mark.django_db


def test_secret_of_a_token_is_shown_once_and_the_digest_never(
    operator: Client, admin_user: Any, alice: Any
) -> None:
    page = operator.post(
        f"{TOKENS}add/",
        {
            "user": alice.pk,
            "name": "backup",
            "scope": "read",
            "expires_at_0": "",
            "expires_at_1": "",
        },
    )

    secret = re.findall(r"slipway_[\w-]{43}", page.content.decode())
    row = ApiToken.objects.get()
    assert len(secret) == 1
    assert use_token(secret[0]) == row
    assert (row.user, row.scope) == (alice, "read")
    event = AuditEvent.objects.get(kind="token.created")
    assert (event.user, event.actor) == (alice, admin_user)
    assert "no-store" in page["Cache-Control"]
    later = (
        operator.get(TOKENS).content + operator.get(f"{TOKENS}{row.pk}/change/").content
    )
    assert secret[0].encode() not in later
    assert row.digest.encode() not in page.content + later


def test_token_form_sent_twice_creates_one_token(operator: Client, alice: Any) -> None:
    blank = operator.get(f"{TOKENS}add/").content.decode()
    [once] = re.findall(r'name="idempotency_key" value="(\w+)"', blank)
    fields = {
        "user": alice.pk,
        "name": "backup",
        "scope": "write",
        "idempotency_key": once,
    }

    pages = [operator.post(f"{TOKENS}add/", fields).content.decode() for _ in range(2)]

    row = ApiToken.objects.get()
    assert [bool(re.search(r"slipway_[\w-]{43}", page)) for page in pages] == [
        True,
        False,
    ]
    assert "created the token “backup” of alice" in pages[1]
    kinds = AuditEvent.objects.filter(kind__in=["token.created", "admin.added"])
    assert sorted(kinds.values_list("kind", flat=True)) == [
        "admin.added",
        "token.created",
    ]
    assert row.user == alice


def test_only_a_superuser_creates_tokens_for_others(
    django_user_model: Any, alice: Any
) -> None:
    client = staff_client(django_user_model, "add_apitoken", "view_apitoken")

    client.post(f"{TOKENS}add/", {"user": alice.pk, "name": "mine", "scope": "write"})

    assert ApiToken.objects.get().user.get_username() == "sam"


def test_revoked_token_is_kept(operator: Client, admin_user: Any, alice: Any) -> None:
    row, secret = create_token(alice, name="backup")

    page = operator.post(
        TOKENS,
        {"action": "revoke_chosen", "_selected_action": [row.pk]},
        follow=True,
    )

    assert "1 token was revoked." in page.content.decode()
    assert use_token(secret) is None
    event = AuditEvent.objects.get(kind="token.revoked")
    assert (event.user, event.actor) == (alice, admin_user)
    assert (
        operator.post(f"{TOKENS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    assert ApiToken.objects.get().revoked_at is not None


def test_viewer_cannot_revoke_tokens(django_user_model: Any, alice: Any) -> None:
    row, secret = create_token(alice, name="backup")
    client = staff_client(django_user_model, "view_apitoken", "change_apitoken")

    client.post(TOKENS, {"action": "revoke_chosen", "_selected_action": [row.pk]})

    assert use_token(secret) == row
