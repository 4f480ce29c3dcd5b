"""Attacks on the audit trail: forged lines, floods, secrets in events, erasure."""

from __future__ import annotations

import json
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from tests.attacks.people import HELLO, OTHER, Person
from tests.attacks.test_secrets import SIGNED
from tests.bucket.stores import send_raw
from tests.support.builders import let_time_pass
from uploads.access.tokens import create_token
from uploads.models import AuditEvent, StorageQuota
from uploads.s3.bucket import Bucket
from uploads.upkeep.auditing import audit

PASSWORD = "correct horse battery"


def events(**which: Any) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(**which).order_by("pk"))


def exported() -> str:
    out = StringIO()
    call_command("export_events", "--until", "2999-01-01", stdout=out)
    return out.getvalue()


def test_events_contain_no_secret(alice: Person, bob: Person) -> None:
    # The trail is exported to other systems and kept for years.
    assert alice.user is not None
    operator = Person(User.objects.create_superuser("operator", password=PASSWORD))
    row, secret = create_token(alice.user, name="script")
    started = alice.upload()
    alice.download(started)
    form = alice.start(transport="post")
    parts = alice.start_parts(5)
    alice.part(parts, 1, HELLO)
    changed = alice.start()
    send_raw(changed.raw_request(HELLO).with_body(OTHER))
    bob.call("GET", f"/uploads/{started.id}/download")
    Client().post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    Client().post("/accounts/login/", {"username": "alice", "password": secret})
    Client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    Client().get("/api/v1/me", headers={"Authorization": "Bearer slipway_guess"})
    admin = operator.browser
    admin.get(f"/admin/uploads/upload/{started.id}/download/")
    shown = admin.post(
        "/admin/uploads/apitoken/add/",
        {
            "user": alice.user.pk,
            "name": "x",
            "scope": "write",
            "expires_at_0": "",
            "expires_at_1": "",
        },
    )
    other_secret = (
        shown.content.decode().partition('class="secret">')[2].partition("<")[0]
    )
    admin.post(f"/admin/uploads/apitoken/{row.pk}/delete/", {"post": "yes"})
    admin.post(
        f"/admin/auth/user/{alice.user.pk}/password/",
        {"password1": "new " + PASSWORD, "password2": "new " + PASSWORD},
    )
    alice.call("DELETE", f"/uploads/{form.id}")

    received = exported()
    rows = received + json.dumps(list(AuditEvent.objects.values()), default=str)

    assert len(events()) > 20
    alice.user.refresh_from_db()
    cookies = {
        morsel.value
        for person in (alice, bob, operator)
        for morsel in person.browser.cookies.values()
    }
    secrets = {PASSWORD, secret, other_secret, row.digest, alice.user.password}
    assert len(other_secret) > 40
    assert {found for found in secrets | cookies if found and found in rows} == set()
    assert SIGNED.findall(rows) == []
    assert "http" not in rows
    assert parts.row.multipart_id not in rows


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "198.51.100.1"},
        {"X-Forwarded-For": "198.51.100.1, 127.0.0.1"},
        {"X-Real-IP": "198.51.100.1"},
        {"Forwarded": "for=198.51.100.1"},
        {"X-Forwarded-For": "a\nb" * 10_000},
    ],
)
def test_client_cannot_choose_the_address_in_an_event(
    alice: Person, headers: dict[str, str]
) -> None:
    # Otherwise an attacker could blame another person.
    alice.call("POST", "/uploads/batch", {"uploads": []}, **headers)
    client = Client(REMOTE_ADDR="203.0.113.9", headers=headers)
    client.post("/accounts/login/", {"username": "alice", "password": "wrong"})

    [event] = events(kind="account.login_failed")
    assert event.address == "203.0.113.9"


@pytest.mark.parametrize(
    "sent", ["a\nforged", "x" * 65, "<script>", "\x1b[31m" * 4, ""]
)
def test_forged_request_id_is_not_written(alice: Person, sent: str) -> None:
    # The request id connects the lines of one request.
    Client(headers={"X-Request-ID": sent}).post(
        "/accounts/login/", {"username": "alice", "password": "wrong"}
    )

    [event] = events(kind="account.login_failed")
    assert len(event.request_id) == 32
    assert event.request_id.isalnum()


@pytest.mark.parametrize(
    "name",
    [
        'a\n{"kind": "account.erased"}',
        "a\r\n2026-01-01 forged",
        "\x1b[2Jgone",
        "a\u2028b\u2029c",
        "txt.\u202egnp",
        '"},{"kind":"trail.pruned"',
        "<img src=x onerror=alert(1)>",
        "\x00nul",
    ],
)
def test_name_cannot_forge_a_line_of_the_export(alice: Person, name: str) -> None:
    # Programs that read the export expect one event on each line.
    started = alice.upload(filename=name)
    alice.call("PATCH", f"/uploads/{started.id}", {"filename": f"{name}2"})
    alice.call("PATCH", f"/uploads/{started.id}", {"filename": "harmless"})
    Client().post("/accounts/login/", {"username": name, "password": "wrong"})

    received = exported()

    assert len(received.splitlines()) == AuditEvent.objects.count()
    kinds = [json.loads(line)["kind"] for line in received.splitlines()]
    assert "upload.renamed" in kinds
    assert "account.erased" not in kinds
    assert "trail.pruned" not in kinds
    assert not any(ord(char) < 32 and char != "\n" for char in received)
    assert "\u202e" not in received
    operator = Person(User.objects.create_superuser("operator"))
    page = operator.browser.get("/admin/uploads/auditevent/").content.decode()
    assert "<img src=x" not in page


def test_many_wrong_passwords_write_at_most_20_events(alice: Person) -> None:
    # An event for each wrong password could fill the disk.
    client = Client(REMOTE_ADDR="203.0.113.9")
    for number in range(60):
        client.post("/accounts/login/", {"username": f"x{number}", "password": "y"})

    assert 1 <= len(events(kind="account.login_failed")) <= 20


def test_wrong_sizes_are_counted_by_their_cause(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # Three wrong sizes from one account suggest an attack.
    for _ in range(3):
        started = alice.start()
        seaweed_bucket.client.put_object(
            Bucket=seaweed_bucket.name,
            Key=started.row.key,
            Body=b"much longer than declared",
            ContentType="text/plain",
        )
        alice.call("POST", f"/uploads/{started.id}/complete")

    found = events(kind="upload.rejected", user=alice.user)
    assert [event.detail["cause"] for event in found] == ["size_differs"] * 3


def test_erasure_of_a_person_includes_the_bucket(
    alice: Person, bob: Person, seaweed_bucket: Bucket
) -> None:
    # A URL that is valid after the erasure could store an object again, without a row.
    assert alice.user is not None
    kept = bob.upload()
    alice.upload()
    pending = alice.start()
    late = alice.start()
    assert send_raw(late.raw_request(HELLO)).status == 200
    parts = alice.start_parts(5)
    assert send_raw(alice.part(parts, 1, HELLO)).status == 200
    alice.call("DELETE", f"/uploads/{pending.id}")

    assert _erase("alice")["waiting"] == 4
    assert alice.call("GET", "/me").status_code == 401
    replayed = send_raw(pending.raw_request(HELLO))
    assert replayed.status in {200, 412}
    let_time_pass(minutes=20)
    report = _erase("alice")

    assert report["erased"] is True
    prefix = kept.row.key.rsplit("/", 2)[0]
    keys = [entry.key for entry in seaweed_bucket.list_objects(prefix)]
    assert keys == [kept.row.key]
    assert list(audit()) == []
    assert not User.objects.filter(username="alice").exists()
    assert not StorageQuota.objects.exclude(user=bob.user).exists()
    assert bob.download(kept).body == HELLO
    assert "alice" not in exported()


def _erase(name: str) -> dict[str, Any]:
    out = StringIO()
    with suppress(SystemExit):
        call_command("erase_user", name, stdout=out)
    received: dict[str, Any] = json.loads(out.getvalue())
    return received
