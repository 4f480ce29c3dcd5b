"""The upload: the row of one file, from its start to its deletion."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connections, models
from django.db.models import F, Q
from django.utils import timezone

from uploads.models.inserting import insert_rows
from uploads.states import FINAL, RESERVING, State, Transport, VerifiedBy
from uploads.text.filenames import MAX_FOLDED_LENGTH, folded


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible(self) -> UploadQuerySet:
        """Return the uploads for file lists: neither cancelled, expired nor deleted."""
        return self.exclude(state__in=[State.CANCELLED, State.EXPIRED, State.DELETED])

    def waiting(self) -> UploadQuerySet:
        """Return the uploads whose inspection was postponed, with a waiting_reason."""
        return self.filter(state=State.INSPECTING).exclude(waiting_reason="")

    def named(self, text: str) -> UploadQuerySet:
        """Return the uploads whose names contain ``text``, in upper or lower case.

        Rows without a search_name were written by an older version of this code.
        """
        wanted = folded(text)
        if not wanted:
            return self.none()
        has_unfolded = connections[self.db].vendor != "postgresql" or (
            Upload.objects.using(self.db).filter(search_name="").exists()
        )
        if not has_unfolded:
            # Only search_name is used, because PostgreSQL searches texts in an index only
            # if the index has all columns of the query.
            return self.filter(search_name__contains=wanted)
        # Two conditions instead of one OR, because an index can answer the first.
        return self.filter(
            Q(search_name__contains=wanted) | Q(search_name=""),
            ~Q(search_name="") | Q(filename__icontains=text),
        )

    def newest(self, limit: int) -> list[Upload]:
        """Return up to ``limit`` uploads, newest first."""
        rows = self.order_by("-created_at", "-pk")
        if connections[self.db].vendor == "postgresql":
            # The index of an owner's list has the columns that conditions on states and
            # names need. PostgreSQL checks them in the index only if the query selects
            # no other column.
            found = rows.values("pk")[:limit]
            rows = Upload.objects.using(self.db).filter(pk__in=found)
            rows = rows.order_by("-created_at", "-pk")
        return list(rows[:limit])

    def update(self, **kwargs: Any) -> int:
        if "filename" in kwargs and "search_name" not in kwargs:
            kwargs["search_name"] = search_name_of(kwargs["filename"])
        return super().update(**kwargs)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        objs = list(objs)
        for upload in objs:
            upload.search_name = search_name_of(upload.filename)
        return super().bulk_create(objs, *args, **kwargs)

    def insert(self, uploads: Sequence[Upload]) -> None:
        """Insert new uploads with one statement."""
        for upload in uploads:
            upload.search_name = search_name_of(upload.filename)
        insert_rows(Upload, uploads)

    def bulk_update(self, objs: Any, fields: Any, *args: Any, **kwargs: Any) -> int:
        objs, fields = list(objs), set(fields)
        if "filename" in fields:
            fields.add("search_name")
            for upload in objs:
                upload.search_name = search_name_of(upload.filename)
        return super().bulk_update(objs, fields, *args, **kwargs)


def search_name_of(filename: str) -> str:
    """Return the folded name that search compares.

    Returns ``?`` instead of an empty text, because an empty search_name means that an
    older version wrote the row.
    """
    return folded(filename) or "?"


class Upload(models.Model):
    """One file: declared, uploaded, inspected, stored, deleted. The row is kept."""

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
    """The folded ``filename`` for search. Every write of the row sets it."""
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
    """Number of consecutive checks that failed because of our bug: upkeep/sweeper.py."""
    claimed_until = models.DateTimeField(null=True, blank=True)
    """End of the lease of the process that inspects the object: lifecycle/claims.py."""
    is_inspected_later = models.BooleanField(default=False, db_default=False)
    """Whether the inspection takes too long for a request."""
    replaceable_until = models.DateTimeField(null=True, blank=True)
    """The end of the time in which a replayed URL could replace the object."""
    purged_at = models.DateTimeField(null=True, blank=True)

    etag = models.CharField(max_length=255, blank=True)
    version_id = models.CharField(max_length=1024, blank=True)
    object_checksum = models.CharField(max_length=64, blank=True)
    checksum_verified_by = models.CharField(
        max_length=8, choices=VerifiedBy, blank=True, default="", db_default=""
    )
    """The party that compared the stored bytes with the SHA-256, or ``""``."""
    verified_parts = models.PositiveSmallIntegerField(default=0, db_default=0)
    """Number of parts that were read back, from the first: lifecycle/reading_back.py."""
    detected_type = models.CharField(max_length=127, blank=True)
    note = models.CharField(max_length=255, blank=True, db_default="")
    """Text of the inspectors for the owner of an accepted file."""
    rejected_reason = models.CharField("refused because", max_length=255, blank=True)
    waiting_reason = models.CharField(max_length=255, blank=True)
    """Why the inspection was postponed: the inspector that was unavailable, or the error."""
    rejected_cause = models.CharField(
        "cause of refusal", max_length=32, blank=True, default="", db_default=""
    )
    """A stable code for programs. Empty if an older version refused the upload."""
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
    """Set on a released upload: the rejected upload that it was copied from."""
    released_as = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    """Set on a rejected upload: the new upload that an operator's release created."""

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
            # Name and state are included, so that a list and a search read the table only
            # for the rows that they return.
            models.Index(
                F("owner"),
                F("created_at").desc(),
                F("id").desc(),
                F("search_name"),
                F("state"),
                name="upload_list_of_owner",
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
            models.Index(
                fields=["replaceable_until"],
                condition=Q(replaceable_until__isnull=False),
                name="upload_replaceable",
            ),
            # Deleting a row makes Django search for the rows that refer to it.
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
            models.Index(
                fields=["completed_at"],
                condition=Q(state=State.READY),
                name="upload_stored_since",
            ),
            # The rows that the sweeper still has to check: a small part of the table.
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
        """The number of parts; 1 for an upload in a single request."""
        return max(1, -(-self.byte_size // self.part_size))

    @property
    def is_final(self) -> bool:
        return State(self.state) in FINAL

    @property
    def is_past_deadline(self) -> bool:
        """Whether a pending upload may be expired by the sweeper."""
        return self.state == State.PENDING and self.expires_at < timezone.now()
