"""Starts an upload: checks its declaration, reserves quota, writes the row."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError

from uploads.conf import options
from uploads.errors import InvalidRequest, StaleUpload, StorageError
from uploads.inspection.detection import detect_type, is_detector_missing
from uploads.inspection.disguises import find_disguise
from uploads.lifecycle.checksums import differs
from uploads.lifecycle.moving import move
from uploads.lifecycle.multipart import create_multipart
from uploads.lifecycle.new_uploads import (
    Declaration,
    NewUploads,
    insert_uploads,
    lifetime_of,
)
from uploads.lifecycle.policy import Policy, policy_for
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State, Transport


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
        upload = NewUploads(owner).row(declaration, idempotency_key)
        try:
            [refused] = insert_uploads(owner, [upload])
        except IntegrityError:
            upload = _find(owner, idempotency_key)
            if upload is None:
                raise
        else:
            if refused:
                raise refused
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


def extended_deadline(upload: Upload, now: datetime) -> datetime:
    """Return the deadline after a request for URLs at ``now``.

    The deadline is ``now`` plus the lifetime or plus ``extension_seconds``. The shorter
    of these two times applies. The deadline is never later than start + lifetime +
    ``extension_seconds``.
    """
    lifetime = lifetime_of(Transport(upload.transport))
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
