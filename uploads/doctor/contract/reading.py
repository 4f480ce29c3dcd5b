"""Tests the server's own calls, which read, copy and delete objects."""

from __future__ import annotations

from collections.abc import Iterator

from uploads.doctor.contract.promises import Promise
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, Status
from uploads.errors import CopyRefused, StorageError
from uploads.s3.checksums import SHA256
from uploads.s3.copying import copy_object
from uploads.s3.probe import CONTENT_TYPE, get_request, perform, put_request
from uploads.s3.removal import delete_if_same

FAIL, WARN, NOTE = Status.FAIL, Status.WARN, Status.NOTE

DOWNLOAD = Promise(
    "contract.read.download",
    "A download has the filename and type that its URL sets",
    WARN,
    "Browsers display files instead of saving them, or save them with a wrong name.",
)
CHECKSUM = Promise(
    "contract.read.checksum",
    "HEAD returns the SHA-256 of the object",
    NOTE,
    "The site itself must read and hash each object to verify its checksum.",
)
RANGE = Promise(
    "contract.read.range",
    "Byte ranges can be read",
    FAIL,
    "The site cannot inspect the content of files.",
)
EMPTY = Promise(
    "contract.read.empty",
    "An empty object is stored and read",
    WARN,
    "Users cannot upload empty files.",
)
COPY = Promise(
    "contract.read.copy",
    "An object is copied inside the bucket",
    WARN,
    "People without JavaScript cannot upload.",
)
COPY_TAKEN = Promise(
    "contract.read.copy_taken",
    "A copy does not replace an existing object",
    NOTE,
    "Before the site copies an object, it checks that no object with the new key "
    "exists.",
)
COPY_OTHER = Promise(
    "contract.read.copy_other",
    "If an object was replaced, a copy with its old ETag is refused",
    NOTE,
    "If a user sends a form again while the site copies the first file, the site may "
    "copy the second file instead.",
)

DELETE_OTHER = Promise(
    "contract.read.delete_other",
    "If an object was replaced, a deletion with its old ETag is refused",
    NOTE,
    "If an object is replaced just before the site deletes it, the site deletes the "
    "new object.",
)


def ask_reading(examination: Examination) -> Iterator[Finding]:
    """Yield the findings, from tests with a small object and an empty object."""
    bucket, key = examination.worker, examination.new_key("read")
    body = examination.random_bytes()
    answer = perform(put_request(examination.uploads, key, body), body)
    facts = bucket.head_object(key)
    if facts is None:
        yield RANGE.broken(
            f"S3 answered a PUT with {answer.status}, but the site cannot find the "
            "object of this PUT."
        )
        return
    is_told = facts.checksum_sha256 == SHA256.base64(body)
    yield CHECKSUM.kept(is_told, facts.checksum_sha256 or "S3 returned no SHA-256.")
    middle = bucket.read_range(key, 3, 5, etag=facts.etag)
    yield RANGE.kept(
        middle == body[3:8],
        "5 of 5 bytes",
        otherwise="S3 returned other bytes than the site requested.",
    )
    yield _download(examination, key, body)
    yield _empty(examination)
    yield from _copies(examination, key, facts.etag)
    is_deleted = delete_if_same(bucket, key, etag='"another"')
    yield DELETE_OTHER.kept(
        not is_deleted, "S3 deleted the object." if is_deleted else "412"
    )


def _download(examination: Examination, key: str, body: bytes) -> Finding:
    answer = perform(get_request(examination.downloads, key))
    disposition = answer.header("content-disposition")
    is_right = (
        answer.status == 200
        and answer.body == body
        and "attachment" in disposition
        and "probe.bin" in disposition
        and answer.header("content-type") == CONTENT_TYPE
    )
    return DOWNLOAD.kept(is_right, f"{answer.status} {disposition}".strip())


def _empty(examination: Examination) -> Finding:
    key = examination.new_key("empty")
    answer = perform(put_request(examination.uploads, key, b""), b"")
    if answer.status != 200:
        return EMPTY.broken(f"S3 answered {answer}")
    found = examination.worker.read_range(key, 0, 1)
    return EMPTY.kept(found == b"", f"{len(found)} bytes were read")


def _copies(examination: Examination, key: str, etag: str) -> Iterator[Finding]:
    bucket, target = examination.worker, examination.new_key("copy")
    try:
        copy_object(bucket, key, target, etag=etag, content_type=CONTENT_TYPE)
    except StorageError as error:
        yield COPY.broken(error.detail)
        return
    same = bucket.read_range(target, 0, 100) == bucket.read_range(key, 0, 100)
    yield COPY.kept(
        same,
        "copied and read back",
        otherwise="The bytes of the copy differ from those of the object.",
    )
    for promise, to, condition in (
        (COPY_TAKEN, target, etag),
        (COPY_OTHER, examination.new_key("copy"), '"another"'),
    ):
        try:
            copy_object(bucket, key, to, etag=condition, content_type=CONTENT_TYPE)
        except CopyRefused:
            yield promise.kept(True, "refused")
        except StorageError as error:
            yield promise.kept(True, error.detail)
        else:
            yield promise.broken("S3 made the copy.")
