"""Erases a person's data: stored bytes, rows, personal data in the audit trail.

Each step can be repeated. Bytes may arrive until the last URL of an upload has expired.
Only the row shows who owns these bytes. So this module keeps the row until the URL has
expired. A later run deletes the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import ProtectedError, Q, QuerySet

from uploads import lifecycle
from uploads.access.tokens import revoke_all
from uploads.errors import UploadError
from uploads.models import (
    AuditEvent,
    Orphan,
    StorageQuota,
    Upload,
    UploadPolicy,
)
from uploads.models.event import changeable_events
from uploads.s3.bucket import get_bucket
from uploads.s3.keys import incoming_key
from uploads.s3.removal import remove_every_trace
from uploads.states import FINAL, State, Transport
from uploads.trail.writing import record

logger = structlog.get_logger("slipway.erasure")

BATCH = 200
FAILED_LOGIN = "account.login_failed"
HARMLESS = frozenset({"cause", "parts", "transport", "expires_at"})
"""Names in an event's detail whose values contain no personal data."""


@dataclass
class Report:
    """The counts of one run, or of existing data in a dry run."""

    uploads: int = 0
    removed: int = 0  # uploads whose bytes and rows were deleted
    waiting: int = 0  # uploads that wait until their URLs have expired
    failed: int = 0  # uploads that could not be deleted
    events: int = 0  # events from which the person was removed
    waits_until: datetime | None = None
    erased: bool = False

    def as_dict(self) -> dict[str, Any]:
        until = self.waits_until.isoformat() if self.waits_until else None
        return {**asdict(self), "waits_until": until}


def survey(user: Any) -> Report:
    """Return the counts of the user's uploads and events; change nothing."""
    uploads = Upload.objects.filter(owner=user)
    events = AuditEvent.objects.filter(_about(user) | Q(upload__owner=user))
    return Report(uploads=uploads.count(), events=events.count())


def erase(user: Any) -> Report:
    """Disable the account of ``user``, and delete all data that can be deleted now.

    If all data was deleted, ``erased`` in the report is True. Otherwise, call this
    function again later. Errors of the storage are counted in ``failed``, not raised.
    """
    report = Report()
    shut(user)
    for upload in _uploads_of(user):
        report.uploads += 1
        try:
            _erase_upload(upload, report)
        except (UploadError, ProtectedError) as error:
            logger.warning("erasure.failed", upload=str(upload.pk), error=repr(error))
            report.failed += 1
    if not report.waiting and not report.failed:
        _erase_account(user, report)
    return report


def shut(user: Any) -> None:
    """Disable the account, and remove its password, rights, tokens and sessions."""
    user.is_active = user.is_staff = user.is_superuser = False
    if user.has_usable_password():
        user.set_unusable_password()
    with transaction.atomic():
        user.save()
        revoke_all(user)
    # The sessions are invalid, because the password has changed. Delete them too.
    for session in Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()


def _uploads_of(user: Any) -> Iterator[Upload]:
    rows = Upload.objects.filter(owner=user).order_by("pk")
    batch = list(rows[:BATCH])
    while batch:
        last = batch[-1].pk  # after a deletion, Django sets pk to None
        yield from batch
        batch = list(rows.filter(pk__gt=last)[:BATCH])


def _erase_upload(upload: Upload, report: Report) -> None:
    if upload.state not in FINAL or upload.state == State.REJECTED:
        lifecycle.remove(upload)
    if upload.quarantine_key:
        # The site signs no URL for this key, so the copy can be deleted at once.
        remove_every_trace(get_bucket(), upload.quarantine_key)
    if not lifecycle.purge(upload):
        report.failed += 1
    elif upload.purged_at is None:
        report.waiting += 1
        until = upload.urls_expire_at
        report.waits_until = max(
            filter(None, (report.waits_until, until)), default=None
        )
    else:
        keys = [upload.key]
        if upload.transport == Transport.FORM:
            keys.append(incoming_key(upload.key))
        for key in keys:
            remove_every_trace(get_bucket(), key)
        _forget_upload(upload, keys, report)


def _forget_upload(upload: Upload, keys: list[str], report: Report) -> None:
    with changeable_events("erasure") as events:
        found = events.filter(upload=upload)
        report.events += _anonymise(events, found, upload.owner_id)
        Orphan.objects.filter(key__in=keys).delete()
        upload.delete()
    report.removed += 1


def _erase_account(user: Any, report: Report) -> None:
    try:
        with changeable_events("erasure") as events:
            report.events += _anonymise(events, events.filter(_about(user)), user.pk)
            _admin_entries(user).delete()
            counts = {"uploads": report.removed, "events": report.events}
            record("account.erased", detail={"account": user.pk, **counts})
            user.delete()
    except ProtectedError:
        # A request that began before the account was disabled has started an upload.
        report.failed += 1
    else:
        report.erased = True


def _about(user: Any) -> Q:
    """Return a condition for all events by or about ``user``.

    Includes failed logins with the user's name, because these may have no ``user``.
    """
    tried = Q(kind=FAILED_LOGIN, detail__name=user.get_username())
    return Q(user=user.pk) | Q(actor=user.pk) | tried


def _anonymise(
    events: QuerySet[AuditEvent], found: QuerySet[AuditEvent], user_id: Any
) -> int:
    """Remove the person from the events in ``found``; return the number of events."""
    count = 0
    after = 0
    while batch := list(found.filter(pk__gt=after).order_by("pk")[:BATCH]):
        after = batch[-1].pk
        count += len(batch)
        for event in batch:
            _take_out(event, user_id)
        events.bulk_update(
            batch, ["actor", "user", "upload", "address", "detail"], batch_size=BATCH
        )
    return count


def _take_out(event: AuditEvent, user_id: Any) -> None:
    # Events about other people stay in the history of these people, without the actor.
    is_about_them = event.user_id == user_id or (
        event.user_id is None and (event.upload_id or event.kind == FAILED_LOGIN)
    )
    if event.actor_id == user_id or (is_about_them and event.actor_id is None):
        event.actor_id = event.address = None
    if is_about_them:
        event.user_id = event.upload_id = None
        event.detail = _nameless(event.detail)


def _nameless(detail: dict[str, Any]) -> dict[str, Any]:
    """Return ``detail`` with only its numbers and the values of HARMLESS names."""
    return {
        name: value
        for name, value in detail.items()
        if name in HARMLESS or isinstance(value, bool | int | float)
    }


def _admin_entries(user: Any) -> QuerySet[LogEntry]:
    """Return Django's admin log entries about the account, its quota and policies."""

    def lines(model: Any, which: Q) -> Q:
        return which & Q(content_type=ContentType.objects.get_for_model(model))

    by_id = Q(object_id=str(user.pk))
    return LogEntry.objects.filter(
        lines(get_user_model(), by_id)
        | lines(StorageQuota, by_id)
        | lines(UploadPolicy, Q(object_repr=f"policy of {user}"))
    )
