"""The audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from uploads.models.upload import Upload

APPEND_ONLY = "Events are append-only."


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Reads and inserts; all else raises TypeError."""

    def update(self, **kwargs: Any) -> int:
        raise TypeError(APPEND_ONLY)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError(APPEND_ONLY)

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise TypeError(APPEND_ONLY)

    def bulk_create(
        self, objs: Any, *args: Any, update_conflicts: bool = False, **kwargs: Any
    ) -> list[AuditEvent]:
        """Insert ``objs``; raise TypeError where that could write over others."""
        if update_conflicts:
            raise TypeError(APPEND_ONLY)
        return super().bulk_create(objs, *args, **kwargs)


class AuditEvent(models.Model):
    """One audit line. Written with the change it tells of, never changed after.

    ``actor`` is who did it, ``user`` whose account it is about: of an upload, its
    owner's. Only ``opened_for`` lets events go, and PostgreSQL has a trigger that
    asks for it too.
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
        db_index=False,  # event_of_user serves it too
    )
    kind = models.CharField(max_length=32)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,  # event_by_actor serves it too
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
        """Insert the line; raise TypeError for a line that is already there.

        Every way of saving one ends here, a fixture's past save() too. An id that is
        taken is an IntegrityError: Django itself would write over its line.
        """
        if not self._state.adding:
            raise TypeError(APPEND_ONLY)
        insert: Any = super()._save_table  # type: ignore[misc]
        return bool(insert(raw, cls, force_insert=True, using=using))

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raise TypeError: an audit trail with gaps proves nothing."""
        raise TypeError(APPEND_ONLY)


@contextmanager
def opened_for(
    purpose: Literal["retention", "erasure"],
) -> Iterator[models.QuerySet[AuditEvent]]:
    """Yield all events, changeable until the transaction that this begins has ended.

    The one door past "append-only", for upkeep/retention.py and upkeep/erasure.py.
    """
    with transaction.atomic():
        _tell_database(purpose)
        yield models.QuerySet(AuditEvent)
        _tell_database("")


def _tell_database(purpose: str) -> None:
    """Set what the trigger asks for; a rollback takes it back by itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('slipway.trail_opened_for', %s, true)", [purpose]
            )
