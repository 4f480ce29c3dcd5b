"""Starts an upload: checks its declaration, reserves quota, writes the row."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from uploads.conf import options
from uploads.errors import FileTooLarge, InvalidRequest, StaleUpload, StorageError
from uploads.inspection.detection import detect_type, is_detector_missing
from uploads.inspection.disguises import find_disguise
from uploads.lifecycle import quota
from uploads.lifecycle.checksums import (
    choose_checksums,
    differs,
    recorded_checksums,
)
from uploads.lifecycle.moving import move
from uploads.lifecycle.multipart import create_multipart
from uploads.lifecycle.policy import Policy, policy_for
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.s3.copying import MAX_COPY
from uploads.s3.keys import new_key
from uploads.s3.part_plan import (
    MAX_SINGLE_PUT,
    PartPlan,
    clamp_part_size,
    plan_parts,
)
from uploads.states import State, Transport
from uploads.trail.writing import record

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


def start(
    *,
    owner: Any,
    declaration: Declaration,
    idempotency_key: str | None = None,
    policy: Policy | None = None,
) -> Upload:
    """Reserve quota, write the row and open a multipart upload if needed.

    The same ``idempotency_key`` of the same owner returns the same upload. This
    function commits the row before it calls S3. Otherwise a crash could leave a
    multipart upload without a row, which costs money until the sweeper aborts it.
    Raises FileTooLarge, ContentTypeNotAllowed, QuotaExceeded, InvalidRequest or
    StorageUnavailable. After an error, no quota is reserved.
    """
    upload = _find(owner, idempotency_key)
    if upload is None:
        require_acceptable(declaration, policy or policy_for(owner))
        try:
            upload = _create(owner, declaration, idempotency_key)
        except IntegrityError:
            upload = _find(owner, idempotency_key)
            if upload is None:
                raise
    require_same(upload, declaration)
    if upload.transport == Transport.MULTIPART and not upload.multipart_id:
        open_multipart(upload)
    return upload


def require_acceptable(declaration: Declaration, policy: Policy) -> None:
    """Raise an error for a file that the inspection would refuse after the transfer.

    The check uses the first bytes that the client has declared. These bytes may be
    false, so the inspection of the stored object repeats the check. Raises
    InvalidRequest, FileTooLarge, ContentTypeNotAllowed.
    """
    head = declaration.head
    if head:
        reason = find_disguise(
            declaration.filename, declared=declaration.content_type, head=head
        )
        if reason:
            raise InvalidRequest(reason, fields={"head": [reason]})
    policy.check(
        byte_size=declaration.byte_size,
        content_type=declaration.content_type,
        filename=declaration.filename,
        detected_type=_detect(head) if head and policy.restricts_types else None,
    )


def _detect(head: bytes) -> str | None:
    return detect_type(head) or (None if is_detector_missing() else "")


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


def _create(
    owner: Any, declaration: Declaration, idempotency_key: str | None
) -> Upload:
    upload = new_upload(owner, declaration, idempotency_key)
    with transaction.atomic():
        # Every move locks the upload before the quota. The same order here avoids
        # deadlocks. If two requests have the same idempotency key, the INSERT of the
        # second request fails. So the second request reserves no quota.
        upload.save(force_insert=True)
        quota.reserve(owner, declaration.byte_size)
        record("upload.started", upload=upload, actor=owner, detail=declared(upload))
    return upload


def new_upload(
    owner: Any, declaration: Declaration, idempotency_key: str | None
) -> Upload:
    """Return the unsaved row of a new upload.

    Raises the errors of choose_transport and choose_checksums.
    """
    transport = choose_transport(declaration)
    checksums = choose_checksums(declaration, transport)
    single = transport != Transport.MULTIPART
    now = timezone.now()
    return Upload(
        id=uuid.uuid4(),
        owner=owner,
        transport=transport,
        key=new_key(options().key_prefix),
        filename=declaration.filename,
        relative_path=declaration.relative_path,
        byte_size=declaration.byte_size,
        content_type=declaration.content_type,
        **recorded_checksums(declaration, checksums, transport),
        part_size=max(1, declaration.byte_size)
        if single
        else _wished_plan(declaration).part_size,
        last_modified=declaration.last_modified,
        fingerprint=declaration.fingerprint,
        idempotency_key=idempotency_key,
        created_at=now,
        expires_at=now + _lifetime(transport),
    )


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


def _lifetime(transport: Transport) -> timedelta:
    lifetime = timedelta(seconds=options().lifetime_seconds)
    return min(lifetime, FORM_LIFETIME) if transport == Transport.FORM else lifetime


def extended_deadline(upload: Upload, now: datetime) -> datetime:
    """Return the deadline after a request for URLs at ``now``.

    The deadline is ``now`` plus the lifetime or plus ``extension_seconds``. The shorter
    of these two times applies. The deadline is never later than start + lifetime +
    ``extension_seconds``.
    """
    lifetime = _lifetime(Transport(upload.transport))
    extension = timedelta(seconds=options().extension_seconds)
    return min(now + min(lifetime, extension), upload.created_at + lifetime + extension)


def open_multipart(upload: Upload) -> None:
    """Create the multipart upload at S3 and store its id in the row.

    Of two concurrent calls, only one stores its id. The other call aborts the multipart
    upload that it has created. Does nothing if the upload is not pending. If S3 does
    not create the multipart upload, cancels the upload and raises StorageUnavailable.
    """
    if upload.state != State.PENDING:
        return
    try:
        multipart_id = create_multipart(upload)
    except StorageError:
        _cancel_unopened(upload)
        raise
    unopened = Upload.objects.filter(
        pk=upload.pk,
        state=State.PENDING,
        multipart_id="",
        checksum_algorithm=upload.checksum_algorithm,
    )
    if not unopened.update(multipart_id=multipart_id):
        # A concurrent request has opened or cancelled the upload, or has changed its
        # checksum algorithm.
        get_bucket().abort_multipart_upload(upload.key, multipart_id)
    upload.refresh_from_db()


def _cancel_unopened(upload: Upload) -> None:
    """Cancel the upload if no concurrent request has opened it."""
    upload.refresh_from_db()
    if upload.state != State.PENDING or upload.multipart_id:
        return
    with suppress(StaleUpload):
        # Remove the idempotency key, so that a retry with this key starts a new upload.
        move(
            upload,
            State.CANCELLED,
            detail={"reason": "storage_unavailable"},
            idempotency_key=None,
        )


def _find(owner: Any, idempotency_key: str | None) -> Upload | None:
    if not idempotency_key:
        return None
    return Upload.objects.filter(owner=owner, idempotency_key=idempotency_key).first()


def require_same(upload: Upload, declaration: Declaration) -> None:
    """Raise InvalidRequest if the upload was started for another file."""
    if declaration.transport == upload.transport == Transport.FORM:
        return  # the row has the file's true size and type, not the declared ones
    declared = (declaration.byte_size, declaration.content_type)
    recorded = (upload.byte_size, upload.content_type)
    if declared != recorded or differs(upload, declaration):
        raise InvalidRequest(
            "This Idempotency-Key was used for another file. Send a new key."
        )
