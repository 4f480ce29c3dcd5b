"""Makes another account the owner of an account's files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from uploads.lifecycle import quota
from uploads.models import RetentionNotice, Upload
from uploads.states import RESERVING, State
from uploads.trail.writing import record, record_many

BATCH = 500


@dataclass
class Report:
    """The counts of a hand-over. ``unfinished`` uploads keep their owner."""

    files: int = 0
    byte_size: int = 0
    unfinished: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def survey(source: Any) -> Report:
    """Return the counts of a hand-over from ``source``; change nothing."""
    stored = Upload.objects.filter(owner=source, state=State.READY)
    sizes = list(stored.values_list("byte_size", flat=True))
    return Report(len(sizes), sum(sizes), _unfinished(source))


def hand_over(source: Any, target: Any, *, actor: Any = None) -> Report:
    """Make ``target`` the owner of all stored files of ``source``.

    The objects keep their keys. Unfinished uploads keep their owner, because a browser
    may be sending them. Each batch of files is one transaction, so an interrupted call
    can be repeated. Raises QuotaExceeded if the quota of ``target`` is too small for
    the next batch. Earlier batches then belong to ``target``.
    """
    report = Report()
    while batch := _hand_over_batch(source, target, actor):
        report.files += len(batch)
        report.byte_size += sum(upload.byte_size for upload in batch)
    report.unfinished = _unfinished(source)
    return report


def _hand_over_batch(source: Any, target: Any, actor: Any) -> list[Upload]:
    with transaction.atomic():
        stored = Upload.objects.select_for_update().filter(
            owner=source, state=State.READY
        )
        batch = list(stored.order_by("pk")[:BATCH])
        if not batch:
            return []
        keys = [upload.pk for upload in batch]
        total = sum(upload.byte_size for upload in batch)
        # Remove the old owner's idempotency key, because the new owner may have used
        # the same key.
        rows = Upload.objects.filter(pk__in=keys)
        rows.update(owner=target, idempotency_key=None)
        RetentionNotice.objects.filter(pk__in=keys).delete()
        quota.transfer(source.pk, target.pk, total, files=len(batch))
        for upload in batch:
            upload.owner_id = target.pk
        detail = {"from": source.pk, "to": target.pk}
        record_many([("upload.handed_over", u, detail) for u in batch], actor=actor)
        record(
            "account.files_handed_over",
            user=source,
            actor=actor,
            detail={"to": target.pk, "files": len(batch), "bytes": total},
        )
    return batch


def _unfinished(source: Any) -> int:
    return Upload.objects.filter(owner=source, state__in=RESERVING).count()
