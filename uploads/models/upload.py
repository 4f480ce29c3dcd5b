"""The upload: one file, one lifetime."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from uploads.states import FINAL, RESERVING, State, Transport
from uploads.text.filenames import MAX_FOLDED_LENGTH, folded


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible(self) -> UploadQuerySet:
        """Return what a file list shows: everything but what was given up."""
        return self.exclude(state__in=[State.CANCELLED, State.EXPIRED, State.DELETED])

    def waiting(self) -> UploadQuerySet:
        """Return what waits for an inspector that could not look."""
        return self.filter(state=State.INSPECTING).exclude(waiting_reason="")

    def named(self, text: str) -> UploadQuerySet:
        """Return the uploads that have ``text`` in their names, in whatever case.

        Rows without a search_name were written by an older version of this code.
        """
        wanted = folded(text)
        if not wanted:
            return self.none()
        # Two conditions rather than one OR: the first needs nothing but the index.
        return self.filter(
            Q(search_name__contains=wanted) | Q(search_name=""),
            ~Q(search_name="") | Q(filename__icontains=text),
        )

    def update(self, **kwargs: Any) -> int:
        if "filename" in kwargs and "search_name" not in kwargs:
            kwargs["search_name"] = search_name_of(kwargs["filename"])
        return super().update(**kwargs)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        objs = list(objs)
        for upload in objs:
            upload.search_name = search_name_of(upload.filename)
        return super().bulk_create(objs, *args, **kwargs)

    def bulk_update(self, objs: Any, fields: Any, *args: Any, **kwargs: Any) -> int:
        objs, fields = list(objs), set(fields)
        if "filename" in fields:
            fields.add("search_name")
            for upload in objs:
                upload.search_name = search_name_of(upload.filename)
        return super().bulk_update(objs, fields, *args, **kwargs)


def search_name_of(filename: str) -> str:
    """Return what search compares; never empty, which means "not yet filled in"."""
    return folded(filename) or "?"


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
    search_name = models.CharField(
        max_length=MAX_FOLDED_LENGTH,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    """``filename`` as search compares it; every way of writing the row fills it in."""
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
    claimed_until = models.DateTimeField(null=True, blank=True)
    """End of the lease of the process that inspects the object: lifecycle/claims.py."""
    is_inspected_later = models.BooleanField(default=False, db_default=False)
    """Whether the inspection takes too long for a request."""
    purged_at = models.DateTimeField(null=True, blank=True)

    etag = models.CharField(max_length=255, blank=True)
    version_id = models.CharField(max_length=1024, blank=True)
    object_checksum = models.CharField(max_length=64, blank=True)
    detected_type = models.CharField(max_length=127, blank=True)
    note = models.CharField(max_length=255, blank=True, db_default="")
    """What inspectors tell the owner of an accepted file."""
    rejected_reason = models.CharField("refused because", max_length=255, blank=True)
    waiting_reason = models.CharField(max_length=255, blank=True)
    """Why an upload is still inspecting: who could not answer, or what broke."""
    rejected_cause = models.CharField(
        "cause of refusal", max_length=32, blank=True, default="", db_default=""
    )
    """Stable and for programs; empty where an older version of this code refused."""
    quarantine_key = models.CharField(max_length=255, blank=True)
    release_requested_at = models.DateTimeField(null=True, blank=True)
    released_from = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    """Of a release: the rejected upload whose copy in quarantine it was made from."""
    released_as = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    """Of a rejected upload: the new upload that an operator's release made."""

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
            # With the name, so that a search for nothing reads no row of the table.
            models.Index(
                F("owner"),
                F("created_at").desc(),
                F("id").desc(),
                F("search_name"),
                name="upload_names_of_owner",
            ),
            models.Index(
                fields=["id"], condition=Q(search_name=""), name="upload_unfolded"
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
            # Erasure deletes rows, and looks for what points at them.
            models.Index(
                fields=["released_from"],
                condition=Q(released_from__isnull=False),
                name="upload_released_from",
            ),
            models.Index(
                fields=["released_as"],
                condition=Q(released_as__isnull=False),
                name="upload_released_as",
            ),
            models.Index(
                fields=["release_requested_at"],
                condition=Q(release_requested_at__isnull=False),
                name="upload_release_requested",
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(state=State.PENDING, transport=Transport.COPY),
                name="upload_releasing",
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        fields = kwargs.get("update_fields")
        if fields is None or "filename" in fields:
            self.search_name = search_name_of(self.filename)
        if fields is not None and "filename" in fields:
            kwargs["update_fields"] = {*fields, "search_name"}
        super().save(*args, **kwargs)

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
