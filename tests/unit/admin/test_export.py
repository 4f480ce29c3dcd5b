"""The admin exports lists as CSV: with permission, filtered, without formulas."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.support.builders import begin
from uploads.admin.export import Exportable
from uploads.models import AuditEvent, Orphan, Upload
from uploads.text.spreadsheets import cell

pytestmark = pytest.mark.django_db

UPLOADS = "/admin/uploads/upload/export/"
SECRETS = {"password", "digest", "idempotency_key", "data", "secret", "multipart_id"}


@pytest.fixture
def superuser(client: Client) -> User:
    superuser = User.objects.create_superuser("boss", password="demo")
    client.force_login(superuser)
    return superuser


def rows_of(client: Client, address: str) -> list[dict[str, str]]:
    answer: Any = client.get(address)
    assert answer.streaming
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = answer.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def lists() -> list[Any]:
    found = admin.site._registry
    assert len(found) >= 10
    return list(found.values())


def test_every_list_can_be_exported(client: Client, superuser: User) -> None:
    for model_admin in lists():
        assert isinstance(model_admin, Exportable), model_admin
        assert model_admin.export_fields, model_admin
        assert not SECRETS & set(model_admin.export_fields), model_admin
        export = reverse(model_admin.export_url_name)
        client.get(export).close()
        answer: Any = client.get(export)
        assert answer.status_code == 200, export
        assert list(answer.streaming_content)
        page = client.get(export.replace("export/", ""))
        assert f'href="{export}?"' in page.text, export


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1+1", "'\t'=1+1"),
        ("\r=1+1", "'\r'=1+1"),
        ("\n=1+1", "'\n'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("a;=1+1", "a;'=1+1"),
        ('a";"=1+1', 'a";"\'=1+1'),
        ('a;" =1+1', "a;\" '=1+1"),
        ("a;''=1+1", "a;'''=1+1"),
        ('a" =1+1', 'a" =1+1'),
        ("report-1=2.pdf", "report-1=2.pdf"),
        ("", ""),
        (None, ""),
        (-5, "-5"),
        ({"a": "ü"}, '{"a": "ü"}'),
    ],
)
def test_formula_is_escaped_for_spreadsheets(text: Any, inert: str) -> None:
    assert cell(text) == inert


def test_file_name_with_a_formula_is_escaped_in_the_export(
    client: Client, superuser: User
) -> None:
    begin(superuser, b"hello", filename="=1+1")

    [row] = rows_of(client, UPLOADS)

    assert row["filename"] == "'=1+1"
    assert row["owner"] == "boss"
    assert row["byte_size"] == "5"
    assert row["created_at"].endswith("+00:00")


def test_filters_and_search_of_the_list_apply(client: Client, superuser: User) -> None:
    begin(superuser, b"hello", filename="wanted.txt")
    other = begin(superuser, b"hello", filename="other.txt")
    Upload.objects.filter(pk=other.pk).update(state="cancelled")

    everything = rows_of(client, UPLOADS)
    pending = rows_of(client, f"{UPLOADS}?state__exact=pending")
    found = rows_of(client, f"{UPLOADS}?q=other")

    assert [len(everything), len(pending), len(found)] == [2, 1, 1]
    assert pending[0]["filename"] == "wanted.txt"
    assert found[0]["filename"] == "other.txt"
    assert client.get(f"{UPLOADS}?nosuch=1").status_code == 302


def test_export_needs_the_permission_to_view(client: Client) -> None:
    clerk = User.objects.create_user("clerk", password="demo", is_staff=True)
    client.force_login(clerk)
    refused = client.get(UPLOADS).status_code
    clerk.user_permissions.add(Permission.objects.get(codename="view_upload"))

    assert refused == 403
    assert client.get(UPLOADS).status_code == 200
    assert client.get("/admin/uploads/apitoken/export/").status_code == 403
    client.logout()
    assert client.get(UPLOADS).status_code == 302


def test_export_is_recorded_without_search_words(
    client: Client, superuser: User
) -> None:
    rows_of(client, f"{UPLOADS}?q=private")

    event = AuditEvent.objects.get(kind="admin.exported")
    assert event.actor == superuser
    assert event.detail == {"list": "upload", "filters": ["q"]}


def test_long_list_is_streamed_in_few_queries(client: Client, superuser: User) -> None:
    moment = superuser.date_joined
    Orphan.objects.bulk_create(
        Orphan(
            key=f"uploads/{number:06}",
            byte_size=number,
            modified_at=moment,
            first_seen_at=moment,
            last_seen_at=moment,
        )
        for number in range(5000)
    )

    with CaptureQueriesContext(connection) as queries:
        answer: Any = client.get("/admin/uploads/orphan/export/")
        assert answer.streaming
        chunks = list(answer.streaming_content)

    assert len(chunks) > 5
    assert sum(chunk.count(b"\r\n") for chunk in chunks) == 5001
    assert len(queries) < 15


@pytest.mark.parametrize("page", ["", "export/"])
@pytest.mark.parametrize(
    ("place", "lookup"),
    [
        ("mfa/authenticator", "data__secret__startswith"),
        ("mfa/authenticator", "data__contains"),
        ("uploads/apitoken", "digest__startswith"),
        ("uploads/apitoken", "idempotency_key__gt"),
        ("auth/user", "password__startswith"),
        ("uploads/storagequota", "pk__password__startswith"),
        ("uploads/storagequota", "pk__usersession__session_key__gt"),
    ],
)
def test_filters_on_secret_columns_are_refused(
    client: Client, superuser: User, place: str, lookup: str, page: str
) -> None:
    """Staff who may only view a list could guess a secret character by character."""
    address = f"/admin/{place}/{page}"

    assert client.get(f"{address}?{lookup}=A").status_code == 400


def test_filter_by_the_primary_key_is_permitted(
    client: Client, superuser: User
) -> None:
    address = f"/admin/uploads/storagequota/?pk__in={superuser.pk}"

    assert client.get(address).status_code == 200
