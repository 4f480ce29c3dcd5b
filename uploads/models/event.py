"""The audit trail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone

from uploads.models.upload import Upload


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def update(self, **kwargs: Any) -> int:
        """Raise TypeError: events are append-only."""
        raise TypeError("Events are append-only.")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Raise TypeError: events are append-only."""
        raise TypeError("Events are append-only.")


class AuditEvent(models.Model):
    """One audit line. Written with the change it tells of, never changed after.

    ``actor`` is who did it, ``user`` whose account it is about where it is about
    one: a login, a token, a quota. Most lines are about an upload instead.
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
    )
    kind = models.CharField(max_length=32)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
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
        ]

    def __str__(self) -> str:
        return self.kind

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the line; raise TypeError for a line that is already there."""
        if not self._state.adding:
            raise TypeError("Events are append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raise TypeError: an audit trail with gaps proves nothing."""
        raise TypeError("Events are append-only.")
