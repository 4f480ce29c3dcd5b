"""Deletes the probe objects that a doctor left behind, each version of them."""

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
    """Return whether the doctor that made a probe object may still be running."""
    return is_probe(options().key_prefix, key) and modified_at > now - AGE


def sweep_probes(
    report: Counts,
    *,
    now: datetime,
    dry_run: bool,
    done: Callable[..., bool],
) -> None:
    """Delete what is an hour old. ``done`` deletes and counts what S3 refuses."""
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
        # The worker may not list versions: then only what is in sight can go.
        return [
            StoredVersion(entry.key, "", entry.modified_at)
            for entry in islice(bucket.list_objects(prefix), MAX_PROBES)
        ]
