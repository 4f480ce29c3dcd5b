"""Stores one row for each file, from the start of its upload to its deletion."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connections, models
from django.db.models import F, Q
from django.utils import timezone

from uploads.models.checksum_fields import ChecksumFields
from uploads.models.inserting import insert_rows
from uploads.states import FINAL, RESERVING, State, Transport
from uploads.text.filenames import MAX_FOLDED_LENGTH, folded


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible(self) -> UploadQuerySet:
        """Return the uploads that are not cancelled, not expired and not deleted."""
        return self.exclude(state__in=[State.CANCELLED, State.EXPIRED, State.DELETED])

    def waiting(self) -> UploadQuerySet:
        """Return the uploads whose inspection was postponed."""
        return self.filter(state=State.INSPECTING).exclude(waiting_reason="")

    def named(self, text: str) -> UploadQuerySet:
        """Return the uploads whose names contain ``text``, in upper or lower case.

        Rows that an older version of this code wrote have no search_name. For these
        rows, this method compares the filename.
        """
        wanted = folded(text)
        if not wanted:
            return self.none()
        has_unfolded = connections[self.db].vendor != "postgresql" or (
            Upload.objects.using(self.db).filter(search_name="").exists()
        )
        if not has_unfolded:
            # Compare only search_name, which is in the index upload_list_of_owner. So
            # PostgreSQL searches in the index and need not read the table.
            return self.filter(search_name__contains=wanted)
        # Both conditions must be true. The database checks the first one in an index,
        # because it needs only search_name. A single condition with OR would be slower.
        return self.filter(
            Q(search_name__contains=wanted) | Q(search_name=""),
            ~Q(search_name="") | Q(filename__icontains=text),
        )

    def newest_first(self) -> UploadQuerySet:
        """Return the uploads in the order of the lists."""
        return self.order_by("-created_at", "-pk")

    def newest(self, limit: int) -> list[Upload]:
        """Return up to ``limit`` uploads, newest first."""
        rows = self.newest_first()
        if connections[self.db].vendor == "postgresql":
            # The index upload_list_of_owner contains the columns of all conditions. If
            # a query selects no other column, PostgreSQL reads only the index. So the
            # inner query selects primary keys, and the outer query reads the rows.
            found = rows.values("pk")[:limit]
            rows = Upload.objects.using(self.db).filter(pk__in=found).newest_first()
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
        using = insert_rows(Upload, [vars(upload) for upload in uploads])
        for upload in uploads:
            upload._state.adding, upload._state.db = False, using  # noqa: SLF001

    def bulk_update(self, objs: Any, fields: Any, *args: Any, **kwargs: Any) -> int:
        objs, fields = list(objs), set(fields)
        if "filename" in fields:
            fields.add("search_name")
            for upload in objs:
                upload.search_name = search_name_of(upload.filename)
        return super().bulk_update(objs, fields, *args, **kwargs)


def search_name_of(filename: str) -> str:
    """Return the form of a filename that searches compare, for example in lower case.

    Returns ``?`` if this form is empty. So an empty search_name always means that an
    older version of this code wrote the row.
    """
    return folded(filename) or "?"


class Upload(ChecksumFields):
    """Stores the facts about one upload. The row stays after the file is deleted."""

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
    """The result of search_name_of. A write of ``filename`` also sets this field."""
    relative_path = models.CharField(max_length=1024, blank=True)
    byte_size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=127)
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
    """Number of consecutive checks that failed because of a bug (upkeep/sweeper.py)."""
    claimed_until = models.DateTimeField(null=True, blank=True)
    """The end of the lease of the process that inspects the object."""
    is_inspected_later = models.BooleanField(default=False, db_default=False)
    """Whether the inspection runs in the background, because it takes too long."""
    replaceable_until = models.DateTimeField(null=True, blank=True)
    """Until this time, a second upload over the same URL could replace the object."""
    purged_at = models.DateTimeField(null=True, blank=True)

    etag = models.CharField(max_length=255, blank=True)
    version_id = models.CharField(max_length=1024, blank=True)
    detected_type = models.CharField(max_length=127, blank=True)
    note = models.CharField(max_length=255, blank=True, db_default="")
    """A text of the inspectors about an accepted file, for its owner."""
    rejected_reason = models.CharField("refused because", max_length=255, blank=True)
    waiting_reason = models.CharField(max_length=255, blank=True)
    """Why the inspection was postponed: the name of an inspector, or an error."""
    rejected_cause = models.CharField(
        "cause of refusal", max_length=32, blank=True, default="", db_default=""
    )
    """A stable code for the reason. Older versions of this site left it empty."""
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
    """The rejected upload that an operator released. This upload is its copy."""
    released_as = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    """The copy that was made when an operator released this rejected upload."""

    objects = UploadQuerySet.as_manager()

    class Meta:
        # There is no default order. With one, SQLite would look up rows by their ids or
        # keys in the index upload_list_of_owner, and read all uploads of the owner.
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
            # The index contains the name and the state. So lists and searches find the
            # results in the index, and read only the rows of the results.
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
            # Before Django deletes a row, it searches for rows that refer to this row.
            # The next two indexes make these searches fast.
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
            # The sweeper searches with the next two indexes for rows to process.
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
        """Return the number of parts. It is 1 for an upload in a single request."""
        return max(1, -(-self.byte_size // self.part_size))

    @property
    def is_final(self) -> bool:
        return State(self.state) in FINAL

    @property
    def is_overdue(self) -> bool:
        """Return whether the upload is pending after its deadline."""
        return self.state == State.PENDING and self.expires_at < timezone.now()
