"""Receives files that a plain HTML form sends, without JavaScript.

Such a form declares no size and no checksum. Until the form expires, the owner can send
it again with another file. So the form writes to a separate key, the incoming key. The
site serves no downloads from this key. The server copies the object to the upload's own
key. No presigned URL permits a write to the upload's own key, so nobody can change the
copy. The site inspects and serves only the copy.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from uploads.errors import (
    ContentTypeNotAllowed,
    CopyRefused,
    Incomplete,
    InvalidState,
    StorageError,
    StorageUnavailable,
)
from uploads.inspection.content_types import stored_type
from uploads.inspection.detection import HEAD_BYTES, detect_type
from uploads.inspection.guesses import UNKNOWN, ending_of, type_of
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.new_uploads import Declaration
from uploads.lifecycle.policy import policy_for
from uploads.lifecycle.presigning import extend_urls
from uploads.lifecycle.starting import start
from uploads.lifecycle.verification import Mismatch, find_form_mismatch
from uploads.metrics.counting import presigning
from uploads.models import Upload
from uploads.s3.bucket import Bucket, ObjectFacts, get_bucket, get_presigner
from uploads.s3.copying import MAX_COPY, copy_object
from uploads.s3.keys import incoming_key
from uploads.s3.sent_names import sent_name
from uploads.s3.signed import SignedPost
from uploads.states import Transport
from uploads.text.filenames import UNNAMED, clean_filename

logger = structlog.get_logger("slipway.lifecycle")

MAX_FORM_BYTES = MAX_COPY
"""Maximum size of a file in a form. S3 copies no larger object in one request."""

NO_FORMS = (
    "Uploads to this site need JavaScript, because the storage does not accept files "
    "from HTML forms. Switch on JavaScript in your browser."
)

_ATTEMPTS = 4
"""Normally the first attempt makes the copy and the second attempt finds it.

More attempts are needed only if the owner sends the form again meanwhile.
"""


@dataclass(frozen=True)
class Arrival:
    """A file that a form has sent.

    ``facts`` describe its object. ``refusal`` is the reason if the file is refused.
    ``recorded`` are the row's fields that were unknown before the file arrived.
    """

    facts: ObjectFacts
    refusal: Mismatch | None = None
    recorded: dict[str, Any] = field(default_factory=dict)


def require_forms() -> None:
    """Raise InvalidState if the doctor has found that the storage accepts no forms."""
    if capabilities().lacks_forms:
        raise InvalidState(NO_FORMS)


def start_form(
    *, owner: Any, byte_size: int, filename: str, idempotency_key: str
) -> Upload:
    """Reserve ``byte_size`` bytes for a file of at most this size.

    ``filename`` is a result of ``clean_filename``, or empty. Without ``filename``, the
    upload gets the name that S3 reports for the file. The same ``idempotency_key``
    returns the same upload, even with another ``byte_size``. Callers compute this size
    from the free space, which is smaller after the first call. Raises the errors of
    ``start``.
    """
    require_forms()
    declaration = Declaration(
        filename=filename or UNNAMED,
        byte_size=byte_size,
        content_type=stored_type(type_of(filename)) if filename else "",
        transport=Transport.FORM,
    )
    # API clients cannot send a key with a space, so no API upload has the same key.
    key = f"form {idempotency_key}"
    return start(owner=owner, declaration=declaration, idempotency_key=key)


def presign_form(upload: Upload, *, redirect_url: str) -> SignedPost:
    """Return the form that sends the file. S3 then redirects to ``redirect_url``.

    Raises InvalidState if the upload is not pending or is not sent by a form.
    """
    if upload.transport != Transport.FORM:
        raise InvalidState(
            "Only an upload with the transport form has a form. This upload has the "
            f"transport {upload.transport}."
        )
    require_forms()
    seconds = extend_urls(upload, {"transport": upload.transport})
    with presigning(upload.transport):
        return get_presigner().plain_form(
            key=incoming_key(upload.key),
            max_bytes=upload.byte_size,
            redirect_url=redirect_url,
            expires_in=seconds,
        )


def receive(upload: Upload) -> Arrival:
    """Copy the file of a form to the upload's own key, and return its facts.

    Idempotent, because an object under the upload's own key can only be the copy that a
    concurrent or interrupted call made. Raises Incomplete if no file has arrived.
    Raises StorageUnavailable if S3 does not answer, or if the owner has sent the form
    again during every attempt.
    """
    bucket, incoming = get_bucket(), incoming_key(upload.key)
    for _ in range(_ATTEMPTS):
        copied, sent = bucket.head_object(upload.key), bucket.head_object(incoming)
        facts = copied or sent
        if facts is None:
            raise Incomplete("No file has arrived.", missing_parts=[1])
        filename = _name(upload, sent)
        if copied:
            content_type = copied.content_type
        else:
            content_type = _type(bucket, filename, incoming, facts)
        refusal = find_form_mismatch(upload, facts) or _objection(
            upload, filename, content_type
        )
        if refusal or copied:
            recorded = {
                "byte_size": facts.byte_size,
                "content_type": content_type,
                "filename": filename or _substitute_name(upload, content_type),
            }
            return Arrival(facts, refusal, recorded)
        # S3 refuses the copy if a concurrent call has made it, or if the owner has sent
        # the form again. The next attempt reads the facts of both objects again.
        with suppress(CopyRefused):
            copy_object(
                bucket,
                incoming,
                upload.key,
                etag=facts.etag,
                content_type=content_type,
            )
    raise StorageUnavailable(
        "The form sent this file again while the site was copying the file. Wait until "
        "the browser has sent the file, then try again."
    )


def discard_incoming(upload: Upload) -> None:
    """Delete the incoming object.

    If the storage does not answer, the sweeper deletes the object later.
    """
    try:
        get_bucket().delete_object(incoming_key(upload.key))
    except StorageError as error:
        logger.warning("incoming.kept", upload=str(upload.pk), error=error.code)


def discard_copy(upload: Upload, facts: ObjectFacts) -> None:
    """Delete the copy of an upload that ended while the server made the copy.

    If the storage does not answer, the sweeper deletes the copy later.
    """
    try:
        get_bucket().delete_object(upload.key, version_id=facts.version_id)
    except StorageError as error:
        logger.warning("copy.kept", upload=str(upload.pk), error=error.code)


def _name(upload: Upload, sent: ObjectFacts | None) -> str:
    """Return the name that the owner typed, else the name from S3, else ``""``."""
    if upload.filename != UNNAMED:
        return upload.filename
    name = clean_filename(sent_name(sent.metadata)) if sent else UNNAMED
    return "" if name == UNNAMED else name


def _substitute_name(upload: Upload, content_type: str) -> str:
    extension = "" if content_type == UNKNOWN else ending_of(content_type)
    return f"upload-{upload.created_at:%Y-%m-%d}{extension}"


def _type(bucket: Bucket, filename: str, key: str, facts: ObjectFacts) -> str:
    """Return the type for the name's extension. Without a name, detect the type."""
    if filename:
        return stored_type(type_of(filename))
    head = bucket.read_range(key, 0, min(HEAD_BYTES, facts.byte_size))
    return stored_type(detect_type(head) or UNKNOWN)


def _objection(upload: Upload, filename: str, content_type: str) -> Mismatch | None:
    try:
        # ``start`` has checked the size, so check only the type here.
        policy_for(upload.owner).check(
            byte_size=0, content_type=content_type, filename=filename
        )
    except ContentTypeNotAllowed as error:
        return Mismatch("type_not_allowed", error.detail)
    return None
