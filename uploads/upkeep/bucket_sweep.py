"""Sweeps the bucket: deletes orphans, late objects and unowned multipart uploads.

An orphan is an object that has no row. A late object has arrived after the end of its
upload. A multipart upload is unowned if no pending row has its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol, TypeVar

import structlog
from django.utils import timezone

from uploads.conf import options
from uploads.errors import StorageError
from uploads.models import SweepMark, Upload
from uploads.s3.bucket import ListedObject, OpenMultipartUpload, get_bucket
from uploads.s3.keys import INCOMING, is_incoming, is_probe, row_key
from uploads.states import FINAL, RESERVING, USING, State
from uploads.upkeep import orphans
from uploads.upkeep.probes import is_left_alone, sweep_probes

logger = structlog.get_logger("slipway.sweeper")

T = TypeVar("T")

PAGE = 1000
MAX_OBJECTS = 20_000

COPIED = (RESERVING | USING) - {State.PENDING}
"""In these states, the server has copied the file of a form to the upload's own key."""

_MARK = "objects"

UNSAVED = timedelta(hours=1)
"""After S3 creates a multipart upload, its id may be missing in the row for some time.

So if the row is pending and has another id or none, the sweeper aborts the multipart
upload only if it is older than this.
"""


class Counts(Protocol):
    late_arrivals: int
    orphans: int
    young_orphans: int
    aborted: int
    failed: int
    probes: int


def sweep_bucket(
    report: Counts,
    *,
    now: datetime,
    dry_run: bool,
    max_objects: int = MAX_OBJECTS,
    page_size: int = PAGE,
) -> bool:
    """Delete orphans. Schedule a check of each row whose bytes have arrived.

    The pass starts where the last pass ended, and handles one page of objects after the
    other. The pass stops if another sweeper has taken the next page. Returns whether
    the pass has reached the end of the bucket. If so, the caller also sweeps the
    multipart uploads. Raises StorageUnavailable.
    """
    if not dry_run:
        orphans.forget_unseen(now)
        _sweep_incoming(report, page_size)
    mark = SweepMark.objects.filter(name=_MARK).first() or SweepMark(name=_MARK)
    for _ in range(max(1, max_objects // page_size)):
        listed = get_bucket().list_objects(
            options().key_prefix, start_after=mark.after_key
        )
        listed_at = timezone.now()
        page = list(islice(listed, page_size))
        is_last = len(page) < page_size
        if not dry_run and not _advance(mark, page, now if is_last else None):
            return False
        mark.after_key = "" if is_last else page[-1].key
        _sweep_page(page, report, listed_at=listed_at, now=now, dry_run=dry_run)
        if is_last:
            return True
    return False


def _advance(
    mark: SweepMark, page: list[ListedObject], finished_at: datetime | None
) -> bool:
    """Claim a page by storing its last key. Return False if another sweeper has it."""
    SweepMark.objects.bulk_create([SweepMark(name=_MARK)], ignore_conflicts=True)
    unmoved = SweepMark.objects.filter(
        name=_MARK, after_key=mark.after_key, finished_at=mark.finished_at
    )
    if finished_at:
        return bool(unmoved.update(after_key="", finished_at=finished_at))
    return bool(unmoved.update(after_key=page[-1].key))


def _sweep_page(
    page: list[ListedObject],
    report: Counts,
    *,
    listed_at: datetime,
    now: datetime,
    dry_run: bool,
) -> None:
    states = _sweep_owned(page, report, listed_at=listed_at, dry_run=dry_run)
    unowned = [
        entry
        for entry in page
        if row_key(entry.key) not in states
        and not is_probe(options().key_prefix, entry.key)
    ]
    if not dry_run:
        orphans.note(unowned, now=now)
    old = orphans.outdated(unowned, now=now)
    report.young_orphans += len(unowned) - len(old)
    for orphan in old:
        if dry_run or _done(report, orphans.remove, orphan):
            report.orphans += 1


def _sweep_owned(
    page: list[ListedObject], report: Counts, *, listed_at: datetime, dry_run: bool
) -> dict[str, str]:
    """Schedule a check of rows whose bytes have arrived; return the states by key."""
    rows = Upload.objects.filter(key__in={row_key(entry.key) for entry in page})
    states = dict(rows.values_list("key", "state"))
    # Skip rows that were checked after S3 listed the objects, because the list may be
    # outdated for them.
    unseen = rows.filter(checked_at__lt=listed_at)
    # Most pages have no such rows. Then run no query, because SQLite would read all
    # rows of these states.
    found = set(states.values())
    if found & FINAL:
        late = unseen.filter(state__in=FINAL)
        # Make these rows due in this pass, even if a purge has set ``purged_at``.
        report.late_arrivals += (
            late.count() if dry_run else late.update(checked_at=None, purged_at=None)
        )
    if State.PENDING in found and not dry_run:
        unseen.filter(state=State.PENDING).update(checked_at=None)
    for key in (entry.key for entry in page if is_incoming(entry.key)):
        # The owner has sent the form again after the server had copied the file. Delete
        # this object, because nothing uses it.
        if states.get(row_key(key)) in COPIED and (
            dry_run or _done(report, get_bucket().delete_object, key)
        ):
            report.late_arrivals += 1
    return states


def _sweep_incoming(report: Counts, page_size: int) -> None:
    """Check the incoming objects of forms in each pass, because no quota counts them.

    If the owner sends a form again, an incoming object may remain that nothing uses.
    """
    listed = get_bucket().list_objects(f"{options().key_prefix}{INCOMING}")
    listed_at = timezone.now()
    page = list(islice(listed, page_size))
    _sweep_owned(page, report, listed_at=listed_at, dry_run=False)


def _done(
    report: Counts, act: Callable[..., None], *arguments: Any, **named: Any
) -> bool:
    """Call ``act`` and return whether it succeeded.

    S3 may refuse to delete one object, for example because of a retention rule. This
    function counts the failure, and the sweep continues. Raises StorageUnavailable if
    the bucket does not answer.
    """
    try:
        act(*arguments, **named)
    except StorageError:
        get_bucket().check()
        report.failed += 1
        return False
    return True


def sweep_multipart_uploads(report: Counts, *, now: datetime, dry_run: bool) -> None:
    """Abort unowned multipart uploads. Delete old probe objects.

    Raises StorageUnavailable.
    """
    bucket = get_bucket()
    sweep_probes(report, now=now, dry_run=dry_run, done=_done)
    for page in _pages(bucket.list_multipart_uploads(options().key_prefix)):
        keys = [entry.key for entry in page]
        rows = {row.key: row for row in Upload.objects.filter(key__in=keys)}
        for entry in page:
            if _is_owned(entry, rows.get(entry.key), now):
                continue
            logger.warning("multipart.unowned", key=entry.key, dry_run=dry_run)
            if dry_run or _done(
                report, bucket.abort_multipart_upload, entry.key, entry.multipart_id
            ):
                report.aborted += 1


def _is_owned(entry: OpenMultipartUpload, row: Upload | None, now: datetime) -> bool:
    if is_probe(options().key_prefix, entry.key):
        return is_left_alone(entry.key, entry.started_at, now)
    if row is not None and row.state != State.PENDING:
        return False  # only a pending upload needs a multipart upload
    if row is not None and row.multipart_id == entry.multipart_id:
        return True
    grace = (
        timedelta(seconds=options().orphan_grace_seconds) if row is None else UNSAVED
    )
    return entry.started_at > now - grace


def _pages(entries: Iterator[T]) -> Iterator[list[T]]:
    while page := list(islice(entries, PAGE)):
        yield page
