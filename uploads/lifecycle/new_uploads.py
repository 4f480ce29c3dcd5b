"""Creates and inserts the rows of new uploads."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from uploads.conf import options
from uploads.errors import FileTooLarge, InvalidRequest, QuotaExceeded
from uploads.lifecycle import quota
from uploads.lifecycle.checksums import choose_checksums, recorded_checksums
from uploads.models import Upload
from uploads.s3.copying import MAX_COPY
from uploads.s3.keys import new_key
from uploads.s3.part_plan import (
    MAX_SINGLE_PUT,
    PartPlan,
    clamp_part_size,
    plan_parts,
)
from uploads.states import Transport
from uploads.trail.writing import record_many

FORM_LIFETIME = timedelta(days=1)
"""Maximum lifetime of an upload by a form.

This lifetime is short, because a form reserves more bytes than its file needs.
"""


@dataclass(frozen=True)
class Declaration:
    """The client's declaration of a file, before any byte is sent.

    Names are results of ``clean_filename`` and ``clean_relative_path``.
    ``content_type`` is lower case without parameters. ``checksum_sha256`` is base64 of
    the raw hash. If ``transport`` is None, the size of the file decides. The browser
    uses ``last_modified`` and ``fingerprint`` (SHA-256 of the first 16 MiB) to
    recognise the file after a reload. ``head`` has the file's first bytes, or is empty.
    With these bytes, the server can refuse the file before the transfer.
    """

    filename: str
    byte_size: int
    content_type: str
    checksum_sha256: str = ""
    checksum_crc64nvme: str = ""
    transport: Transport | None = None
    relative_path: str = ""
    last_modified: datetime | None = None
    fingerprint: str = ""
    head: bytes = b""
    part_size: int | None = None


class NewUploads:
    """Creates the unsaved rows of the uploads that one request starts.

    All rows of a transport have the same deadline.
    """

    def __init__(self, owner: Any) -> None:
        # The constructor of a Django model takes twice as long as a copy.
        self._blank = Upload(owner=owner)
        self._deadlines: dict[Transport, datetime] = {}

    def row(self, declaration: Declaration, idempotency_key: str | None) -> Upload:
        """Return the unsaved row of a new upload.

        Raises the errors of choose_transport and choose_checksums.
        """
        transport = choose_transport(declaration)
        checksums = choose_checksums(declaration, transport)
        upload = copy(self._blank)
        upload.id = uuid.uuid4()
        upload.transport = transport
        upload.key = new_key(options().key_prefix)
        upload.filename = declaration.filename
        upload.relative_path = declaration.relative_path
        upload.byte_size = declaration.byte_size
        upload.content_type = declaration.content_type
        recorded = recorded_checksums(declaration, checksums, transport)
        for name, value in recorded.items():
            setattr(upload, name, value)
        upload.part_size = (
            _wished_plan(declaration).part_size
            if transport == Transport.MULTIPART
            else max(1, declaration.byte_size)
        )
        upload.last_modified = declaration.last_modified
        upload.fingerprint = declaration.fingerprint
        upload.idempotency_key = idempotency_key
        upload.created_at = timezone.now()
        if transport not in self._deadlines:
            deadline = upload.created_at + lifetime_of(transport)
            self._deadlines[transport] = deadline
        upload.expires_at = self._deadlines[transport]
        return upload


def insert_uploads(
    owner: Any,
    rows: Sequence[Upload],
    presigned: Mapping[str, dict[str, Any]] | None = None,
) -> list[QuotaExceeded | None]:
    """Insert the rows that fit into the quota, and their events, in one transaction.

    Returns None or an error for each row. ``presigned`` maps transports to the details
    of the events for the first URLs. Raises IntegrityError if a row exists that has the
    same idempotency key.
    """
    with transaction.atomic():
        # Every move locks the upload before the quota. The same order here avoids
        # deadlocks. If two requests have the same idempotency key, the INSERT of the
        # second request fails. So the second request reserves no quota.
        # Two batches can have the same keys in different orders. Sorted rows avoid a
        # deadlock of these batches.
        Upload.objects.insert(sorted(rows, key=lambda row: row.idempotency_key or ""))
        refused = quota.reserve_many(owner, [row.byte_size for row in rows])
        out = [row.pk for row, error in zip(rows, refused, strict=True) if error]
        if out:
            Upload.objects.filter(pk__in=out).delete()
        made = [row for row, error in zip(rows, refused, strict=True) if not error]
        details = presigned or {}
        record_many(
            [("upload.started", row, declared(row)) for row in made]
            + [
                ("upload.presigned", row, details[row.transport])
                for row in made
                if row.transport in details
            ],
            actor=owner,
        )
    return refused


def choose_transport(declaration: Declaration) -> Transport:
    """Return the requested transport. By default, the size of the file decides.

    Raises InvalidRequest if a multipart upload of an empty file is requested. Raises
    FileTooLarge if the file is too large for the transport.
    """
    transport = declaration.transport or (
        Transport.PUT if _plan(declaration).part_count == 1 else Transport.MULTIPART
    )
    if transport == Transport.MULTIPART:
        if declaration.byte_size == 0:
            raise InvalidRequest(
                fields={
                    "transport": [
                        "The transport multipart cannot send an empty file. Use put."
                    ]
                }
            )
        return transport
    if transport == Transport.FORM:
        if declaration.byte_size > MAX_COPY:
            raise FileTooLarge(f"The transport form can send at most {MAX_COPY} bytes.")
        return transport
    if declaration.byte_size > MAX_SINGLE_PUT:
        raise FileTooLarge(
            f"The transport {transport} can send at most {MAX_SINGLE_PUT} bytes. Use the "
            "transport multipart."
        )
    return transport


def lifetime_of(transport: Transport) -> timedelta:
    """Return the time from the start of an upload to its deadline."""
    lifetime = timedelta(seconds=options().lifetime_seconds)
    return min(lifetime, FORM_LIFETIME) if transport == Transport.FORM else lifetime


def declared(upload: Upload) -> dict[str, Any]:
    """Return the declared facts that the audit trail records."""
    names = ["key", "transport", "byte_size", "content_type", "checksum_sha256"]
    if upload.checksum_crc64nvme:
        names.append("checksum_crc64nvme")
    return {name: getattr(upload, name) for name in names}


def _wished_plan(declaration: Declaration) -> PartPlan:
    if declaration.part_size is None:
        return _plan(declaration)
    return plan_parts(
        declaration.byte_size, min_part_size=clamp_part_size(declaration.part_size)
    )


def _plan(declaration: Declaration) -> PartPlan:
    return plan_parts(declaration.byte_size, min_part_size=options().min_part_bytes)
