"""Tests uploads by one PUT. S3 must store correct uploads and refuse all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from uploads.conf import options
from uploads.doctor.contract.promises import Promise
from uploads.doctor.contract.refusals import explained
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, Status, fail, ok
from uploads.s3.checksums import SHA256
from uploads.s3.probe import CONTENT_TYPE, EXPIRES_IN, perform, put_request
from uploads.s3.signed import SignedRequest
from uploads.s3.wire import Answer, announce, send

FAIL, WARN, NOTE = Status.FAIL, Status.WARN, Status.NOTE

OVERWRITE = Promise(
    "contract.put.second_use",
    "A second PUT to the same URL is refused",
    WARN,
    "The provider ignores If-None-Match, so a second upload over the same URL silently "
    "overwrites the file.",
)
WITHOUT_CONDITION = Promise(
    "contract.put.without_condition",
    "A PUT without the signed If-None-Match is refused",
    FAIL,
    "Anyone with the URL can overwrite the file.",
)
OTHER_BYTES = Promise(
    "contract.put.other_bytes",
    "A PUT with bytes that do not match its SHA-256 is refused",
    WARN,
    "The provider does not compare the bytes with the signed SHA-256. So the "
    "provider stores a damaged or exchanged file without an error.",
)
OTHER_LENGTH = Promise(
    "contract.put.other_length",
    "A PUT with more bytes than were signed is refused",
    FAIL,
    "With a URL that was signed for a small file, a user can send a large file and "
    "exceed the quota.",
)
OTHER_TYPE = Promise(
    "contract.put.other_type",
    "A PUT with a Content-Type that was not signed is refused",
    WARN,
    "A user can store a file with a Content-Type that the site does not allow.",
)
OTHER_KEY = Promise(
    "contract.put.other_key",
    "A PUT to a key that was not signed is refused",
    FAIL,
    "With one URL, a user can overwrite every object in the bucket.",
)
TAMPERED = Promise(
    "contract.put.tampered",
    "A URL with a changed signature is refused",
    FAIL,
    "Anybody can write to the bucket.",
)
EXPIRED = Promise(
    "contract.put.expired",
    "An expired URL is refused",
    FAIL,
    "A leaked URL works forever.",
)
FUTURE = Promise(
    "contract.put.future",
    "A URL with a signing time in the future is refused",
    NOTE,
    "If the site's clock is ahead, upload URLs are valid for too long.",
)
COPY = "x-amz-copy-source"
UNSIGNED = {
    COPY: FAIL,
    "x-amz-acl": NOTE,
    "x-amz-meta-added": NOTE,
    "x-amz-tagging": NOTE,
}
"""Headers that our URLs do not sign.

The value is the status of the finding if S3 accepts and uses the header.
"""


def ask_put(examination: Examination) -> Iterator[Finding]:
    """Yield the findings about one PUT. Stops if S3 refuses a correct PUT."""
    key, body = examination.new_key("put"), examination.random_bytes()
    request = put_request(examination.uploads, key, body)
    answer = perform(request, body)
    if answer.status != 200:
        yield explained(examination, answer)
        return
    is_there = examination.worker.head_object(key) is not None
    stored = examination.worker.read_range(key, 0, 100) if is_there else b""
    if stored != body:
        yield _elsewhere(len(stored))
        return
    yield ok("contract.put.right", "A correct PUT is stored and read back")
    yield _body_limit(examination)
    yield OVERWRITE.refused(perform(request, body))
    yield from _changed(examination, request, key)
    yield from _misdated(examination)
    yield from _added_headers(examination, key)


def _elsewhere(size: int) -> Finding:
    found = "an object with other bytes" if size else "no object"
    return fail(
        "contract.put.right.elsewhere",
        "A correct PUT is stored and read back",
        f"S3 accepted the PUT, but the site finds {found} under the key of the PUT.",
        "The site does not find uploaded files.",
        "Check that S3_ENDPOINT_URL and S3_PUBLIC_ENDPOINT_URL are URLs of the same "
        "bucket.",
    )


def _body_limit(examination: Examination) -> Finding:
    """Return a finding about the maximum size of a request that a proxy accepts."""
    name = "contract.put.body_limit"
    title = "A PUT with UPLOADS_MIN_PART_BYTES bytes is accepted"
    size = options().min_part_bytes
    request = examination.uploads.put_object(
        key=examination.new_key("size"),
        byte_size=size,
        content_type=CONTENT_TYPE,
        checksum_sha256=SHA256.base64(b""),
        expires_in=EXPIRES_IN,
    )
    status = announce(request.url, request.headers, size)
    if status != 413:
        return ok(name, title, f"{size} bytes")
    return fail(
        name,
        title,
        f"A proxy in front of S3 refuses a request of {size} bytes with 413.",
        f"Files of {size} bytes or more cannot be uploaded.",
        "Raise the limit of the proxy (nginx: client_max_body_size 0), set "
        "S3_PUBLIC_ENDPOINT_URL to a URL of S3 that does not go through the proxy, or "
        "lower UPLOADS_MIN_PART_BYTES.",
    )


def _changed(
    examination: Examination, used: SignedRequest, key: str
) -> Iterator[Finding]:
    def fresh() -> tuple[SignedRequest, bytes]:
        body = examination.random_bytes()
        new = put_request(examination.uploads, examination.new_key("put"), body)
        return new, body

    request, body = fresh()
    yield OTHER_BYTES.refused(perform(request, examination.random_bytes()))
    request, body = fresh()
    yield OTHER_LENGTH.refused(perform(request, body + b"!"))
    request, body = fresh()
    yield OTHER_TYPE.refused(_with(request, body, {"Content-Type": "text/html"}))
    request, body = fresh()
    yield WITHOUT_CONDITION.refused(_with(request, body, {"If-None-Match": None}))
    request, body = fresh()
    other = examination.new_key("put")
    moved = request.url.replace(_name(request.url), other.rsplit("/", 1)[1])
    yield OTHER_KEY.refused(send("PUT", moved, headers=request.headers, body=body))
    request, body = fresh()
    url = request.url[:-1] + ("0" if request.url[-1] != "0" else "1")
    yield TAMPERED.refused(send("PUT", url, headers=request.headers, body=body))


def _misdated(examination: Examination) -> Iterator[Finding]:
    for promise, difference in (
        (EXPIRED, timedelta(seconds=-2 * EXPIRES_IN)),
        (FUTURE, timedelta(hours=1)),
    ):
        body = examination.random_bytes()
        presigner = examination.uploads.at(difference)
        request = put_request(presigner, examination.new_key("put"), body)
        yield promise.refused(perform(request, body))


def _added_headers(examination: Examination, source: str) -> Iterator[Finding]:
    values = {
        "x-amz-copy-source": f"/{examination.worker.name}/{source}",
        "x-amz-acl": "public-read",
        "x-amz-meta-added": "1",
        "x-amz-tagging": "added=1",
    }
    for name, status in UNSIGNED.items():
        body = examination.random_bytes()
        key = examination.new_key("put")
        request = put_request(examination.uploads, key, body)
        answer = _with(request, body, {name: values[name]})
        # If S3 stored the sent bytes, it ignored x-amz-copy-source, so that this header
        # is harmless. The other headers result in a NOTE in any case.
        is_ignored = answer.status == 200 and _is_stored(examination, key, body)
        promise = Promise(
            f"contract.put.unsigned.{name}",
            f"An unsigned {name} header is refused",
            NOTE if is_ignored else status,
            f"Anyone with the URL can add the header {name} to the upload.",
        )
        yield promise.refused(answer)


def _is_stored(examination: Examination, key: str, body: bytes) -> bool:
    return examination.worker.read_range(key, 0, 100) == body


def _with(
    request: SignedRequest, body: bytes, changes: Mapping[str, str | None]
) -> Answer:
    headers = {**request.headers, **changes}
    sent = {name: value for name, value in headers.items() if value is not None}
    return send(request.method, request.url, headers=sent, body=body)


def _name(url: str) -> str:
    return url.split("?", 1)[0].rsplit("/", 1)[1]
