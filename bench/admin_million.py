"""Measures the pages of the admin with a thousand and with a million uploads.

Run it with ``python bench/admin_million.py [rows]``. It needs no server and no S3,
because it fills two temporary SQLite files with SQL statements. It requests each page
three times and prints the fastest of the three times in milliseconds. It also prints
the time in SQL, and the ratio between the two databases. The exit code is 1 if a page
spends more than 250 ms in SQL. The exit code is also 1 if a page needs at least two
queries more for the large table than for the small one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SMALL = 1_000
OWNERS = 200
RUNS = 3
SLOWEST_SQL_MS = 250

sys.path.insert(0, str(ROOT))

SERIAL = """(
    WITH RECURSIVE serial(n) AS (
        SELECT 1 UNION ALL SELECT n + 1 FROM serial WHERE n < %s
    )
    SELECT n FROM serial
)"""

UPLOAD = {
    "id": "printf('%%08x%%024x', (n * 2654435761) %% 4294967296, n)",
    "owner_id": f"template.owner_id + n %% {OWNERS}",
    "state": """CASE WHEN n %% 100 < 90 THEN 'ready' WHEN n %% 100 < 94 THEN 'deleted'
        WHEN n %% 100 < 97 THEN 'expired' WHEN n %% 100 < 98 THEN 'rejected'
        WHEN n %% 100 < 99 THEN 'cancelled' ELSE 'pending' END""",
    "transport": """CASE WHEN n %% 5000 = 0 THEN 'post' WHEN n %% 4 = 0 THEN 'multipart'
        ELSE 'put' END""",
    "key": "printf('uploads/%%02x/%%02x%%038x', n %% 256, n %% 256, n)",
    "filename": """printf('%%s %%d.%%s', CASE n %% 3 WHEN 0 THEN 'Invoice' WHEN 1
        THEN 'Holiday' ELSE 'Report' END, n, CASE WHEN n %% 10 < 6 THEN 'jpg'
        ELSE 'pdf' END)""",
    "byte_size": "(n * 7919) %% 500000000",
    "content_type": """CASE WHEN n %% 10000 = 0 THEN 'font/woff2'
        WHEN n %% 10 < 6 THEN 'image/jpeg' WHEN n %% 10 < 9 THEN 'application/pdf'
        ELSE 'video/mp4' END""",
    "created_at": "datetime('now', printf('-%%d seconds', n * 60))",
    "expires_at": "datetime('now', printf('%%d seconds', 604800 - n * 60))",
    "completed_at": "datetime('now', printf('-%%d seconds', n * 60))",
}
"""Columns that differ between rows. All other columns are the same in all rows."""

EVENT = {
    "id": "uploads_upload.rowid + 1000",
    "upload_id": "uploads_upload.id",
    "kind": """CASE WHEN byte_size % 2 THEN 'upload.started'
        ELSE 'upload.' || state END""",
    "actor_id": "owner_id",
    "user_id": "owner_id",
    "at": "created_at",
    "request_id": "substr(uploads_upload.id, 1, 8) || hex(randomblob(12))",
}


@dataclass(frozen=True)
class Timing:
    """The fastest request of one page: its time, its SQL time, its number of queries."""

    total_ms: float
    sql_ms: float
    queries: int


def configure(folder: Path) -> None:
    import django

    os.environ["DATA_DIR"] = str(folder)
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'empty.sqlite3'}"
    os.environ["LOG_LEVEL"] = "ERROR"
    os.environ["DEBUG"] = "true"
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from django.conf import settings

    settings.DEBUG = False  # with DEBUG, Django logs queries and is slower
    settings.ALLOWED_HOSTS = ["testserver"]


def use_database(path: Path) -> None:
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = str(path)


def build(path: Path, rows: int) -> None:
    """Fill a new database with ``rows`` uploads and events, and 200 owners."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from uploads.models import AuditEvent, Upload

    use_database(path)
    call_command("migrate", verbosity=0)
    users = get_user_model()
    users.objects.bulk_create(
        users(username=f"person{number}") for number in range(OWNERS)
    )
    users.objects.create_superuser("admin")
    upload = Upload.objects.create(
        owner=users.objects.earliest("pk"),
        transport="put",
        key="template",
        filename="template",
        byte_size=1,
        part_size=16 * 1024**2,
        content_type="text/plain",
        expires_at=timezone.now(),
    )
    AuditEvent.objects.create(upload=upload, kind="upload.started")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.execute("PRAGMA cache_size=-400000")
        cursor.execute(insertion("uploads_upload", UPLOAD, SERIAL), [rows - 1])
        cursor.execute(insertion("uploads_auditevent", EVENT, "uploads_upload"))


def insertion(table: str, changes: dict[str, str], source: str) -> str:
    """Return the SQL that copies the only row once for each row of ``source``."""
    from django.db import connection

    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
    columns = [column.name for column in described]
    values = [changes.get(column, f"template.{column}") for column in columns]
    template = f"(SELECT * FROM {table} LIMIT 1) AS template"  # noqa: S608
    into = f"INSERT INTO {table} ({', '.join(columns)})"
    selected = f"SELECT {', '.join(values)} FROM {source} CROSS JOIN {template}"  # noqa: S608
    return f"{into} {selected}"


@contextmanager
def sql_clock() -> Iterator[list[float]]:
    """Yield a list, to which each query inside the context adds its seconds."""
    from django.db import connection

    spent: list[float] = []

    def timed(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent.append(time.perf_counter() - began)

    with connection.execute_wrapper(timed):
        yield spent


def pages() -> dict[str, str]:
    """Return the measured pages. The keys are labels, the values are paths."""
    from django.utils import timezone

    from uploads.admin.listing import ListAdmin
    from uploads.admin.paginator import CappedPaginator
    from uploads.models import AuditEvent, Upload

    newest = Upload.objects.newest_first()[SMALL // 2]
    event = AuditEvent.objects.order_by("at")[0]
    last_page = (
        min(Upload.objects.count(), CappedPaginator.LIMIT) // ListAdmin.list_per_page
    )
    now = timezone.now()
    day = f"year={now.year}&{{0}}month={now.month}&{{0}}day={now.day}"
    uploads, events = "/admin/uploads/upload/", "/admin/uploads/auditevent/"
    return {
        "the first page": "/admin/",
        "uploads, newest": uploads,
        "uploads, oldest first": f"{uploads}?o=6",
        "uploads, last page": f"{uploads}?p={last_page}",
        "uploads, one state": f"{uploads}?state__exact=rejected",
        "uploads, a common type": f"{uploads}?type=image",
        "uploads, a rare type": f"{uploads}?type=font",
        "uploads, a rare transport": f"{uploads}?transport=post",
        "uploads, large ones": f"{uploads}?size=large",
        "uploads, a day": f"{uploads}?created_at__{day.format('created_at__')}",
        "uploads, a day and a type": f"{uploads}?type=font"
        f"&created_at__{day.format('created_at__')}",
        "uploads of one owner": f"{uploads}?owner__id__exact={newest.owner_id}",
        "search a username": f"{uploads}?q=person7",
        "search a common name": f"{uploads}?q=invoice",
        "search a name not there": f"{uploads}?q=nothing+like+it",
        "search an id": f"{uploads}?q={newest.pk}",
        "search a key": f"{uploads}?q={newest.key}",
        "search a key's beginning": f"{uploads}?q={newest.key[:12]}",
        "one upload": f"{uploads}{newest.pk}/change/",
        "events, newest": events,
        "events, last page": f"{events}?p={last_page}",
        "events, one kind": f"{events}?kind=upload.rejected",
        "events, a common noun": f"{events}?kind=upload",
        "events, a rare noun": f"{events}?kind=policy",
        "events of an account": f"{events}?account={newest.owner_id}",
        "events of one actor": f"{events}?actor={newest.owner_id}",
        "events, search a name": f"{events}?q=person7",
        "events, a day": f"{events}?at__{day.format('at__')}",
        "events of an upload": f"{events}?q={newest.pk}",
        "events of a request": f"{events}?q={event.request_id}",
        "a request not there": f"{events}?q=nobody",
        "quotas": "/admin/uploads/storagequota/",
    }


def measure() -> dict[str, Timing]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.get(username="admin"))
    return {words: best_of(client, address) for words, address in pages().items()}


def best_of(client: Any, address: str) -> Timing:
    runs = []
    for _ in range(RUNS):
        with sql_clock() as spent:
            began = time.perf_counter()
            response = client.get(address)
            total = time.perf_counter() - began
        if response.status_code != 200:
            raise SystemExit(f"{address} answered {response.status_code}")
        runs.append(Timing(total * 1e3, sum(spent) * 1e3, len(spent)))
    return min(runs, key=lambda run: run.total_ms)


def report(small: dict[str, Timing], large: dict[str, Timing]) -> bool:
    """Print the table. Return True if all pages are fast enough."""
    print(
        f"{'ms':<28}{'small':>8}{'large':>8}{'ratio':>7}{'SQL':>8}{'SQL':>8}  queries"
    )
    kept = True
    for words, before in small.items():
        after = large[words]
        ratio = after.total_ms / before.total_ms
        slow = after.sql_ms > SLOWEST_SQL_MS or after.queries > before.queries + 1
        kept = kept and not slow
        print(
            f"{words:<28}{before.total_ms:>8.1f}{after.total_ms:>8.1f}{ratio:>7.1f}"
            f"{before.sql_ms:>8.1f}{after.sql_ms:>8.1f}"
            f"  {before.queries}/{after.queries}{'  TOO SLOW' if slow else ''}"
        )
    return kept


def main() -> int:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        configure(Path(folder))
        timings = []
        for size in (SMALL, rows):
            began = time.perf_counter()
            build(Path(folder) / f"{size}.sqlite3", size)
            print(f"built {size:,} uploads in {time.perf_counter() - began:.1f} s")
            timings.append(measure())
        return 0 if report(*timings) else 1


if __name__ == "__main__":
    raise SystemExit(main())
