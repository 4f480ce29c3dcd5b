"""Run the site under random faults for some minutes: `make soak MINUTES=15 SEED=1`.

Simulated people upload, cancel, delete and leave, while connections fail and servers
are killed. Then the faults end and the sweeper runs. Finally, each upload must be ready
with the correct bytes, or ended without an object, parts or quota.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.faults.parts import wait_until_idle
from tests.faults.soak_faults import RandomFaults
from tests.faults.soak_people import Person, PersonAtThePage, Results
from tests.faults.soak_servers import SoakServers, show_log

PEOPLE = 4
SETTLE_SECONDS = 480
"""The limit for the time until all uploads are in a final state.

The stopped sweepers may have claimed rows. Their leases on these rows expire after
300 s.
"""


def main() -> int:
    """Run the soak test, and return the exit code."""
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    # Also after SIGTERM, stop the servers and delete their folders.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    with SoakServers(options.seed) as servers:
        return _soak(servers, options)


def _soak(servers: SoakServers, options: argparse.Namespace) -> int:
    until = time.monotonic() + options.minutes * 60
    results = Results()
    faults = RandomFaults(servers, seed=options.seed)
    people: list[Any] = [
        Person(servers, results, seed=options.seed, until=until, number=number)
        for number in range(PEOPLE)
    ]
    if not options.no_browser:
        people.append(PersonAtThePage(servers, results, seed=options.seed, until=until))
    for person in people:
        person.start()
    faults.inject_until(until)
    for person in people:
        person.join(300)
    problems = list(_failures_of_people(servers, people))
    for problem in problems:
        print(problem, flush=True)
    problems += _settle(servers)
    problems += _compare(results)
    _summarise(servers, faults, results, problems)
    return 1 if problems else 0


def _failures_of_people(servers: SoakServers, people: list[Any]) -> Iterator[str]:
    for person in people:
        if person.error:
            yield f"{type(person).__name__} broke: {person.error!r}"
    if any(person.is_alive() for person in people):
        yield "a simulated person has not finished in time"
    if servers.unexpected_ends:
        yield f"processes ended unexpectedly: {dict(servers.unexpected_ends)}"
        print(show_log(servers.home / "sweep.log"))


def _settle(servers: SoakServers) -> list[str]:
    """Stop the site and sweep until all uploads are in a final state.

    Return a line for each other upload.
    """
    from django.db import connection

    from uploads.models import Upload
    from uploads.states import RESERVING
    from uploads.upkeep.sweeper import sweep

    servers.stop_sweepers()
    # Stopping the site ends all its requests. Some of them wait for an answer that S3
    # never sends.
    servers.site.stop()
    for proxy in servers.proxies:
        wait_until_idle(proxy)
    connection.close()
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        report = sweep()
        left = Upload.objects.filter(state__in=RESERVING).count()
        if not left and not report.failed:
            return []
        time.sleep(2)
    return [_why(row) for row in Upload.objects.filter(state__in=RESERVING)]


def _why(row: Any) -> str:
    """Return a line with the reason why an upload is not in a final state."""
    from uploads.errors import UploadError
    from uploads.lifecycle import advance

    chain = []
    try:
        advance(row)
    except UploadError as error:
        cause: BaseException | None = error
        while cause is not None:
            chain.append(repr(cause))
            cause = cause.__cause__
    retries = f"{row.failed_checks} failures, next attempt at {row.retry_at}"
    return f"{row.pk} is still {row.state}, {retries}: {' from '.join(chain)}"


def _compare(results: Results) -> list[str]:
    """Return all differences between the final state and the expected state."""
    from uploads.models import AuditEvent, StorageQuota, Upload
    from uploads.states import State
    from uploads.upkeep.auditing import audit

    problems = [str(difference) for difference in audit()]
    ready = Upload.objects.filter(state=State.READY)
    problems += [
        f"{row.pk} has other bytes than were uploaded"
        for row in ready.iterator()
        if _sha256(row.key) != row.filename.removesuffix(".bin")
    ]
    lost = results.ready - {str(pk) for pk in ready.values_list("pk", flat=True)}
    problems += [f"the site reported {pk} as ready, but it is not" for pk in lost]
    for quota in StorageQuota.objects.exclude(reserved_bytes=0, reserved_files=0):
        problems.append(f"{quota} has {quota.reserved_bytes} bytes reserved")
    twice = Counter(
        AuditEvent.objects.filter(kind="upload.ready").values_list("upload", flat=True)
    )
    problems += [f"{pk} became ready {n} times" for pk, n in twice.items() if n > 1]
    rejected = Upload.objects.filter(state=State.REJECTED)
    problems += [f"{row.pk} was rejected: {row.rejected_reason}" for row in rejected]
    return problems


def _sha256(key: str) -> str:
    from uploads.s3.bucket import get_bucket

    bucket = get_bucket()
    body = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"]
    digest = hashlib.sha256()
    for piece in body.iter_chunks(1024 * 1024):
        digest.update(piece)
    return digest.hexdigest()


def _summarise(
    servers: SoakServers, faults: RandomFaults, results: Results, problems: list[str]
) -> None:
    from django.db.models import Count, Sum

    from uploads.models import Upload

    rows = Upload.objects.order_by("state").values("state")
    states = rows.annotate(count=Count("pk"), bytes=Sum("byte_size"))
    print("\nuploads")
    for line in states:
        print(f"  {line['state']:<11}{line['count']:>6}{line['bytes']:>14} bytes")
    for title, counts in (
        ("outcomes", results.outcomes),
        ("faults", faults.hit_count),
        ("kills", faults.kills),
    ):
        print(title)
        for name, count in sorted(counts.items()):
            print(f"  {name:<40}{count:>6}")
    print("differences" if problems else "no differences")
    for problem in problems:
        print(f"  {problem}")


if __name__ == "__main__":
    sys.exit(main())
