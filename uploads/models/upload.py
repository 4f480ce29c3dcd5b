"""The upload: one file, one lifetime."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from uploads.states import FINAL, RESERVING, State, Transport


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible(self) -> UploadQuerySet:
        """Return what a file list shows: everything but what was given up."""
        return self.exclude(state__in=[State.CANCELLED, State.EXPIRED, State.DELETED])

    def waiting(self) -> UploadQuerySet:
        """Return what waits for an inspector that could not look."""
        return self.filter(state=State.INSPECTING).exclude(waiting_reason="")


class Upload(models.Model):
    """A file on its way from a browser to the bucket, and its record ever after."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="uploads"
    )
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    transport = models.CharField(max_length=9, choices=Transport)
    key = models.CharField(max_length=255, unique=True)
    multipart_id = models.CharField(max_length=1024, blank=True)

    filename = models.CharField(max_length=255)
    relative_path = models.CharField(max_length=1024, blank=True)
    byte_size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=127)
    checksum_sha256 = models.CharField(max_length=44, blank=True)
    part_size = models.PositiveBigIntegerField()
    last_modified = models.DateTimeField(null=True, blank=True)
    fingerprint = models.CharField(max_length=44, blank=True)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    urls_expire_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    failed_checks = models.PositiveSmallIntegerField(default=0)
    faults = models.PositiveSmallIntegerField(default=0, db_default=0)
    """How many looks in a row broke for a fault of ours: see upkeep/sweeper.py."""
    purged_at = models.DateTimeField(null=True, blank=True)

    etag = models.CharField(max_length=255, blank=True)
    version_id = models.CharField(max_length=1024, blank=True)
    object_checksum = models.CharField(max_length=64, blank=True)
    detected_type = models.CharField(max_length=127, blank=True)
    rejected_reason = models.CharField("refused because", max_length=255, blank=True)
    waiting_reason = models.CharField(max_length=255, blank=True)
    """Why an upload is still inspecting: who could not answer, or what broke."""
    quarantine_key = models.CharField(max_length=255, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="upload_state_known"
            ),
            models.CheckConstraint(
                condition=Q(transport__in=Transport.values),
                name="upload_transport_known",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.READY) | Q(completed_at__isnull=False),
                name="upload_ready_is_completed",
            ),
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"], name="upload_once_per_key"
            ),
        ]
        indexes = [
            models.Index(
                F("owner"),
                F("created_at").desc(),
                F("id").desc(),
                name="upload_newest_of_owner",
            ),
            models.Index(F("created_at").desc(), F("id").desc(), name="upload_newest"),
            models.Index(
                F("state"),
                F("created_at").desc(),
                F("id").desc(),
                name="upload_newest_in_state",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(state=State.PENDING),
                name="upload_overdue",
            ),
            # What the sweeper still has to look at: a small part of the table.
            models.Index(
                fields=["checked_at"],
                condition=Q(state__in=sorted(RESERVING)),
                name="upload_unsettled",
            ),
            models.Index(
                fields=["checked_at"],
                condition=Q(state__in=sorted(FINAL), purged_at__isnull=True),
                name="upload_unpurged",
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def part_count(self) -> int:
        """Return how many parts the plan has; 1 for a single request."""
        return max(1, -(-self.byte_size // self.part_size))

    @property
    def is_final(self) -> bool:
        return State(self.state) in FINAL

    @property
    def is_overdue(self) -> bool:
        return self.state == State.PENDING and self.expires_at < timezone.now()
