"""Who inspects an upload: one process at a time, by a lease in the row."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from uploads.models import Upload
from uploads.states import State

INLINE_LEASE = timedelta(seconds=30)
"""An inspection inside a request that has taken longer is one whose process died."""

LEASE = timedelta(minutes=5)
"""The row of a background process that died is free again after this."""

SLOWEST_INSPECTION = 5_000_000
"""Bytes a second: a larger object is leased for longer."""

LONGEST_LEASE = timedelta(hours=2)


def claim_end(upload: Upload, *, patient: bool) -> datetime:
    """Return when a claim that is made now ends if its holder dies."""
    return timezone.now() + (lease_of(upload) if patient else INLINE_LEASE)


def lease_of(upload: Upload) -> timedelta:
    """Return how long the inspection of an upload in the background may take."""
    if upload.state != State.INSPECTING:
        return LEASE
    reading = timedelta(seconds=upload.byte_size / SLOWEST_INSPECTION)
    return min(LEASE + reading, LONGEST_LEASE)


def claim_inspection(upload: Upload, *, patient: bool) -> datetime | None:
    """Take the inspection of an upload; None if another process holds it.

    Returns the end of the lease. The row is read anew in either case. Raises
    Upload.DoesNotExist for a row that was erased meanwhile.
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
    """End a claim, unless it ended with the state or another process took it over."""
    if upload.state != State.INSPECTING:
        return
    held = Upload.objects.filter(pk=upload.pk, claimed_until=until)
    if held.update(claimed_until=None):
        upload.claimed_until = None


def leave_to_background(upload: Upload) -> None:
    """Write down that an inspection takes too long for a request; it is due now."""
    rows = Upload.objects.filter(pk=upload.pk, state=State.INSPECTING)
    rows.update(is_inspected_later=True, checked_at=None)
    upload.is_inspected_later = True
    upload.checked_at = None
