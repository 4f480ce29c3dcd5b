"""Race for a quota on a SQLite file: `python -m tests.races.sqlite_starts FILE SIZE`.

A process of its own, because Django knows one default database at a time. Prints
JSON: what the threads got, what the quota says, and a token for the API.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter


def main(database: str, byte_size: int) -> None:
    os.environ["DATABASE_URL"] = f"sqlite:///{database}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()

    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    from tests.races.books import assert_quotas_add_up
    from tests.races.files import declare
    from tests.races.threads import at_once
    from uploads import lifecycle, quota
    from uploads.models import StorageQuota
    from uploads.tokens import create_token

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        journal_mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    alice, bob = (User.objects.create_user(name) for name in ("alice", "bob"))
    StorageQuota.objects.create(user=alice, limit_bytes=10 * byte_size)
    declaration = declare(b"x" * byte_size)
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
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
