"""Runs a self-test with the operator's browser.

The browser sends signed requests to the bucket. The server then checks the objects.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from django.core import signing

from uploads.conf import options
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, fail, ok
from uploads.errors import StorageError
from uploads.s3.bucket import get_bucket
from uploads.s3.checksums import SHA256
from uploads.s3.keys import new_probe_key
from uploads.s3.probe import CONTENT_TYPE, EXPIRES_IN, get_request, put_request
from uploads.s3.signed import SignedRequest

SALT = "slipway.doctor.self-test"
BODY_BYTES = 64


def begin() -> dict[str, Any]:
    """Return signed requests for the browser, and a ticket.

    The requests are one PUT, one part, one form and one download. The browser sends the
    ticket back to ``end``. Raises StorageUnavailable if S3 fails.
    """
    examination, body = Examination(), secrets.token_bytes(BODY_BYTES)
    keys = {name: _key(name) for name in ("put", "part", "form")}
    multipart_id = get_bucket().create_multipart_upload(
        keys["part"], content_type=CONTENT_TYPE
    )
    put = put_request(examination.uploads, keys["put"], body)
    part = examination.uploads.upload_part(
        key=keys["part"],
        multipart_id=multipart_id,
        part_number=1,
        byte_size=len(body),
        checksum_sha256=SHA256.base64(body),
        expires_in=EXPIRES_IN,
    )
    form = examination.uploads.post_object(
        key=keys["form"],
        byte_size=len(body),
        content_type=CONTENT_TYPE,
        checksum_sha256=SHA256.base64(body),
        expires_in=EXPIRES_IN,
    )
    download = get_request(examination.downloads, keys["put"])
    ticket = {"keys": keys, "multipart_id": multipart_id, "sha256": SHA256.base64(body)}
    return {
        "body": base64.b64encode(body).decode(),
        "bucket": examination.uploads.origin,
        "ticket": signing.dumps(ticket, salt=SALT),
        "requests": {
            "put": _as_json(put),
            "part": _as_json(part),
            "form": {"url": form.url, "fields": form.fields},
            "download": _as_json(download),
        },
    }


def end(ticket: str) -> list[Finding]:
    """Check the objects that the browser has sent, delete them, and return findings.

    Raises signing.BadSignature if the ticket is invalid or too old.
    """
    found = signing.loads(ticket, salt=SALT, max_age=EXPIRES_IN)
    keys, multipart_id = found["keys"], found["multipart_id"]
    bucket = get_bucket()
    try:
        parts = bucket.list_parts(keys["part"], multipart_id)
        findings = [
            _arrived("put", "PUT", _is_stored(keys["put"], found["sha256"])),
            _arrived("part", "part", len(parts) == 1),
            _arrived("form", "form", _is_stored(keys["form"], found["sha256"])),
        ]
    finally:
        _remove(keys, multipart_id)
    return findings


def _key(name: str) -> str:
    return new_probe_key(options().key_prefix, f"browser-{name}")


def _as_json(request: SignedRequest) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": request.headers,
    }


def _is_stored(key: str, checksum: str) -> bool:
    bucket = get_bucket()
    if bucket.head_object(key) is None:
        return False
    return SHA256.base64(bucket.read_range(key, 0, BODY_BYTES + 1)) == checksum


def _arrived(name: str, sent: str, is_there: bool) -> Finding:
    name, title = f"browser.{name}", f"The bytes of the {sent} are in the bucket"
    if is_there:
        return ok(name, title, "The server has read these bytes.")
    return fail(
        name,
        title,
        "The server did not find these bytes.",
        "Uploads from this browser do not arrive in the bucket.",
        f'Follow the advice in the result "This browser can send a {sent}" above.',
    )


def _remove(keys: dict[str, str], multipart_id: str) -> None:
    bucket = get_bucket()
    try:
        bucket.abort_multipart_upload(keys["part"], multipart_id)
        for key in (keys["put"], keys["form"]):
            bucket.delete_object(key)
    except StorageError:
        return  # The sweeper deletes the remaining objects later.
