"""The last release works on the new tables, so an upgrade needs no downtime.

The tests follow the steps of an upgrade. First, only the release serves. Then this
version migrates the database, and both versions serve. At the end, only this version
serves.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.upgrade.conftest import Version

PART = 16 * 1024 * 1024


@dataclass(frozen=True)
class Client:
    """A client of one person for one version of the site."""

    url: str
    token: str

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def start(self, filename: str, content: bytes) -> Any:
        declared = {
            "filename": filename,
            "byte_size": len(content),
            "content_type": "text/plain",
        }
        if len(content) <= PART:
            declared["checksum_sha256"] = checksum(content)
        status, upload = self.call("POST", "/uploads", declared)
        assert status == 201, upload
        return upload

    def send(self, upload: Any, content: bytes) -> None:
        if upload["transport"] == "put":
            put(upload["request"]["url"], upload["request"]["headers"], content)
            return
        size = upload["part_size"]
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        numbered = [
            {"part_number": number, "checksum_sha256": checksum(piece)}
            for number, piece in enumerate(pieces, 1)
        ]
        status, signed = self.call(
            "POST", f"/uploads/{upload['id']}/parts", {"parts": numbered}
        )
        assert status == 200, signed
        for part, piece in zip(signed["parts"], pieces, strict=True):
            put(part["url"], part["headers"], piece)

    def complete(self, upload: Any) -> None:
        status, done = self.call("POST", f"/uploads/{upload['id']}/complete")
        assert (status, done["state"]) == (200, "ready"), done

    def upload(self, filename: str, content: bytes) -> str:
        upload = self.start(filename, content)
        self.send(upload, content)
        self.complete(upload)
        return str(upload["id"])

    def names(self, query: str = "") -> set[str]:
        status, page = self.call("GET", f"/uploads?q={query}&state=ready")
        assert status == 200, page
        return {upload["filename"] for upload in page["results"]}


def checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def put(url: str, headers: dict[str, str], content: bytes) -> None:
    request = urllib.request.Request(url, data=content, method="PUT", headers=headers)
    with urllib.request.urlopen(request, timeout=120) as response:
        assert response.status == 200


def smoke_test(client: Client, name: str) -> None:
    """Use all parts of the API that change rows."""
    small = client.upload(f"{name}.txt", os.urandom(5_000))
    client.upload(f"{name} in parts.txt", os.urandom(PART + 1_000))
    status, renamed = client.call(
        "PATCH", f"/uploads/{small}", {"filename": f"{name} renamed.txt"}
    )
    assert (status, renamed["filename"]) == (200, f"{name} renamed.txt")
    assert {f"{name} renamed.txt", f"{name} in parts.txt"} <= client.names()
    given_up = client.start(f"{name} given up.txt", b"never sent")
    assert client.call("DELETE", f"/uploads/{given_up['id']}")[0] == 204
    unwanted = client.upload(f"{name} unwanted.txt", os.urandom(1_000))
    assert client.call("DELETE", f"/uploads/{unwanted}")[0] == 204
    status, me = client.call("GET", "/me")
    assert status == 200
    assert me["quota"]["reserved_bytes"] == 0


@dataclass
class Upgrade:
    """The state of the upgrade: both versions, and the columns before the migration."""

    old: Version
    new: Version
    token: str
    columns_before: set[tuple[str, str]]
    old_url: str


@pytest.fixture(scope="module")
def upgrade(
    old: Version, new: Version, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgrade]:
    """Use the release, then migrate its database.

    Yield the state after the migration.
    """
    logs = tmp_path_factory.mktemp("logs")
    old.manage("migrate", "--verbosity", "0")
    old.manage(
        "shell",
        "-c",
        "from django.contrib.auth.models import User; User.objects.create_user('person')",
    )
    token = old.manage("create_token", "person").strip()
    columns = {(row[0], row[1]) for row in rows_of_columns(old)}
    with old.serve(logs / "old.log") as url:
        client = Client(url, token)
        client.upload("before.txt", os.urandom(5_000))
        pending = client.start("pending.txt", b"sent after the migration")

        new.manage("migrate", "--verbosity", "0")

        client.send(pending, b"sent after the migration")
        client.complete(pending)
        yield Upgrade(old, new, token, columns, url)


def rows_of_columns(version: Version) -> list[tuple[str, str, str, str | None]]:
    with psycopg.connect(version.environment["DATABASE_URL"]) as connection:
        return connection.execute(
            "SELECT table_name, column_name, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_schema = 'public' "
            "AND is_identity = 'NO'"
        ).fetchall()


def test_columns_of_the_release_still_exist(upgrade: Upgrade) -> None:
    now = {(table, column) for table, column, _, _ in rows_of_columns(upgrade.new)}

    assert upgrade.columns_before - now == set()


def test_new_columns_have_defaults_for_rows_of_the_release(upgrade: Upgrade) -> None:
    tables = {table for table, _ in upgrade.columns_before}
    added = [
        row
        for row in rows_of_columns(upgrade.new)
        if row[0] in tables and row[:2] not in upgrade.columns_before
    ]

    assert added, "The schema did not change, so this test proves nothing."
    assert [
        f"{table}.{column} has no default in the database"
        for table, column, nullable, default in added
        if nullable == "NO" and default is None
    ] == []


def test_release_uploads_on_the_new_tables(upgrade: Upgrade) -> None:
    smoke_test(Client(upgrade.old_url, upgrade.token), "by the release")


def test_commands_of_the_release_work_on_the_new_tables(upgrade: Upgrade) -> None:
    report = json.loads(upgrade.old.manage("sweep").splitlines()[-1])

    assert report["failed"] == 0
    upgrade.old.manage("audit")  # this raises if rows and bucket differ


def test_both_versions_serve_the_same_accounts(
    upgrade: Upgrade, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("logs") / "new.log"
    with upgrade.new.serve(log) as url:
        new = Client(url, upgrade.token)
        old = Client(upgrade.old_url, upgrade.token)
        smoke_test(new, "by this version")
        started = new.start("both.txt", b"one starts, one completes")
        new.send(started, b"one starts, one completes")
        old.complete(started)
        other = old.start("Straße.txt", b"and the other way round")
        old.send(other, b"and the other way round")
        new.complete(other)
        names = new.names()
        assert {"before.txt", "pending.txt", "both.txt", "Straße.txt"} <= names
        assert old.names() == names

        report = json.loads(upgrade.new.manage("sweep").splitlines()[-1])
        assert report["failed"] == 0
        assert report["orphans"] == report["quotas_mended"] == 0
        # The release writes no names for the search. The sweep of this version adds
        # these names.
        assert new.names("STRASSE") == {"Straße.txt"}
        upgrade.new.manage("audit")


def test_tables_match_the_models(upgrade: Upgrade) -> None:
    upgrade.new.manage("makemigrations", "--check", "--dry-run")
