"""Tests uploads by HTML forms (POST requests). Some providers do not support forms."""

from __future__ import annotations

from collections.abc import Iterator

from uploads.doctor.contract.promises import Promise
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, Status, note, ok
from uploads.s3.checksums import SHA256
from uploads.s3.probe import CONTENT_TYPE, EXPIRES_IN
from uploads.s3.signed import SignedPost
from uploads.s3.wire import Answer, send_form

FAIL, WARN, NOTE = Status.FAIL, Status.WARN, Status.NOTE
REDIRECT = "https://doctor.invalid/arrived/"
FILENAME = "probe name.bin"

TOO_LONG = Promise(
    "contract.post.too_long",
    "A form with more bytes than were signed is refused",
    FAIL,
    "With a form that was signed for a small file, a user can send a large file and "
    "exceed the quota.",
)
TOO_SHORT = Promise(
    "contract.post.too_short",
    "A form with fewer bytes than were signed is refused",
    NOTE,
    "S3 stores a file that is too short. The site rejects this file when it checks the "
    "stored object.",
)
OTHER_BYTES = Promise(
    "contract.post.other_bytes",
    "A form with bytes that do not match its SHA-256 is refused",
    NOTE,
    "The provider does not compare the bytes with the SHA-256 of the form. So the site "
    "itself must read and hash each file that a form sends.",
)
OTHER_KEY = Promise(
    "contract.post.other_key",
    "A form with a key that was not signed is refused",
    FAIL,
    "With one form, a user can overwrite every object in the bucket.",
)
SECOND_USE = Promise(
    "contract.post.second_use",
    "A form that is sent twice keeps the object's ETag and version",
    NOTE,
    "If the answer to a form is lost and the page sends the form again, S3 stores a new "
    "version or another ETag. So the page sends small files by PUT.",
)
FILENAME_KEPT = Promise(
    "contract.post.filename",
    "S3 stores the filename of a form",
    NOTE,
    "People without JavaScript must type the names of their files themselves.",
)


def ask_forms(examination: Examination) -> Iterator[Finding]:
    """Yield the findings about forms. A provider without forms gets a NOTE."""
    body = examination.random_bytes()
    key = examination.new_key("post")
    signed = _signed(examination, key, body)
    answer = _post(signed, body)
    title = "A form stores a file"
    if answer.status not in {200, 201, 204}:
        yield note(
            "contract.post.right",
            title,
            f"S3 answered {answer}",
            "People without JavaScript cannot upload.",
        )
        return
    stored = examination.worker.read_range(key, 0, len(body) + 1)
    if stored != body:
        promise = Promise(
            "contract.post.right", title, FAIL, "Files that forms send are damaged."
        )
        yield promise.broken("The stored bytes differ from the sent bytes.")
        return
    yield ok("contract.post.right", title)
    yield _sent_twice(examination, key, signed, body)
    yield from _changed(examination)
    yield _filename(examination)


def _sent_twice(
    examination: Examination, key: str, signed: SignedPost, body: bytes
) -> Finding:
    before = examination.worker.head_object(key)
    answer = _post(signed, body)
    after = examination.worker.head_object(key)
    if before is None or after is None:
        return SECOND_USE.broken("The object is missing.")
    is_same = (before.etag, before.version_id) == (after.etag, after.version_id)
    return SECOND_USE.kept(
        is_same,
        str(answer.status),
        otherwise="The object has another ETag or version.",
    )


def _changed(examination: Examination) -> Iterator[Finding]:
    def fresh() -> tuple[SignedPost, bytes]:
        body = examination.random_bytes()
        return _signed(examination, examination.new_key("post"), body), body

    signed, body = fresh()
    yield TOO_LONG.refused(_post(signed, body + b"!"))
    signed, body = fresh()
    yield TOO_SHORT.refused(_post(signed, body[:-1]))
    signed, _ = fresh()
    yield OTHER_BYTES.refused(_post(signed, examination.random_bytes()))
    signed, body = fresh()
    fields = {**signed.fields, "key": examination.new_key("post")}
    yield OTHER_KEY.refused(send_form(signed.url, fields, body))


def _filename(examination: Examination) -> Finding:
    key, body = examination.new_key("post"), examination.random_bytes()
    signed = examination.uploads.plain_form(
        key=key, max_bytes=len(body), redirect_url=REDIRECT, expires_in=EXPIRES_IN
    )
    answer = send_form(signed.url, signed.fields, body, filename=FILENAME)
    facts = examination.worker.head_object(key) if answer.status < 400 else None
    if facts is None:
        return FILENAME_KEPT.broken(f"S3 answered {answer}")
    found = facts.metadata.get("filename", "")
    return FILENAME_KEPT.kept(found == FILENAME, found or "S3 stored no filename.")


def _signed(examination: Examination, key: str, body: bytes) -> SignedPost:
    return examination.uploads.post_object(
        key=key,
        byte_size=len(body),
        content_type=CONTENT_TYPE,
        checksum_sha256=SHA256.base64(body),
        expires_in=EXPIRES_IN,
    )


def _post(signed: SignedPost, body: bytes) -> Answer:
    return send_form(signed.url, signed.fields, body)
