"""Releases files from quarantine, after an operator has decided that they are harmless.

A release is a new upload of the same owner. The server copies the bytes from quarantine
to a new key. It then verifies and inspects the copy like any upload, but ignores the
rule that has rejected the file. The rejected upload stays rejected and links to the
release.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from uploads.conf import options
from uploads.errors import (
    CopyRefused,
    InvalidState,
    QuotaExceeded,
    StaleUpload,
    StorageUnavailable,
)
from uploads.inspection.content_types import stored_type
from uploads.inspection.verdicts import CONTENT, MALWARE, NOT_SCANNED
from uploads.lifecycle import quota
from uploads.lifecycle.checksums import checksums_of
from uploads.lifecycle.moving import expire
from uploads.lifecycle.new_uploads import declared
from uploads.models import Upload
from uploads.s3.bucket import ObjectFacts, get_bucket
from uploads.s3.copying import MAX_COPY, copy_object
from uploads.s3.keys import new_key
from uploads.states import State, Transport
from uploads.trail.writing import record

LIFETIME = timedelta(days=1)
"""An unfinished release expires after this time."""

NOT_INSPECTED = "not_inspected"
TYPE_NOT_ALLOWED = "type_not_allowed"
"""The owner's policy does not allow this type of content."""

_RELEASABLE = frozenset({CONTENT, NOT_SCANNED, NOT_INSPECTED, TYPE_NOT_ALLOWED})
_MALWARE_WORDS = "It holds what ClamAV knows as"
"""The first words of ``rejected_reason`` in old rows if ClamAV found malware.

Older versions of the site wrote these words and no ``rejected_cause``. So in the rows
of these versions, only these words show that the file is malware.
"""

_ATTEMPTS = 2
"""If a concurrent call makes the copy first, the second attempt finds this copy."""


def may_be_released(upload: Upload) -> bool:
    """Return whether an operator may release a rejected upload.

    The upload's copy must be in quarantine and small enough for one S3 copy request.
    Nobody can release malware.
    """
    return (
        upload.state == State.REJECTED
        and bool(upload.quarantine_key)
        and upload.byte_size <= MAX_COPY
        and overruled_cause(upload) in _RELEASABLE
    )


def overruled_cause(rejected: Upload) -> str:
    """Return the cause of a rejection.

    Rows that an older version of the site wrote have no cause. For such a row, return
    CONTENT, or ``""`` if the reason is malware.
    """
    if rejected.rejected_cause or rejected.rejected_reason.startswith(_MALWARE_WORDS):
        return rejected.rejected_cause
    return CONTENT


def request_release(upload: Upload, *, actor: Any) -> None:
    """Record that the owner asks for a release. Idempotent.

    Raises InvalidState if the upload cannot be released.
    """
    if upload.released_as_id or upload.release_requested_at:
        return
    _require_releasable(upload)
    now = timezone.now()
    with transaction.atomic():
        unasked = Upload.objects.filter(
            pk=upload.pk, state=State.REJECTED, release_requested_at=None
        )
        if unasked.update(release_requested_at=now):
            record("upload.release_requested", upload=upload, actor=actor)
    upload.refresh_from_db()


def begin_release(rejected: Upload, *, actor: Any) -> Upload:
    """Create a new upload that releases ``rejected``, and return this release.

    If there is a release that has not failed, returns it instead. This function does
    not copy the object yet. Raises InvalidState if the upload cannot be released,
    QuotaExceeded, StorageUnavailable.
    """
    if (found := _release_of(rejected)) is not None:
        return found
    _require_releasable(rejected)
    if get_bucket().head_object(rejected.quarantine_key) is None:
        raise InvalidState("The copy of this file is no longer in quarantine.")
    try:
        return _create(rejected, actor)
    except StaleUpload:
        # A concurrent call has created a release or deleted the upload.
        if (found := _release_of(rejected)) is None:
            raise
        return found


def _release_of(rejected: Upload) -> Upload | None:
    """Read the row again and return its release."""
    rejected.refresh_from_db()
    return rejected.released_as


def _create(rejected: Upload, actor: Any) -> Upload:
    now = timezone.now()
    with transaction.atomic():
        # Every move locks the upload before the quota. The same order here avoids
        # deadlocks.
        release = Upload.objects.create(
            id=uuid.uuid4(),
            owner=rejected.owner,
            transport=Transport.COPY,
            key=new_key(options().key_prefix),
            filename=rejected.filename,
            relative_path=rejected.relative_path,
            byte_size=rejected.byte_size,
            content_type=rejected.content_type,
            checksum_algorithm=rejected.checksum_algorithm,
            checksum_sha256=rejected.checksum_sha256,
            checksum_crc64nvme=rejected.checksum_crc64nvme,
            part_size=max(1, rejected.byte_size),
            last_modified=rejected.last_modified,
            fingerprint=rejected.fingerprint,
            created_at=now,
            expires_at=now + LIFETIME,
            released_from=rejected,
        )
        unreleased = Upload.objects.filter(
            pk=rejected.pk,
            state=State.REJECTED,
            quarantine_key=rejected.quarantine_key,
            released_as=None,
        )
        if unreleased.update(released_as=release) != 1:
            raise StaleUpload
        try:
            quota.reserve(rejected.owner, rejected.byte_size)
        except QuotaExceeded as error:
            words = (
                "The quota of the file's owner does not allow this file. Raise the "
                "owner's limits under Quotas in the admin, then try again. The "
                f"message for the owner is: {error.detail}"
            )
            raise QuotaExceeded(words) from error
        detail = declared(release)
        detail["released_from"] = str(rejected.pk)
        record("upload.started", upload=release, actor=actor, detail=detail)
        told = {"released_as": str(release.pk), "operator": str(actor or "")}
        record("upload.released", upload=rejected, actor=actor, detail=told)
    rejected.released_as = release
    return release


def copy_back(release: Upload) -> ObjectFacts:
    """Copy the object from quarantine to the key of ``release``; return its facts.

    Idempotent, because an object under this key can only be the copy of an earlier
    call. If quarantine no longer has the object, expires the release and raises
    InvalidState. Raises StaleUpload, StorageUnavailable.
    """
    bucket = get_bucket()
    rejected = release.released_from
    kept_key = rejected.quarantine_key if rejected else ""
    for _ in range(_ATTEMPTS):
        facts = bucket.head_object(release.key)
        if facts is not None:
            return facts
        kept = bucket.head_object(kept_key) if kept_key else None
        if kept is None:
            words = "its copy is no longer in quarantine"
            expire(release, reason=words)
            raise InvalidState(f"The file was not released, because {words}.")
        # S3 refuses the copy if a concurrent call has just made it.
        with suppress(CopyRefused):
            copy_object(
                bucket,
                kept_key,
                release.key,
                etag=kept.etag,
                content_type=stored_type(release.content_type),
                checksums=checksums_of(release),
            )
    raise StorageUnavailable


def _require_releasable(upload: Upload) -> None:
    if may_be_released(upload):
        return
    if upload.state != State.REJECTED:
        raise InvalidState(
            f"The upload is {upload.state}. Only rejected uploads can be released."
        )
    if not upload.quarantine_key:
        raise InvalidState("No copy of this file is in quarantine.")
    if upload.byte_size > MAX_COPY:
        raise InvalidState(
            f"This file is too large to be released, because S3 copies at most {MAX_COPY} "
            "bytes in one request. An operator can download the copy from the bucket; "
            "its key begins with the quarantine prefix."
        )
    cause = overruled_cause(upload)
    if cause in {MALWARE, ""}:
        raise InvalidState(
            "Malware was found in this file. Such files are never released."
        )
    raise InvalidState(
        f"This file was refused with the cause {cause!r}. Files with this cause are "
        "never released."
    )
