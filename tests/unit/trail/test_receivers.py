"""The site records changes that Django makes: logins, accounts, rights, the admin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone

from uploads.access.tokens import create_token
from uploads.admin.listing import Recorded
from uploads.models import AuditEvent, StorageQuota, UploadPolicy
from uploads.models.event import changeable_events
from uploads.trail.receivers import logins

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GB = 1000**3
LOGIN = "/accounts/login/"
PASSWORD = "correct horse battery"


@pytest.fixture
def alice() -> Any:
    return User.objects.create_user("alice", password=PASSWORD)


@pytest.fixture(autouse=True)
def _long_window(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # On a slow machine, the window of one minute could end during a test.
    monkeypatch.setattr(logins, "FAILED_WINDOW", timedelta(hours=1))
    logins._record_new_address.cache_clear()
    yield
    logins._record_new_address.cache_clear()


@pytest.fixture
def operator(admin_client: Client) -> Client:
    return admin_client


def events(kind: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(kind=kind).order_by("id"))


def only_event(kind: str) -> AuditEvent:
    [event] = events(kind)
    return event


def log_in(name: str, *passwords: str, address: str = "203.0.113.9") -> Any:
    [password] = passwords or ["a guess"]
    client = Client(REMOTE_ADDR=address)
    return client.post(LOGIN, {"username": name, "password": password})


def move_events_into_past(**span: float) -> None:
    with changeable_events("retention") as rows:
        rows.update(at=timezone.now() - timedelta(**span))


# Logins


def test_login_and_logout_are_recorded(alice: Any) -> None:
    client = Client(REMOTE_ADDR="203.0.113.9")

    client.post(LOGIN, {"username": "alice", "password": PASSWORD})
    client.post("/accounts/logout/")

    for kind in ("account.logged_in", "account.logged_out"):
        event = only_event(kind)
        assert (event.user, event.actor) == (alice, alice)
        assert event.address == "203.0.113.9"
        assert len(event.request_id) == 32


@pytest.mark.parametrize(("name", "is_known"), [("alice", True), ("mallory", False)])
def test_failed_login_is_recorded_without_the_password(
    alice: Any, name: str, is_known: bool
) -> None:
    log_in(name, "the wrong password")

    event = only_event("account.login_failed")
    assert event.detail == {"name": name}
    assert event.user == (alice if is_known else None)
    assert event.actor is None
    assert event.address == "203.0.113.9"
    assert "the wrong password" not in json.dumps(
        list(AuditEvent.objects.values()), default=str
    )


@time_machine.travel(NOON, tick=False)
def test_repeated_failed_login_from_one_address_is_recorded_once_per_window(
    alice: Any,
) -> None:
    for _ in range(2):
        log_in("alice")
    assert len(events("account.login_failed")) == 1

    move_events_into_past(hours=2)
    log_in("alice")
    assert len(events("account.login_failed")) == 2

    log_in("alice", address="203.0.113.10")
    assert len(events("account.login_failed")) == 3


@time_machine.travel(NOON, tick=False)
def test_failed_logins_are_limited_per_address(alice: Any) -> None:
    for number in range(30):
        log_in(f"name{number}")

    assert len(events("account.login_failed")) == logins.MAX_FAILED_PER_ADDRESS


@time_machine.travel(NOON, tick=False)
def test_failed_login_of_a_known_account_is_recorded_during_a_flood(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "MAX_FAILED", 12)
    for number in range(18):
        log_in(f"name{number}", address=f"203.0.113.{number}")
    assert len(events("account.login_failed")) == logins.MAX_FAILED

    log_in("alice", address="203.0.113.7")

    assert events("account.login_failed")[-1].user == alice


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("a\nb\x1b[31m", "ab[31m"),
        ("eci\u202ela", "ecila"),
        ("x" * 5000, "x" * 150),
        ("<script>", "<script>"),
    ],
)
def test_name_of_a_failed_login_is_cleaned(name: str, recorded: str) -> None:
    # Call authenticate directly, because the form of the login page limits the name.
    assert authenticate(username=name, password="a guess") is None

    assert only_event("account.login_failed").detail == {"name": recorded}


# Tokens


def test_new_address_of_a_token_is_recorded_once(alice: Any) -> None:
    row, secret = create_token(alice, name="backup")

    def use(address: str) -> None:
        bearer = {"Authorization": f"Bearer {secret}"}
        Client(REMOTE_ADDR=address).get("/api/v1/me", headers=bearer)

    for address in ("203.0.113.9", "203.0.113.9", "203.0.113.10"):
        use(address)
    logins._record_new_address.cache_clear()  # another process has an empty cache
    use("203.0.113.9")

    recorded = events("token.new_address")
    assert [event.address for event in recorded] == ["203.0.113.9", "203.0.113.10"]
    assert {event.user for event in recorded} == {alice}
    assert recorded[0].detail == {"token": row.pk}


def test_new_addresses_are_limited_per_day(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "MAX_NEW_ADDRESSES_PER_DAY", 3)
    _, secret = create_token(alice, name="backup")

    for number in range(6):
        Client(REMOTE_ADDR=f"203.0.113.{number}").get(
            "/api/v1/me", headers={"Authorization": f"Bearer {secret}"}
        )

    assert len(events("token.new_address")) == 3


# Accounts


def test_new_account_is_recorded_with_its_rights(alice: Any) -> None:
    superuser = User.objects.create_superuser("boss")

    recorded = {event.user: event.detail for event in events("account.created")}
    assert recorded == {alice: {}, superuser: {"rights": ["is_staff", "is_superuser"]}}


def account_form(person: Any, **changes: Any) -> dict[str, Any]:
    form = {
        "username": person.username,
        "email": person.email,
        "is_active": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        "groups": [],
        "user_permissions": [],
    }
    return {name: value for name, value in {**form, **changes}.items() if value != ""}


def test_rights_changed_in_the_admin_are_recorded_with_the_actor(
    operator: Client, admin_user: Any, alice: Any
) -> None:
    team = Group.objects.create(name="team")
    may = Permission.objects.get(codename="change_upload")
    page = f"/admin/auth/user/{alice.pk}/change/"

    answer = operator.post(
        page,
        account_form(alice, is_staff="on", groups=[team.pk], user_permissions=[may.pk]),
    )
    assert answer.status_code == 302
    operator.post(page, account_form(alice, is_active=""))

    recorded = events("account.changed")
    assert {(event.user, event.actor) for event in recorded} == {(alice, admin_user)}
    assert [event.detail for event in recorded] == [
        {"is_staff": {"from": False, "to": True}},
        {"groups_added": ["team"]},
        {"permissions_added": ["uploads.change_upload"]},
        {
            "is_active": {"from": True, "to": False},
            "is_staff": {"from": True, "to": False},
        },
        {"groups_removed": ["team"]},
        {"permissions_removed": ["uploads.change_upload"]},
    ]


def test_changes_of_groups_and_permissions_are_recorded_from_either_side(
    alice: Any,
) -> None:
    team = Group.objects.create(name="team")
    may = Permission.objects.get(codename="change_upload")

    team.permissions.add(may)
    team.user_set.add(alice)
    alice.groups.clear()
    team.permissions.clear()

    assert [event.detail for event in events("account.changed")] == [
        {"groups_added": ["team"]},
        {"groups_removed": ["team"]},
    ]
    assert [event.detail for event in events("group.changed")] == [
        {"group": "team", "permissions_added": ["uploads.change_upload"]},
        {"group": "team", "permissions_removed": ["uploads.change_upload"]},
    ]


def test_password_set_by_an_operator_is_recorded_without_its_value(
    operator: Client, admin_user: Any, alice: Any
) -> None:
    new = "another horse battery"
    answer = operator.post(
        f"/admin/auth/user/{alice.pk}/password/",
        {"password1": new, "password2": new, "usable_password": "true"},
    )
    assert answer.status_code == 302

    event = only_event("account.password_set")
    alice.refresh_from_db()
    assert (event.user, event.actor, event.detail) == (alice, admin_user, {})
    rows = json.dumps(list(AuditEvent.objects.values()), default=str)
    assert alice.password not in rows
    assert new not in rows


def test_rehashed_password_is_not_recorded(alice: Any, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    before = alice.password

    log_in("alice", PASSWORD)

    alice.refresh_from_db()
    assert alice.password != before
    assert events("account.password_set") == []
    assert len(events("account.logged_in")) == 1


def test_password_hash_set_by_code_is_recorded(alice: Any) -> None:
    alice.password = make_password("else")
    alice.save()

    assert only_event("account.password_set").user == alice


def test_changed_email_is_recorded_without_its_value(alice: Any) -> None:
    alice.email = "alice@example.org"
    alice.save()

    assert only_event("account.changed").detail == {"email": True}


def test_save_without_changes_is_not_recorded(alice: Any) -> None:
    alice.save()
    alice.last_login = timezone.now()
    alice.save(update_fields=["last_login"])

    assert [e.kind for e in AuditEvent.objects.all()] == ["account.created"]


def test_deleted_account_is_recorded_without_its_name(
    operator: Client, alice: Any
) -> None:
    number = alice.pk
    UploadPolicy.objects.create(user=alice, max_file_size=1)

    operator.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"})

    assert only_event("account.deleted").detail == {"account": number}
    assert not User.objects.filter(pk=number).exists()


# Rules


def test_changed_limits_are_recorded_with_old_and_new_value(
    operator: Client, admin_user: Any, alice: Any
) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=GB, max_files=5)
    page = f"/admin/uploads/storagequota/{alice.pk}/change/"

    operator.post(page, {"limit_bytes": "5 GB", "max_files": "5"})
    operator.post(page, {"limit_bytes": "5 GB", "max_files": "5"})

    event = only_event("quota.changed")
    assert (event.user, event.actor) == (alice, admin_user)
    assert event.detail == {"limit_bytes": {"from": GB, "to": 5 * GB}}


def test_changed_policies_are_recorded_with_old_and_new_value(
    operator: Client, admin_user: Any, alice: Any
) -> None:
    page = "/admin/uploads/uploadpolicy/"
    operator.post(f"{page}add/", {"user": alice.pk, "max_file_size": "1 GB"})
    row = UploadPolicy.objects.get()
    operator.post(
        f"{page}{row.pk}/change/",
        {
            "user": alice.pk,
            "max_file_size": "2 GB",
            "allowed_content_types": "image/*",
        },
    )
    operator.post(f"{page}{row.pk}/delete/", {"post": "yes"})

    assert only_event("policy.created").detail["max_file_size"] == GB
    assert only_event("policy.changed").detail == {
        "max_file_size": {"from": GB, "to": 2 * GB},
        "allowed_content_types": {"from": None, "to": ["image/*"]},
    }
    assert only_event("policy.deleted").detail["allowed_content_types"] == ["image/*"]
    for kind in ("policy.created", "policy.changed", "policy.deleted"):
        assert (only_event(kind).user, only_event(kind).actor) == (alice, admin_user)


# The admin


def test_admin_log_entries_are_copied_to_the_trail(
    operator: Client, admin_user: Any, alice: Any
) -> None:
    page = "/admin/auth/group/"
    operator.post(f"{page}add/", {"name": "team"})
    team = Group.objects.get()
    operator.post(f"{page}{team.pk}/change/", {"name": "crew"})
    operator.post(f"{page}{team.pk}/delete/", {"post": "yes"})

    for kind, name, changes in (
        ("admin.added", "team", [{"added": {}}]),
        ("admin.changed", "crew", [{"changed": {"fields": ["Name"]}}]),
        ("admin.deleted", "crew", []),
    ):
        event = only_event(kind)
        assert event.actor == admin_user
        assert event.detail == {
            "model": "auth.group",
            "id": str(team.pk),
            "object": name,
            "changes": changes,
        }


@pytest.mark.parametrize(("model", "page"), [(Group, "group"), (User, "user")])
def test_rows_deleted_together_are_recorded_separately(
    operator: Client, model: Any, page: str
) -> None:
    # If an action deletes several rows, Django writes its log entries without signals.
    field = "name" if model is Group else "username"
    rows = [model.objects.create(**{field: f"row{n}"}) for n in range(3)]

    operator.post(
        f"/admin/auth/{page}/",
        {
            "action": "delete_selected",
            "_selected_action": [row.pk for row in rows],
            "post": "yes",
        },
    )

    recorded = {event.detail["object"] for event in events("admin.deleted")}
    assert recorded == {"row0", "row1", "row2"}
    assert not model.objects.filter(**{f"{field}__startswith": "row"}).exists()


def test_every_model_admin_is_a_subclass_of_recorded() -> None:
    unrecorded = [
        model.__name__
        for model, page in admin.site._registry.items()
        if not isinstance(page, Recorded)
    ]

    assert unrecorded == [], (
        "Use the base class Recorded of admin/listing.py for these classes."
    )


def test_processing_a_parked_notification_again_is_recorded(operator: Client) -> None:
    from uploads.models import ParkedNotification

    row = ParkedNotification.objects.create(source="sqs", body="{", error="broken")

    operator.post(
        "/admin/uploads/parkednotification/",
        {"action": "take_in_again", "_selected_action": [row.pk]},
    )

    assert only_event("notification.taken_in").detail == {"handled": 0, "failed": 1}
