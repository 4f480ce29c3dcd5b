"""Measures lists, search, starts and reservations with large tables in PostgreSQL.

Run it with ``python bench/scale.py [rows...]``. The default sizes are 1,000, 100,000
and 5,000,000 uploads. They need 10 GB of disk space and a quarter of an hour. The
script starts its own PostgreSQL with one database for each size. Each of the 25 rounds
runs all requests on all databases, so that a busy machine slows all sizes equally. The
result of a request is its fastest time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.report import Bar, Row, report
from tests.plugins.postgres import PostgresServer

SIZES = (1_000, 100_000, 5_000_000)
ROUNDS = 25
OWNERS = 500
NAMES_OF_ONE = 25_000
MAX_RATIO = 1.1
MAX_SEARCH_MS = 20

UPLOAD = {
    "id": "gen_random_uuid()",
    # The first owner gets up to 25,000 uploads, distributed over the whole table.
    "owner_id": "CASE WHEN n %% %(step)s = 0 THEN template.owner_id "
    "ELSE template.owner_id + 1 + n %% %(owners)s END",
    "state": "CASE WHEN n %% 100 < 94 THEN 'ready' WHEN n %% 100 < 97 THEN 'deleted' "
    "ELSE 'expired' END",
    "transport": "CASE WHEN n %% 4 = 0 THEN 'multipart' ELSE 'put' END",
    "key": "'uploads/' || md5(n::text) || md5((-n)::text)",
    "filename": "(ARRAY['Invoice','Holiday','Report'])[1 + n %% 3] || ' ' || n "
    "|| CASE WHEN n %% 10 < 6 THEN '.jpg' ELSE '.pdf' END",
    "search_name": "(ARRAY['invoice','holiday','report'])[1 + n %% 3] || ' ' || n "
    "|| CASE WHEN n %% 10 < 6 THEN '.jpg' ELSE '.pdf' END",
    "byte_size": "(n::bigint * 7919) %% 500000000",
    "created_at": "now() - n * interval '10 seconds'",
    "expires_at": "now() + interval '7 days' - n * interval '10 seconds'",
    "completed_at": "now() - n * interval '10 seconds'",
    "purged_at": "now()",
    "idempotency_key": "NULL",
}
EVENT = {
    "upload_id": "u.id",
    "user_id": "u.owner_id",
    "actor_id": "u.owner_id",
    "at": "u.created_at",
    "request_id": "md5(u.id::text)",
}


def configure(url: str, folder: str) -> None:
    import django

    os.environ["DATABASE_URL"] = url
    os.environ["DATA_DIR"] = folder
    os.environ["LOG_LEVEL"] = "ERROR"
    os.environ["DEBUG"] = "true"
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from django.conf import settings

    settings.DEBUG = False  # with DEBUG, Django logs queries and is slower
    settings.ALLOWED_HOSTS = ["testserver"]
    none = {f"RATE_{action}": "none" for action in ("START", "START_PER_ADDRESS")}
    settings.UPLOADS = {**settings.UPLOADS, **none}


def use(database: str) -> None:
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = database


def execute(sql: str, params: Any = None) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def build(rows: int) -> str:
    """Create a database with ``rows`` uploads and events, and return its name."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.utils import timezone

    from uploads.models import AuditEvent, Upload

    use("postgres")
    name = f"rows{rows}"
    execute(f"CREATE DATABASE {name}")
    use(name)
    call_command("migrate", verbosity=0)
    users = get_user_model()
    users.objects.bulk_create(
        users(username=f"person{number}") for number in range(OWNERS + 2)
    )
    users.objects.create_superuser("admin")
    first = Upload.objects.create(
        owner=users.objects.earliest("pk"),
        transport="put",
        key="template",
        filename="template",
        byte_size=1,
        part_size=16 * 1024**2,
        content_type="image/jpeg",
        expires_at=timezone.now(),
        etag='"9b2cf535f27731c974343645a3985328"',
        object_checksum="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        checksum_sha256="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    )
    AuditEvent.objects.create(upload=first, kind="upload.started")
    with_indexes_last(
        "uploads_upload",
        insertion("uploads_upload", UPLOAD, "generate_series(1, %(rows)s) AS n"),
        {
            "rows": rows - 1,
            "step": max(2, rows // NAMES_OF_ONE),
            "owners": OWNERS,
        },
    )
    with_indexes_last(
        "uploads_auditevent",
        insertion("uploads_auditevent", EVENT, "uploads_upload AS u", leave_out="id"),
        {},
    )
    execute("VACUUM ANALYZE")
    execute("CHECKPOINT")
    return name


def with_indexes_last(table: str, fill: str, params: dict[str, Any]) -> None:
    """Drop the table's indexes, fill the table, and create the indexes again.

    Filling a table that has indexes would take longer.
    """
    indexes = execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname "
        "NOT IN (SELECT conname FROM pg_constraint)",
        [table],
    )
    for name, _ in indexes:
        execute(f'DROP INDEX "{name}"')
    execute("SET maintenance_work_mem = '1GB'; SET synchronous_commit = off")
    # Switch triggers off, because they check the foreign keys of each row.
    execute("SET session_replication_role = replica")
    execute(fill, params)
    execute("RESET session_replication_role")
    for _, definition in indexes:
        execute(definition.replace("%", "%%"), {})


def insertion(
    table: str, changes: dict[str, str], source: str, *, leave_out: str = ""
) -> str:
    """Return the SQL that copies the only row once for each row of ``source``."""
    from django.db import connection

    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
    columns = [column.name for column in described if column.name != leave_out]
    values = [changes.get(column, f"template.{column}") for column in columns]
    template = f"(SELECT * FROM {table} LIMIT 1) AS template"  # noqa: S608
    into = f"INSERT INTO {table} ({', '.join(columns)})"
    selected = f"SELECT {', '.join(values)} FROM {source} CROSS JOIN {template}"  # noqa: S608
    return f"{into} {selected}"


def requests() -> dict[str, Callable[[], object]]:
    """Return the measured requests by their labels, for the current database."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from uploads.lifecycle import quota
    from uploads.models import Upload

    person = get_user_model().objects.get(username="person0")
    browser, operator = Client(), Client()
    browser.force_login(person)
    operator.force_login(get_user_model().objects.get(username="admin"))
    cursor = ""
    if Upload.objects.filter(owner=person).count() > 200:
        for _ in range(2):
            page = browser.get("/api/v1/uploads", {"limit": 100, "cursor": cursor})
            cursor = page.json()["next_cursor"]
    digest = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    declared = {
        "filename": "holiday.jpg",
        "byte_size": 10_000,
        "content_type": "image/jpeg",
        "checksum_sha256": digest,
    }

    def get(client: Client, path: str, **query: Any) -> Callable[[], object]:
        def ask() -> None:
            answer = client.get(path, query)
            assert answer.status_code == 200, answer.content

        return ask

    def post(path: str, body: Any, status: int) -> Callable[[], object]:
        text = json.dumps(body)

        def ask() -> None:
            answer = browser.post(f"/api/v1{path}", text, "application/json")
            assert answer.status_code == status, answer.content

        return ask

    uploads = "/api/v1/uploads"
    return {
        "list, first page": get(browser, uploads),
        "list, third page": get(browser, uploads, cursor=cursor)
        if cursor
        else get(browser, uploads),
        "search, no match": get(browser, uploads, q="nothing like it"),
        "search, many matches": get(browser, uploads, q="holiday"),
        "start": post("/uploads", declared, 201),
        "start a batch of 100": post(
            "/uploads/batch", {"uploads": [declared] * 100}, 200
        ),
        "reserve": lambda: quota.reserve(person, 1),
        "admin list": get(operator, "/admin/uploads/upload/"),
        "admin search, no match": get(
            operator, "/admin/uploads/upload/", q="nothing like it"
        ),
    }


def measure(databases: dict[int, str]) -> dict[int, dict[str, float]]:
    """Return the time of each request's fastest run in milliseconds, for each size."""
    from django.contrib.auth import get_user_model

    from uploads.models import StorageQuota

    made: dict[int, dict[str, Callable[[], object]]] = {}
    for rows, database in databases.items():
        use(database)
        person = get_user_model().objects.get(username="person0")
        StorageQuota.objects.create(
            user=person, limit_bytes=2**60, max_files=2**40, max_open=2**40
        )
        made[rows] = requests()
        for act in made[rows].values():
            act()
    spent: dict[int, dict[str, list[float]]] = {
        rows: {words: [] for words in acts} for rows, acts in made.items()
    }
    for _ in range(ROUNDS):
        for rows, database in databases.items():
            use(database)
            execute("SELECT 1")
            for words, act in made[rows].items():
                began = time.perf_counter()
                act()
                spent[rows][words].append((time.perf_counter() - began) * 1e3)
    return {
        rows: {words: min(times) for words, times in acts.items()}
        for rows, acts in spent.items()
    }


def bars(fastest: dict[int, dict[str, float]]) -> list[Bar]:
    sizes = sorted(fastest)
    largest, before = fastest[sizes[-1]], fastest[sizes[-2]] if len(sizes) > 1 else {}
    limited = ("list, first page", "list, third page", "start", "start a batch of 100")
    found = [
        Bar(
            f"{words}: {sizes[-1]:,} / {sizes[-2]:,} rows",
            largest[words] / before[words],
            at_most=MAX_RATIO if words in limited else None,
        )
        for words in before
    ]
    search = largest["search, no match"] / MAX_SEARCH_MS
    return [*found, Bar(f"search, no match / {MAX_SEARCH_MS} ms", search, at_most=1)]


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or list(SIZES)
    server = PostgresServer()
    folder = tempfile.TemporaryDirectory(prefix="slipway-bench-")
    try:
        server.start()
        configure(server.url, folder.name)
        databases = {}
        for rows in sizes:
            began = time.perf_counter()
            databases[rows] = build(rows)
            print(f"{rows:,} uploads made in {time.perf_counter() - began:.0f} s")
        fastest = measure(databases)
    finally:
        server.stop()
        folder.cleanup()
    report(
        "scale",
        [
            Row(f"{words}, {rows:,} rows", milliseconds, "ms")
            for words in next(iter(fastest.values()))
            for rows, acts in fastest.items()
            for milliseconds in [acts[words]]
        ],
        bars(fastest),
    )


if __name__ == "__main__":
    main()
