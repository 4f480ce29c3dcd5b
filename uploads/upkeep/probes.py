"""Deletes old probe objects of the doctor and of setup, with all their versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from uploads.conf import options
from uploads.errors import StorageError
from uploads.s3.bucket import get_bucket
from uploads.s3.keys import DOCTOR, PROBE_SECONDS, is_probe
from uploads.s3.removal import StoredVersion, list_versions

AGE = timedelta(seconds=PROBE_SECONDS)
MAX_PROBES = 1000


class Counts(Protocol):
    """The field of the sweeper's report that counts probe objects."""

    probes: int


def is_left_alone(key: str, modified_at: datetime, now: datetime) -> bool:
    """Return whether this is a probe object that a running doctor may need."""
    return is_probe(options().key_prefix, key) and modified_at > now - AGE


def sweep_probes(
    report: Counts,
    *,
    now: datetime,
    dry_run: bool,
    done: Callable[..., bool],
) -> None:
    """Delete probe objects that are older than AGE.

    ``done`` calls the delete function and returns whether it succeeded. It counts
    failures in ``report``.
    """
    bucket = get_bucket()
    for version in islice(_versions(), MAX_PROBES):
        if version.modified_at > now - AGE:
            continue
        arguments: dict[str, Any] = {}
        if version.version_id:
            arguments["version_id"] = version.version_id
        if dry_run or done(report, bucket.delete_object, version.key, **arguments):
            report.probes += 1


def _versions() -> list[StoredVersion]:
    bucket, prefix = get_bucket(), f"{options().key_prefix}{DOCTOR}"
    try:
        return list(islice(list_versions(bucket, prefix), MAX_PROBES))
    except StorageError:
        # The worker may lack the right to list versions. Then return only the current
        # versions.
        return [
            StoredVersion(entry.key, "", entry.modified_at)
            for entry in islice(bucket.list_objects(prefix), MAX_PROBES)
        ]
