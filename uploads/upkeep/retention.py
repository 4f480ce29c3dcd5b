"""Warns the owners of old files by mail, and deletes the files some days later.

RetentionRule rows in the admin define which files are old.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.template.loader import render_to_string
from django.utils import timezone

from uploads import lifecycle
from uploads.errors import InvalidState
from uploads.models import RetentionNotice, RetentionRule, Upload
from uploads.models.retention import ANY_TYPE
from uploads.states import State
from uploads.trail.writing import record

logger = structlog.get_logger("slipway.retention")

LEASE = timedelta(minutes=10)
FILES_A_MAIL = 50


@dataclass
class Counts:
    """The numbers of files that one pass warned about and deleted."""

    warned: int = 0
    deleted: int = 0


def apply_retention(*, limit: int) -> Counts:
    """Warn about up to ``limit`` files, and delete up to ``limit`` files.

    Several processes may run this function at the same time.
    """
    now = timezone.now()
    rules = list(RetentionRule.objects.filter(is_active=True).order_by("days", "pk"))
    if rules:
        _notice(rules, now, limit)
    return Counts(warned=_warn(now, limit), deleted=_delete(rules, now, limit))


def files_of(rule: RetentionRule) -> QuerySet[Upload]:
    """Return the stored files to which a rule applies, of any age."""
    files: Any = Upload.objects.filter(state=State.READY)
    if rule.group_id is not None:
        files = files.filter(owner__groups=rule.group_id)
    if rule.content_type != ANY_TYPE:
        files = files.annotate(
            kind=Coalesce(NullIf("detected_type", Value("")), F("content_type"))
        )
        family, _, subtype = rule.content_type.partition("/")
        files = (
            files.filter(kind__startswith=f"{family}/")
            if subtype == "*"
            else files.filter(kind=rule.content_type)
        )
    found: QuerySet[Upload] = files
    return found


def _notice(rules: Sequence[RetentionRule], now: datetime, limit: int) -> None:
    """Create a notice for each file whose warning is due.

    If several rules apply to a file, the notice names the rule with the fewest days.
    """
    for rule in rules:
        since = now - timedelta(days=rule.days - rule.warn_days)
        due = files_of(rule).filter(
            completed_at__lte=since, retention_notice__isnull=True
        )
        keys = due.order_by("completed_at").values_list("pk", flat=True)[:limit]
        RetentionNotice.objects.bulk_create(
            [RetentionNotice(upload_id=pk, rule=rule) for pk in keys],
            ignore_conflicts=True,
        )


def _warn(now: datetime, limit: int) -> int:
    """Mail up to ``limit`` new notices, in one mail for each owner."""
    unclaimed = RetentionNotice.objects.filter(
        Q(claimed_until__isnull=True) | Q(claimed_until__lt=now), warned_at__isnull=True
    )
    found = unclaimed.order_by("pk").values_list("pk", "upload__owner")[:limit]
    by_owner: dict[int, list[Any]] = defaultdict(list)
    for pk, owner in found:
        by_owner[owner].append(pk)
    return sum(_warn_owner(keys, now) for keys in by_owner.values())


def _warn_owner(keys: Sequence[Any], now: datetime) -> int:
    claim = now + LEASE
    RetentionNotice.objects.filter(
        Q(claimed_until__isnull=True) | Q(claimed_until__lt=now),
        pk__in=keys,
        warned_at__isnull=True,
    ).update(claimed_until=claim)
    mine = RetentionNotice.objects.filter(pk__in=keys, claimed_until=claim)
    notices = list(
        mine.select_related("upload__owner", "rule").order_by("upload__completed_at")
    )
    if not notices:
        return 0
    for notice in notices:
        notice.warned_at, notice.delete_at = now, _day_of(notice, now)
    try:
        _send(notices)
    except Exception:
        # The next pass sends the mail again. Until a mail succeeds, these files are not
        # deleted, because the database has no ``delete_at`` for their notices.
        logger.exception("retention.mail_failed", owner=notices[0].upload.owner_id)
        mine.update(claimed_until=None)
        return 0
    RetentionNotice.objects.bulk_update(notices, ["warned_at", "delete_at"])
    return len(notices)


def _day_of(notice: RetentionNotice, warned_at: datetime) -> datetime:
    """Return the time of a file's deletion.

    It is at least ``days`` after the upload and at least ``warn_days`` after the mail.
    """
    rule, completed_at = notice.rule, notice.upload.completed_at or warned_at
    return max(
        completed_at + timedelta(days=rule.days),
        warned_at + timedelta(days=rule.warn_days),
    )


def _send(notices: Sequence[RetentionNotice]) -> None:
    owner: Any = notices[0].upload.owner
    if not owner.email:
        logger.warning("retention.no_address", owner=owner.pk)
        return
    context = {
        "owner": owner.get_username(),
        "notices": notices[:FILES_A_MAIL],
        "count": len(notices),
        "more": max(0, len(notices) - FILES_A_MAIL),
        "first_day": min(n.delete_at for n in notices if n.delete_at),
        "site_url": settings.SITE_URL,
    }
    body = render_to_string("uploads/email/retention_message.txt", context)
    subject = (
        "One of your files will be deleted"
        if len(notices) == 1
        else f"{len(notices)} of your files will be deleted"
    )
    send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [owner.email])


def _delete(rules: Sequence[RetentionRule], now: datetime, limit: int) -> int:
    """Delete files whose deletion time has passed and whose rule still applies."""
    due = RetentionNotice.objects.filter(delete_at__lte=now, warned_at__isnull=False)
    deleted = 0
    for notice in due.select_related("upload", "rule").order_by("delete_at")[:limit]:
        rule, upload = notice.rule, notice.upload
        warned_at = notice.warned_at or now
        still = rule in rules and files_of(rule).filter(pk=upload.pk).exists()
        if still and _day_of(notice, warned_at) <= now:
            try:
                lifecycle.remove(upload)
            except InvalidState:
                continue  # the file has a new owner, who must get a mail first
            record("upload.retired", upload=upload, detail={"rule": rule.name})
            deleted += 1
        # If the rule has changed and keeps the file for now, a later pass must warn the
        # owner again. So delete the notice.
        notice.delete()
    return deleted
