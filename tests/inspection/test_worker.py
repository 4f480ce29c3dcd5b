"""With TASKS_BACKEND=database, the site queues inspections for another process."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.plugins.clamd import EICAR, ClamdServer
from uploads.dev.s3_server import S3Server

ROOT = Path(__file__).resolve().parent.parent.parent

SITE = f"""
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from tests.support.builders import begin, put
from uploads.s3.bucket import get_bucket
from uploads.lifecycle.reconciliation import complete
call_command("migrate", "django_tasks_database", verbosity=0)
alice = User.objects.create_user("alice")
for content in (b"hello, this is long", {EICAR!r}):
    upload = begin(alice, content)
    put(get_bucket(), upload, content)
    print(complete(upload).state)
"""


def test_worker_finishes_an_inspection_that_the_site_queued(
    s3_server: S3Server, clamd: ClamdServer, tmp_path: Path, empty_database: Path
) -> None:
    database = Path(shutil.copy(empty_database, tmp_path))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{database}",
        "TASKS_BACKEND": "database",
        "UPLOADS_INLINE_INSPECTION_BYTES": "10",
        "CLAMD_URL": clamd.url,
    }

    def run(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout

    def states() -> list[str]:
        with sqlite3.connect(database) as connection:
            found = connection.execute("SELECT state FROM uploads_upload ORDER BY 1")
            rows = [state for (state,) in found]
        connection.close()
        return rows

    assert run("-c", SITE).split() == ["inspecting", "inspecting"]
    assert states() == ["inspecting", "inspecting"]

    run("manage.py", "db_worker", "--batch", "--no-startup-delay")

    assert states() == ["ready", "rejected"]
