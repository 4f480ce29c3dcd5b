"""Compares all objects in the bucket with all rows of uploads and all quotas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from django.db import connection
from django.db.models.functions import Collate
from django.utils import timezone

from uploads import lifecycle
from uploads.conf import options
from uploads.errors import NoSuchMultipartUpload, StorageError
from uploads.models import JobReport, Upload
from uploads.s3.bucket import ListedObject, OpenMultipartUpload, get_bucket
from uploads.s3.keys import is_incoming, row_key
from uploads.states import FINAL, State
from uploads.upkeep import figures
from uploads.upkeep.probes import AGE, is_left_alone
from uploads.upkeep.quota_drift import find_drift

BYTE_ORDER = {"postgresql": "C", "sqlite": "BINARY"}
"""The collations that sort keys as S3 does, so that the audit can merge both lists."""

CHUNK = 2000
NO_ROW = "object without a row"
NO_OBJECT = "row without an object"
STORED = {State.READY, State.INSPECTING}


@dataclass(frozen=True)
class Difference:
    """A difference between bucket and database.

    ``kind`` is a stable code. ``subject`` is a key or an account.
    """

    kind: str
    subject: str
    detail: str


@dataclass
class Progress:
    """The progress of an audit, which calls ``show`` after each object or row."""

    objects: int = 0
    rows: int = 0
    show: Callable[[Progress], None] = field(default=lambda _: None, repr=False)


def audit(progress: Progress | None = None) -> Iterator[Difference]:
    """Yield every difference between bucket, rows and quotas; change nothing.

    Reads objects and rows in the order of their keys and merges them, so memory use is
    constant. Uploads continue during the audit and cause apparent differences. So the
    audit checks each difference again before it yields the difference. Raises
    StorageError.
    """
    progress = progress or Progress()
    listed = in_order(get_bucket().list_objects(options().key_prefix))
    objects = (e for e in listed if not _is_probe(e.key, e.modified_at))
    for entry, row in paired(objects, _rows()):
        progress.objects += entry is not None
        progress.rows += row is not None
        progress.show(progress)
        if _seems_to_differ(entry, row):
            key = entry.key if entry is not None else row.key if row is not None else ""
            yield from _check_again(key)
    yield from _multipart_uploads()
    for drift in find_drift():
        yield Difference(
            "quota",
            f"user {drift.owner_id}",
            f"the quota counts {drift.counted}, but the user's uploads add up to "
            f"{drift.actual}",
        )


def delete_missing(difference: Difference) -> bool:
    """Mark a file as deleted if its object does not exist.

    Returns whether this function marked the file. The owner cannot download such a
    file, but its bytes use quota.
    """
    if difference.kind != NO_OBJECT:
        return False
    upload = Upload.objects.filter(key=difference.subject).first()
    if upload is None or get_bucket().head_object(upload.key) is not None:
        return False
    lifecycle.remove(upload)
    return True


def remember_audit(
    kinds: Mapping[str, int], progress: Progress, *, seconds: float
) -> None:
    """Store the result of a complete audit for the admin and /metrics."""
    counts = {"objects": progress.objects, "rows": progress.rows}
    figures.remember_job(
        JobReport.AUDIT,
        {**counts, "differences": sum(kinds.values()), "kinds": dict(kinds)},
        seconds=seconds,
    )


def paired(
    objects: Iterator[ListedObject], rows: Iterator[Upload]
) -> Iterator[tuple[ListedObject | None, Upload | None]]:
    """Yield each object with its row. Yield None for a missing object or row.

    Both iterators must be sorted by key. Only one object and one row are in memory.
    """
    entry, row = next(objects, None), next(rows, None)
    while entry is not None or row is not None:
        if row is None or (entry is not None and entry.key < row.key):
            yield entry, None
            entry = next(objects, None)
        elif entry is None or row.key < entry.key:
            yield None, row
            row = next(rows, None)
        else:
            yield entry, row
            entry, row = next(objects, None), next(rows, None)


def in_order(objects: Iterator[ListedObject]) -> Iterator[ListedObject]:
    """Yield ``objects``; raise StorageError if their keys are not sorted."""
    last = ""
    for entry in objects:
        if entry.key <= last:
            raise StorageError(
                f"The bucket listed the key {entry.key} after the key {last}. The audit "
                "stops, because it needs the keys in byte order."
            )
        last = entry.key
        yield entry


def _rows() -> Iterator[Upload]:
    collation = BYTE_ORDER.get(connection.vendor, "binary")
    found = Upload.objects.annotate(byte_order=Collate("key", collation))
    needed = found.only("key", "state", "byte_size").order_by("byte_order")
    yield from needed.iterator(chunk_size=CHUNK)


def _seems_to_differ(entry: ListedObject | None, row: Upload | None) -> bool:
    if row is None:
        return True
    if entry is None:
        return row.state in STORED
    return row.state in FINAL or (
        row.state in STORED and entry.byte_size != row.byte_size
    )


def _check_again(key: str) -> Iterator[Difference]:
    """Read the object and the row of ``key`` again, and yield their difference."""
    facts = get_bucket().head_object(key)
    row = Upload.objects.filter(key=row_key(key)).first()
    if row is None:
        if facts is not None:
            yield Difference(NO_ROW, key, f"{facts.byte_size} bytes")
    elif facts is None:
        if row.state in STORED:
            yield Difference(NO_OBJECT, key, f"upload {row.pk}")
    elif row.state in FINAL:
        yield Difference(
            "object of an upload that is over", key, f"upload {row.pk} is {row.state}"
        )
    elif is_incoming(key):
        if row.state != State.PENDING:
            yield Difference(
                "leftover of a form", key, f"upload {row.pk} has a copy of this file"
            )
    elif row.state in STORED and facts.byte_size != row.byte_size:
        yield Difference(
            "size",
            key,
            f"the object has {facts.byte_size} bytes, but the row of upload {row.pk} "
            f"says {row.byte_size}",
        )


def _multipart_uploads() -> Iterator[Difference]:
    listed = get_bucket().list_multipart_uploads(options().key_prefix)
    while page := list(islice(listed, CHUNK)):
        pending = set(
            Upload.objects.filter(
                key__in=[entry.key for entry in page], state=State.PENDING
            ).values_list("key", flat=True)
        )
        for entry in page:
            if entry.key not in pending and _is_open(entry):
                yield Difference(
                    "multipart upload of nobody",
                    entry.key,
                    f"open since {entry.started_at:%Y-%m-%d %H:%M:%S %Z}",
                )


def _is_probe(key: str, modified_at: datetime) -> bool:
    """Return whether this is a probe object of the doctor, less than two hours old.

    The sweeper deletes probe objects that are older than one hour.
    """
    return is_left_alone(key, modified_at, timezone.now() - AGE)


def _is_open(entry: OpenMultipartUpload) -> bool:
    if _is_probe(entry.key, entry.started_at):
        return False
    if Upload.objects.filter(key=entry.key, state=State.PENDING).exists():
        return False
    try:
        get_bucket().list_parts(entry.key, entry.multipart_id)
    except NoSuchMultipartUpload:
        return False
    return True
