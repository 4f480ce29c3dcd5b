"""Stores the audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from uploads.models.inserting import insert_rows
from uploads.models.upload import Upload

APPEND_ONLY = "Events are append-only."


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Allows only reading and inserting. Updates and deletions raise TypeError."""

    def update(self, **kwargs: Any) -> int:
        raise TypeError(APPEND_ONLY)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError(APPEND_ONLY)

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise TypeError(APPEND_ONLY)

    def bulk_create(
        self, objs: Any, *args: Any, update_conflicts: bool = False, **kwargs: Any
    ) -> list[AuditEvent]:
        """Insert ``objs``. Raise TypeError if ``update_conflicts`` is set."""
        if update_conflicts:
            raise TypeError(APPEND_ONLY)
        return super().bulk_create(objs, *args, **kwargs)

    def insert(self, events: Sequence[dict[str, Any]]) -> None:
        """Insert new events with one statement. An event maps attributes to values."""
        insert_rows(AuditEvent, events)


class AuditEvent(models.Model):
    """Stores one audit event. The transaction that makes a change writes its event.

    ``actor`` is the account that caused the event. ``user`` is the account that the
    event is about. For an upload, ``user`` is its owner.

    Events can be changed or deleted only with ``changeable_events``. On PostgreSQL, a
    trigger also enforces this rule.
    """

    upload = models.ForeignKey(
        Upload, models.PROTECT, null=True, blank=True, related_name="events"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,  # Queries for this column use the index event_of_user.
    )
    kind = models.CharField(max_length=32)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,  # Queries for this column use the index event_by_actor.
    )
    at = models.DateTimeField(default=timezone.now)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "event"
        indexes = [
            models.Index(F("at").desc(), F("id").desc(), name="event_newest"),
            models.Index(fields=["kind", "-at"], name="event_kind"),
            models.Index(fields=["request_id"], name="event_request"),
            models.Index(fields=["user", "-at", "-id"], name="event_of_user"),
            models.Index(fields=["actor", "-at", "-id"], name="event_by_actor"),
            models.Index(
                fields=["user", "address"],
                condition=Q(kind="token.new_address"),
                name="event_token_address",
            ),
        ]

    def __str__(self) -> str:
        return self.kind

    def _save_table(
        self,
        raw: bool = False,
        cls: Any = None,
        force_insert: bool = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Any = None,
    ) -> bool:
        """Insert a new row. Raise TypeError if this instance was saved before.

        Django calls this method for every save. For fixtures, Django calls this method
        but does not call save(). With ``force_insert``, the database raises
        IntegrityError if the id exists. Without ``force_insert``, Django would
        overwrite the row.
        """
        if not self._state.adding:
            raise TypeError(APPEND_ONLY)
        insert: Any = super()._save_table  # type: ignore[misc]
        return bool(insert(raw, cls, force_insert=True, using=using))

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raise TypeError, because the audit trail must stay complete."""
        raise TypeError(APPEND_ONLY)


@contextmanager
def changeable_events(
    purpose: Literal["retention", "erasure"],
) -> Iterator[models.QuerySet[AuditEvent]]:
    """Yield a queryset of all events that may be updated and deleted.

    The block is one transaction, and the permission ends with the block. Only
    trail/retention.py and upkeep/erasure.py use this function.
    """
    with transaction.atomic():
        _set_trigger_permission(purpose)
        yield models.QuerySet(AuditEvent)
        _set_trigger_permission("")


def _set_trigger_permission(purpose: str) -> None:
    """Set the database variable that the trigger reads. A rollback resets it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('slipway.trail_opened_for', %s, true)", [purpose]
            )
