"""gunicorn's settings for a site on SQLite that runs a race for a quota at its start.

gunicorn's master process runs the race before it starts the web processes. The process
of the tests cannot run it, because its default database is another one. The master
process writes `results.json` next to the database, with the results of the threads,
the quota, and a token for the API.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

SIZE = 700


def on_starting(server: Any) -> None:
    """Create the database and let 64 threads race. gunicorn calls this function."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    from tests.races.consistency import assert_quotas_add_up
    from tests.races.files import declare
    from tests.races.threads import at_once
    from uploads import lifecycle
    from uploads.access.tokens import create_token
    from uploads.lifecycle import quota
    from uploads.models import StorageQuota

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        journal_mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    alice, bob = (User.objects.create_user(name) for name in ("alice", "bob"))
    StorageQuota.objects.create(user=alice, limit_bytes=10 * SIZE)
    declaration = declare(b"x" * SIZE)
    results = at_once(
        lambda: lifecycle.start(owner=alice, declaration=declaration), threads=64
    )
    assert_quotas_add_up()
    answer = {
        "journal_mode": journal_mode,
        "results": Counter(type(result).__name__ for result in results),
        "reserved_bytes": quota.usage(alice).reserved_bytes,
        "token_of_bob": create_token(bob, name="race")[1],
    }
    (settings.DATA_DIR / "results.json").write_text(json.dumps(answer))
    # Close the connection, because web processes must not share it.
    connection.close()
