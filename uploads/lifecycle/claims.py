"""Lets only one process at a time inspect an upload, by a lease in the upload's row.

A lease is a claim that expires, so another process can continue after a crash.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from uploads.models import Upload
from uploads.states import State

INLINE_LEASE = timedelta(seconds=30)
"""Length of a lease that a request takes.

After this time, another process may claim the upload.
"""

LEASE = timedelta(minutes=5)
"""Minimum length of a lease that a background process takes."""

SLOWEST_INSPECTION = 5_000_000
"""Assumed minimum speed of an inspection in bytes per second.

A large object gets a longer lease, because its inspection takes longer.
"""

LONGEST_LEASE = timedelta(hours=2)


def claim_end(upload: Upload, *, patient: bool) -> datetime:
    """Return the end of a lease that starts now.

    A background process is ``patient`` and gets a longer lease than a request.
    """
    return timezone.now() + (lease_of(upload) if patient else INLINE_LEASE)


def lease_of(upload: Upload) -> timedelta:
    """Return the length of a background lease for this upload."""
    if upload.state != State.INSPECTING:
        return LEASE
    reading = timedelta(seconds=upload.byte_size / SLOWEST_INSPECTION)
    return min(LEASE + reading, LONGEST_LEASE)


def claim_inspection(upload: Upload, *, patient: bool) -> datetime | None:
    """Claim the inspection of an upload, and return the end of the lease.

    Returns None if another process has a lease, or if the upload is not inspecting.
    Refreshes ``upload`` from its row. Raises Upload.DoesNotExist if the row was erased.
    """
    until = claim_end(upload, patient=patient)
    free = Upload.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lte=timezone.now()),
        pk=upload.pk,
        state=State.INSPECTING,
    )
    is_ours = free.update(claimed_until=until) == 1
    upload.refresh_from_db()
    return until if is_ours else None


def release_inspection(upload: Upload, until: datetime) -> None:
    """End a claim before its lease expires at ``until``.

    Does nothing if the upload is not inspecting or if another process has claimed it.
    """
    if upload.state != State.INSPECTING:
        return
    held = Upload.objects.filter(pk=upload.pk, claimed_until=until)
    if held.update(claimed_until=None):
        upload.claimed_until = None


def leave_to_background(upload: Upload) -> None:
    """Mark in the row that a background process must run the inspection."""
    rows = Upload.objects.filter(pk=upload.pk, state=State.INSPECTING)
    rows.update(is_inspected_later=True, checked_at=None)
    upload.is_inspected_later = True
    upload.checked_at = None
