"""Tests multipart uploads: creating, sending parts, listing, completing, aborting."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from uploads.doctor.contract.parts import send_part
from uploads.doctor.contract.promises import Promise
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, Status, fail, ok
from uploads.errors import (
    CompletionConflict,
    NoSuchMultipartUpload,
    ObjectExists,
    StorageError,
)
from uploads.s3.bucket import Bucket
from uploads.s3.probe import CONTENT_TYPE

FAIL, WARN, NOTE = Status.FAIL, Status.WARN, Status.NOTE

OTHER_BYTES = Promise(
    "contract.multipart.other_bytes",
    "A part with bytes that do not match its SHA-256 is refused",
    WARN,
    "The provider does not compare a part with its signed SHA-256. So the provider "
    "stores damaged parts without an error.",
)
PAGES = Promise(
    "contract.multipart.pages",
    "ListParts returns all parts, even if the list has several pages",
    FAIL,
    "Uploads of files with many parts never complete.",
)
TAKEN = Promise(
    "contract.multipart.taken",
    "The completion of a multipart upload does not replace an existing object",
    NOTE,
    "The provider ignores If-None-Match in CompleteMultipartUpload. So before the site "
    "completes a multipart upload, it checks that no object with the same key exists.",
)
RACE = Promise(
    "contract.multipart.race",
    "If two multipart uploads of one key are completed at once, one is refused",
    NOTE,
    "If both completions succeed, the second replaces the first object. But each upload "
    "of the site has its own key, so two uploads never have the same key.",
)
AGAIN = Promise(
    "contract.multipart.again",
    "A repeated completion is refused with 404 or 412",
    NOTE,
    "The site itself checks the object after a repeated completion.",
)


def ask_multipart(examination: Examination) -> Iterator[Finding]:
    """Yield the findings about multipart uploads. The parts have 48 bytes each."""
    yield _other_bytes(examination)
    yield from _whole(examination)
    yield from _pages(examination)
    yield from _abort(examination)


def _other_bytes(examination: Examination) -> Finding:
    bucket, key = examination.worker, examination.new_key("multipart")
    multipart_id = bucket.create_multipart_upload(key, content_type=CONTENT_TYPE)
    signed, sent = examination.random_bytes(), examination.random_bytes()
    answer = send_part(examination, key, multipart_id, signed, sent)
    bucket.abort_multipart_upload(key, multipart_id)
    return OTHER_BYTES.refused(answer)


def _whole(examination: Examination) -> Iterator[Finding]:
    bucket, key = examination.worker, examination.new_key("multipart")
    body = examination.random_bytes()
    multipart_id = bucket.create_multipart_upload(key, content_type=CONTENT_TYPE)
    answer = send_part(examination, key, multipart_id, body)
    if answer.status != 200:
        bucket.abort_multipart_upload(key, multipart_id)
        yield fail(
            "contract.multipart.part",
            "A part is stored",
            f"S3 answered {answer}",
            "Files of more than one part cannot be uploaded.",
            "Grant the signer identity s3:PutObject (manage.py iam_policy signer).",
        )
        return
    parts = bucket.list_parts(key, multipart_id)
    bucket.complete_multipart_upload(key, multipart_id, parts, byte_size=len(body))
    stored = bucket.read_range(key, 0, len(body) + 1)
    yield _stored(stored == body)
    yield AGAIN.kept(*_joined_again(bucket, key, multipart_id, len(body)))
    yield _over_taken_key(examination, bucket, key)
    yield _race(examination)


def _stored(is_same: bool) -> Finding:
    name, title = "contract.multipart.right", "Joined parts are read back unchanged"
    if is_same:
        return ok(name, title)
    return fail(
        name,
        title,
        "The stored bytes differ from the bytes of the parts.",
        "Large files are damaged.",
        "Use another provider, or a newer version of this one.",
    )


def _joined_again(
    bucket: Bucket, key: str, multipart_id: str, size: int
) -> tuple[bool, str]:
    try:
        parts = bucket.list_parts(key, multipart_id)
        bucket.complete_multipart_upload(key, multipart_id, parts, byte_size=size)
    except (NoSuchMultipartUpload, ObjectExists) as error:
        return True, type(error).__name__
    except StorageError as error:
        kind = type(error).__name__
        return False, f"The repeated completion failed with {kind}: {error.detail}"
    return False, "S3 accepted the repeated completion."


def _over_taken_key(examination: Examination, bucket: Bucket, key: str) -> Finding:
    body = examination.random_bytes()
    multipart_id = bucket.create_multipart_upload(key, content_type=CONTENT_TYPE)
    send_part(examination, key, multipart_id, body)
    parts = bucket.list_parts(key, multipart_id)
    try:
        bucket.complete_multipart_upload(key, multipart_id, parts, byte_size=len(body))
    except ObjectExists:
        bucket.abort_multipart_upload(key, multipart_id)
        return ok(TAKEN.name, TAKEN.title, "412")
    except StorageError as error:
        bucket.abort_multipart_upload(key, multipart_id)
        return ok(TAKEN.name, TAKEN.title, error.detail)
    return TAKEN.broken("S3 replaced the object.")


def _race(examination: Examination) -> Finding:
    """Complete two multipart uploads of one key at once, and return a finding.

    S3 must refuse one of the two completions with 412 or 409.
    """
    bucket, key = examination.worker, examination.new_key("multipart")
    opened = []
    for _ in range(2):
        body = examination.random_bytes()
        multipart_id = bucket.create_multipart_upload(key, content_type=CONTENT_TYPE)
        send_part(examination, key, multipart_id, body)
        opened.append((multipart_id, len(body)))

    def join(each: tuple[str, int]) -> str:
        multipart_id, size = each
        try:
            parts = bucket.list_parts(key, multipart_id)
            bucket.complete_multipart_upload(key, multipart_id, parts, byte_size=size)
        except StorageError as error:
            return _CODES.get(type(error), error.detail)
        return "200"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(join, opened))
    for multipart_id, _ in opened:
        bucket.abort_multipart_upload(key, multipart_id)
    fact = f"S3 answered {' and '.join(answers)}."
    return RACE.kept(answers.count("200") == 1, fact)


_CODES: dict[type[StorageError], str] = {ObjectExists: "412", CompletionConflict: "409"}


def _pages(examination: Examination) -> Iterator[Finding]:
    client = examination.worker
    bucket = Bucket(
        client=client.client,
        name=client.name,
        expected_owner=client.target.get("ExpectedBucketOwner", ""),
        page_size=1,
    )
    key = examination.new_key("multipart")
    multipart_id = bucket.create_multipart_upload(key, content_type=CONTENT_TYPE)
    for number in (1, 2):
        body = examination.random_bytes()
        send_part(examination, key, multipart_id, body, number=number)
    found = [part.part_number for part in bucket.list_parts(key, multipart_id)]
    bucket.abort_multipart_upload(key, multipart_id)
    yield PAGES.kept(found == [1, 2], f"Parts {found} of [1, 2] were listed.")


def _abort(examination: Examination) -> Iterator[Finding]:
    name = "contract.multipart.abort"
    title = "A part of an aborted multipart upload is refused"
    bucket, key = examination.worker, examination.new_key("multipart")
    multipart_id = bucket.create_multipart_upload(key, content_type=CONTENT_TYPE)
    bucket.abort_multipart_upload(key, multipart_id)
    bucket.abort_multipart_upload(key, multipart_id)
    body = examination.random_bytes()
    late = send_part(examination, key, multipart_id, body)
    if late.status >= 300:
        yield ok(name, title)
        return
    yield fail(
        name,
        title,
        "S3 stored a part of an aborted upload.",
        "Parts of cancelled uploads remain and cost money.",
        "Set the lifecycle rule that deletes the parts of unfinished uploads: "
        "manage.py setup_bucket --apply",
        "lifecycle.abort",
    )
