"""What the site relies on its bucket to accept and to refuse.

Every test runs on SeaweedFS, which is strict, and on moto, which is not. Where
moto lets an attack pass, the test says so and asserts it: the day moto learns
to refuse, the test fails, and the line can go. Nothing here is evidence of
safety because moto agrees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError

from tests.bucket.stores import (
    BODY,
    CONTENT_TYPE,
    OTHER_BODY,
    Answer,
    Store,
    Wire,
    form,
    sha256,
)
from uploads.errors import (
    NoSuchMultipartUpload,
    ObjectExists,
    PartsRefused,
    StorageUnavailable,
)
from uploads.lifecycle.part_checksums import composite
from uploads.s3.bucket import Bucket, Part
from uploads.s3.part_plan import MIB

S3_MIN_PART_SIZE = 5 * MIB
SECRET = b"what only the worker may read"


@dataclass(frozen=True)
class Attack:
    """A request bent in one way: what S3 answers, and what moto answers.

    A 500 means that moto breaks down over it.
    """

    name: str
    bend: Callable[[Wire], Wire]
    status: int = 403
    on_moto: int = 200

    def answer_expected_of(self, store: Store) -> int:
        return self.on_moto if store.name == "moto" else self.status


def with_header(name: str, value: str, **answers: Any) -> Attack:
    return Attack(f"added {name}", lambda w: w.with_header(name, value), **answers)


def with_query(text: str, **answers: Any) -> Attack:
    return Attack(
        f"appended {text}", lambda w: replace(w, url=f"{w.url}&{text}"), **answers
    )


def other_signature(wire: Wire) -> Wire:
    last = "1" if wire.url.endswith("0") else "0"
    return replace(wire, url=wire.url[:-1] + last)


ON_PUT_AND_PART = [
    Attack("other key", lambda w: w.with_url("/uploads/", "/uploads/0")),
    Attack("short body", lambda w: w.with_body(w.body[:-1])),
    Attack("long body", lambda w: w.with_body(w.body + b"!")),
    Attack("empty body", lambda w: w.with_body(b"")),
    Attack("other body", lambda w: w.with_body(OTHER_BODY), status=400),
    Attack(
        "other body with its own checksum",
        lambda w: w.with_body(OTHER_BODY).with_header(
            "x-amz-checksum-sha256", sha256(OTHER_BODY)
        ),
    ),
    Attack("no checksum", lambda w: w.without_header("x-amz-checksum-sha256")),
    Attack("body without a length", lambda w: w.in_chunks(), on_moto=500),
    Attack("other signature", other_signature),
    Attack("longer life", lambda w: w.with_url("Expires=900", "Expires=90000")),
    with_header("x-amz-acl", "public-read"),
    with_header("x-amz-tagging", "GuardDutyMalwareScanStatus=NO_THREATS_FOUND"),
    with_header("x-amz-website-redirect-location", "https://evil.example"),
    with_header("x-amz-meta-owner", "somebody"),
    with_header("x-amz-server-side-encryption", "AES256"),
    with_header("x-amz-checksum-crc32", "AAAAAA=="),
    with_header(
        "x-amz-content-sha256",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        status=400,
        on_moto=500,
    ),
    with_query("X-Amz-Expires=900"),
    with_query("versionId=x"),
    with_query("response-content-type=text/html", on_moto=403),
]
ON_PUT = [
    *ON_PUT_AND_PART,
    Attack("GET", lambda w: w.with_method("GET"), on_moto=404),
    Attack("HEAD", lambda w: w.with_method("HEAD"), on_moto=404),
    Attack("DELETE", lambda w: w.with_method("DELETE"), on_moto=204),
    Attack("POST", lambda w: w.with_method("POST"), status=405, on_moto=500),
    Attack("other type", lambda w: w.with_header("Content-Type", "text/html")),
    Attack("no type", lambda w: w.without_header("Content-Type")),
    Attack("inline", lambda w: w.with_header("Content-Disposition", "inline")),
    Attack("no disposition", lambda w: w.without_header("Content-Disposition")),
    Attack("no If-None-Match", lambda w: w.without_header("If-None-Match")),
    with_header("x-amz-storage-class", "STANDARD_IA"),
    with_header("x-amz-object-lock-mode", "GOVERNANCE", on_moto=400),
    with_query("acl", on_moto=404),
    with_query("tagging", on_moto=404),
    with_query("uploads"),
    with_query("partNumber=1&uploadId=x", on_moto=500),
]
ON_PART = [
    *ON_PUT_AND_PART,
    Attack("GET", lambda w: w.with_method("GET")),
    Attack("HEAD", lambda w: w.with_method("HEAD"), on_moto=404),
    Attack("DELETE", lambda w: w.with_method("DELETE"), on_moto=204),
    Attack("POST", lambda w: w.with_method("POST"), on_moto=500),
    Attack("other number", lambda w: w.with_url("partNumber=1", "partNumber=2")),
    with_query("acl", status=400),
    with_query("uploads", status=400),
    with_query("partNumber=2"),
]


def named(attacks: list[Attack]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("attack", attacks, ids=lambda attack: attack.name)


def long_ago() -> time_machine.travel:
    """Sign in the past: the URL has been dead for a few seconds."""
    return time_machine.travel(datetime.now(UTC) - timedelta(seconds=905))


def start_multipart(store: Store) -> tuple[str, str]:
    key = store.new_key()
    return key, store.bucket.create_multipart_upload(key, content_type=CONTENT_TYPE)


def store_object(store: Store, body: bytes = BODY) -> str:
    key = store.new_key()
    assert store.send(store.put(key, body)).status == 200
    return key


def send_parts(
    store: Store, key: str, multipart_id: str, bodies: list[bytes]
) -> list[Part]:
    for number, body in enumerate(bodies, start=1):
        assert store.send(store.part(key, multipart_id, number, body)).status == 200
    return list(store.bucket.list_parts(key, multipart_id))


# A PUT URL.


@pytest.mark.parametrize("body", [b"", BODY, bytes(range(256)) * 4096], ids=len)
@pytest.mark.parametrize("content_type", ["text/plain", "image/svg+xml"])
def test_a_put_url_creates_the_announced_object(
    store: Store, body: bytes, content_type: str
) -> None:
    key = store.new_key()

    answer = store.send(store.put(key, body, content_type=content_type))

    facts = store.bucket.head_object(key)
    assert answer.status == 200
    assert facts is not None
    assert facts.byte_size == len(body)
    assert facts.content_type == content_type
    assert facts.content_disposition == "attachment"
    assert facts.content_encoding == ""
    assert facts.metadata == {}
    assert store.stored(key) == body
    # moto keeps a checksum only if the algorithm is named beside it.
    assert facts.checksum_sha256 == (sha256(body) if store.name == "seaweed" else None)


@named(ON_PUT)
def test_a_put_url_permits_nothing_else(store: Store, attack: Attack) -> None:
    expected = attack.answer_expected_of(store)
    key = store.new_key()

    answer = store.send(attack.bend(store.put(key)))

    assert answer.status == expected
    if store.name == "seaweed":
        assert store.stored(key) is None


def test_a_put_url_cannot_be_bent_into_a_copy(store: Store) -> None:
    secret, key = store_object(store, SECRET), store.new_key()
    source = f"/{store.bucket.name}/{secret}"

    answer = store.send(store.put(key).with_header("x-amz-copy-source", source))

    if store.name == "moto":  # blind: it copies what the signer may not read
        assert (answer.status, store.stored(key)) == (200, SECRET)
    else:
        assert (answer.status, store.stored(key)) == (403, None)


@pytest.mark.parametrize("body", [BODY, OTHER_BODY], ids=["same", "other"])
def test_a_put_url_works_once(store: Store, body: bytes) -> None:
    key = store.new_key()
    wire = store.put(key)
    store.send(wire)

    answer = store.send(wire.with_body(body))

    assert answer.status == 412
    assert store.stored(key) == BODY


def test_a_put_url_works_again_once_its_object_is_deleted(store: Store) -> None:
    key = store.new_key()
    wire = store.put(key)
    store.send(wire)
    store.bucket.delete_object(key)

    answer = store.send(wire)

    # This is why a row outlives its last URL, and is purged once more after it.
    assert answer.status == 200
    assert store.stored(key) == BODY


def test_an_expired_put_url_is_dead(store: Store) -> None:
    key = store.new_key()
    with long_ago():
        wire = store.put(key)

    answer = store.send(wire)

    assert answer.status == (200 if store.name == "moto" else 403)


# A part URL.


def test_a_part_url_stores_the_announced_part(store: Store) -> None:
    key, multipart_id = start_multipart(store)

    [part] = send_parts(store, key, multipart_id, [BODY])

    assert (part.part_number, part.byte_size) == (1, len(BODY))
    assert store.stored(key) is None


@named(ON_PART)
def test_a_part_url_permits_nothing_else(store: Store, attack: Attack) -> None:
    expected = attack.answer_expected_of(store)
    key, multipart_id = start_multipart(store)

    answer = store.send(attack.bend(store.part(key, multipart_id)))

    assert answer.status == expected
    if store.name == "seaweed":
        assert list(store.bucket.list_parts(key, multipart_id)) == []


def test_a_part_url_cannot_be_bent_into_a_copy(store: Store) -> None:
    secret = store_object(store, SECRET)
    key, multipart_id = start_multipart(store)
    source = f"/{store.bucket.name}/{secret}"

    answer = store.send(
        store.part(key, multipart_id).with_header("x-amz-copy-source", source)
    )

    parts = list(store.bucket.list_parts(key, multipart_id))
    if store.name == "moto":  # blind
        assert (answer.status, parts[0].byte_size) == (200, len(SECRET))
    else:
        assert (answer.status, parts) == (403, [])


def test_a_part_may_be_sent_again_but_only_with_the_same_bytes(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    wire = store.part(key, multipart_id)
    store.send(wire)
    [before] = store.bucket.list_parts(key, multipart_id)

    again, changed = store.send(wire), store.send(wire.with_body(OTHER_BODY))

    [after] = store.bucket.list_parts(key, multipart_id)
    assert again.status == 200
    if store.name == "moto":  # blind: the part has changed
        assert (changed.status, after.etag == before.etag) == (200, False)
    else:
        assert (changed.status, after) == (400, before)


def test_a_part_url_is_dead_after_completion(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY])
    store.bucket.complete_multipart_upload(
        key, multipart_id, parts, byte_size=len(BODY)
    )

    answer = store.send(store.part(key, multipart_id))

    assert answer.status == (500 if store.name == "moto" else 404)
    assert store.stored(key) == BODY


def test_a_part_url_for_one_key_is_no_good_with_the_upload_of_another(
    seaweed: Store,
) -> None:
    _, multipart_id = start_multipart(seaweed)
    other_key, _ = start_multipart(seaweed)

    answer = seaweed.send(seaweed.part(other_key, multipart_id))

    assert answer.status == 404


def test_an_expired_part_url_is_dead(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    with long_ago():
        wire = store.part(key, multipart_id)

    answer = store.send(wire)

    assert answer.status == (200 if store.name == "moto" else 403)


# A form.


def send_form(store: Store, key: str, body: bytes = BODY, **changed: str) -> Answer:
    signed = store.post(key)
    fields = signed.fields | {n.replace("_", "-"): v for n, v in changed.items()}
    return store.send(form(signed.url, fields, body))


@pytest.mark.parametrize("body", [b"", BODY], ids=len)
def test_a_form_creates_the_announced_object(store: Store, body: bytes) -> None:
    key = store.new_key()
    signed = store.post(key, body)

    answer = store.send(form(signed.url, signed.fields, body))

    facts = store.bucket.head_object(key)
    assert answer.status == 201
    assert facts is not None
    assert facts.content_type == CONTENT_TYPE
    assert store.stored(key) == body
    if store.name == "seaweed":  # moto keeps neither
        assert facts.content_disposition == "attachment"
        assert facts.checksum_sha256 == sha256(body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BODY + b"!", b"EntityTooLarge"),
        (BODY[:-1], b"EntityTooSmall"),
        (OTHER_BODY, b"BadDigest"),
    ],
    ids=["one byte too long", "one byte too short", "other bytes"],
)
def test_a_form_takes_no_other_bytes(store: Store, body: bytes, code: bytes) -> None:
    key = store.new_key()

    answer = send_form(store, key, body)

    if store.name == "moto":  # blind
        assert (answer.status, store.stored(key)) == (201, body)
    else:
        assert (answer.status, store.stored(key)) == (400, None)
        assert code in answer.body


@pytest.mark.parametrize(
    "name",
    [
        "key",
        "Content-Type",
        "Content-Disposition",
        "x-amz-checksum-algorithm",
        "x-amz-checksum-sha256",
        "success_action_status",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "policy",
        "x-amz-signature",
    ],
)
def test_a_form_takes_no_other_field(seaweed: Store, name: str) -> None:
    key = seaweed.new_key()
    signed = seaweed.post(key)
    bent = signed.fields | {name: signed.fields[name] + "0"}
    without = {n: value for n, value in signed.fields.items() if n != name}

    answers = [
        seaweed.send(form(signed.url, bent, BODY)),
        seaweed.send(form(signed.url, without, BODY)),
    ]

    assert {answer.status for answer in answers} <= {400, 403}
    assert seaweed.stored(key) is None
    assert seaweed.stored(f"{key}0") is None


@pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-meta-a", "x-amz-storage-class"])
def test_a_form_takes_no_further_amazon_field(seaweed: Store, name: str) -> None:
    key = seaweed.new_key()
    signed = seaweed.post(key)

    answer = seaweed.send(form(signed.url, {**signed.fields, name: "GLACIER"}, BODY))

    assert (answer.status, seaweed.stored(key)) == (403, None)


@pytest.mark.parametrize("name", ["acl", "tagging", "Content-Encoding"])
def test_seaweed_is_blind_to_further_fields_without_the_prefix(
    seaweed: Store, name: str
) -> None:
    # AWS refuses every field that the policy does not name. Content-Encoding is
    # stored here, so verification looks at it; the others change nothing.
    key = seaweed.new_key()
    signed = seaweed.post(key)

    answer = seaweed.send(form(signed.url, {**signed.fields, name: "gzip"}, BODY))

    facts = seaweed.bucket.head_object(key)
    assert answer.status == 201
    assert facts is not None
    assert facts.content_encoding == ("gzip" if name == "Content-Encoding" else "")


def test_a_form_can_be_sent_twice_but_writes_the_same_bytes(store: Store) -> None:
    key = store.new_key()

    statuses = [send_form(store, key).status for _ in range(2)]

    assert statuses == [201, 201]
    assert store.stored(key) == BODY


def test_an_expired_form_is_dead(store: Store) -> None:
    key = store.new_key()
    with long_ago():
        signed = store.post(key)

    answer = store.send(form(signed.url, signed.fields, BODY))

    assert answer.status == (201 if store.name == "moto" else 403)


# Downloads.


def download(store: Store, key: str, *, signer: bool = False) -> Wire:
    presigner = store.presigner if signer else store.download_presigner
    signed = presigner.get_object(
        key=key,
        filename='Grüße "aus" ../Köln\u202e.png',
        content_type="application/octet-stream",
        disposition="attachment",
        expires_in=60,
    )
    return Wire("GET", signed.url, signed.headers)


def test_a_download_comes_under_its_name_and_type(store: Store) -> None:
    key = store_object(store)

    answer = store.send(download(store, key))

    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert (answer.status, answer.body) == (200, BODY)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["cache-control"] == "private"
    assert headers["content-disposition"] == (
        "attachment; filename=\"K_ln.png\"; filename*=UTF-8''K%C3%B6ln.png"
    )


@named(
    [
        Attack("other type", lambda w: w.with_url("octet-stream", "xhtml%2Bxml")),
        Attack("inline", lambda w: w.with_url("=attachment", "=inline")),
        Attack("other signature", other_signature),
        Attack("DELETE", lambda w: w.with_method("DELETE"), on_moto=204),
        with_query("response-content-encoding=gzip", on_moto=500),
    ]
)
def test_a_download_url_permits_nothing_else(store: Store, attack: Attack) -> None:
    expected = attack.answer_expected_of(store)
    key = store_object(store)

    answer = store.send(attack.bend(download(store, key)))

    assert answer.status == expected
    if store.name == "seaweed":
        assert store.stored(key) == BODY


def test_nobody_reads_or_writes_without_a_signature(store: Store) -> None:
    key = store_object(store)
    url = store.put(key).url.partition("?")[0]

    read = store.send(Wire("GET", url, {}))
    listed = store.send(Wire("GET", url[: url.index("uploads/")], {}))
    written = store.send(Wire("PUT", url, {}, OTHER_BODY))

    assert (read.status, written.status) == (403, 403)
    assert listed.status == (200 if store.name == "moto" else 403)


# The signer.


@pytest.mark.parametrize(
    ("verb", "act"),
    [
        ("head", lambda b, key: b.head_object(key)),
        ("read", lambda b, key: b.read_range(key, 0, 1)),
        ("list", lambda b, _: list(b.list_objects(""))),
        ("list uploads", lambda b, _: list(b.list_multipart_uploads(""))),
        ("open", lambda b, key: b.create_multipart_upload(key, content_type="a/b")),
        ("delete", lambda b, key: b.delete_object(key)),
    ],
)
def test_the_signer_may_only_put(
    store: Store, verb: str, act: Callable[[Bucket, str], object]
) -> None:
    key = store_object(store)

    if store.name == "moto":  # blind: it knows no permissions
        act(store.signer, key)
    else:
        with pytest.raises(StorageUnavailable):
            act(store.signer, key)
        assert store.stored(key) == BODY, verb


def test_the_signer_cannot_sign_a_download(store: Store) -> None:
    key = store_object(store)

    answer = store.send(download(store, key, signer=True))

    assert answer.status == (200 if store.name == "moto" else 403)


@pytest.mark.parametrize("operation", ["copy_object", "put_object_acl"])
def test_the_signer_can_neither_copy_nor_publish(
    seaweed: Store, operation: str
) -> None:
    key = store_object(seaweed)
    parameters: dict[str, Any] = {
        "copy_object": {
            "Key": seaweed.new_key(),
            "CopySource": f"{seaweed.bucket.name}/{key}",
        },
        "put_object_acl": {"Key": key, "ACL": "public-read"},
    }[operation]

    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(seaweed.signer.client, operation)(
            Bucket=seaweed.bucket.name, **parameters
        )


def test_the_signer_cannot_put_outside_the_prefix(seaweed: Store) -> None:
    answer = seaweed.send(seaweed.put("elsewhere/a"))

    assert answer.status == 403
    assert seaweed.stored("elsewhere/a") is None


# Multipart uploads.


def test_parts_become_one_object(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    bodies = [b"1" * S3_MIN_PART_SIZE, b"2" * S3_MIN_PART_SIZE, b"3"]
    parts = send_parts(store, key, multipart_id, bodies)

    store.bucket.complete_multipart_upload(
        key, multipart_id, parts, byte_size=sum(map(len, bodies))
    )

    facts = store.bucket.head_object(key)
    assert facts is not None
    assert facts.byte_size == 2 * S3_MIN_PART_SIZE + 1
    assert facts.content_type == CONTENT_TYPE
    assert facts.content_disposition == "attachment"
    seam = store.bucket.read_range(key, S3_MIN_PART_SIZE - 1, 2)
    assert seam == b"12"
    assert list(store.bucket.list_multipart_uploads(key)) == []


def test_completing_again_changes_nothing(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY])
    complete = store.bucket.complete_multipart_upload
    complete(key, multipart_id, parts, byte_size=len(BODY))
    before = store.bucket.head_object(key)

    if store.name == "moto":  # blind: it says yes again
        complete(key, multipart_id, parts, byte_size=len(BODY))
    else:
        with pytest.raises(ObjectExists):
            complete(key, multipart_id, parts, byte_size=len(BODY))

    assert store.bucket.head_object(key) == before


def test_completion_never_replaces_an_object(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [OTHER_BODY])
    store.send(store.put(key))

    with pytest.raises(ObjectExists):
        store.bucket.complete_multipart_upload(
            key, multipart_id, parts, byte_size=len(OTHER_BODY)
        )

    assert store.stored(key) == BODY


def test_completion_takes_the_parts_that_were_listed_or_none(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY])
    store.send(store.part(key, multipart_id, 1, OTHER_BODY))
    complete = store.bucket.complete_multipart_upload

    if store.name == "moto":
        with pytest.raises(PartsRefused):
            complete(key, multipart_id, parts, byte_size=len(BODY))
        assert store.stored(key) is None
    else:  # it has kept the part that the ETag names
        complete(key, multipart_id, parts, byte_size=len(BODY))
        assert store.stored(key) == BODY


def test_completion_refuses_a_part_that_was_never_sent(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    [part] = send_parts(store, key, multipart_id, [BODY])
    invented = replace(part, etag='"0123456789abcdef0123456789abcdef"')

    with pytest.raises(PartsRefused):
        store.bucket.complete_multipart_upload(
            key, multipart_id, [invented], byte_size=len(BODY)
        )

    assert store.stored(key) is None


def test_the_caller_s_checksums_of_parts_give_the_object_one(seaweed: Store) -> None:
    key = seaweed.new_key()
    multipart_id = seaweed.bucket.create_multipart_upload(
        key, content_type=CONTENT_TYPE, has_checksums=True
    )
    [part] = send_parts(seaweed, key, multipart_id, [BODY])
    assert part.checksum_sha256 is None
    complete = seaweed.bucket.complete_multipart_upload

    wrong = replace(part, checksum_sha256=sha256(OTHER_BODY))
    with pytest.raises(PartsRefused):
        complete(key, multipart_id, [wrong], byte_size=len(BODY))
    right = replace(part, checksum_sha256=sha256(BODY))
    complete(key, multipart_id, [right], byte_size=len(BODY))

    facts = seaweed.bucket.head_object(key)
    assert facts is not None
    assert facts.checksum_sha256 == composite([hashlib.sha256(BODY).digest()])


def test_parts_below_five_mib_are_refused_unless_last(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY, BODY])

    with pytest.raises(PartsRefused):
        store.bucket.complete_multipart_upload(
            key, multipart_id, parts, byte_size=2 * len(BODY)
        )


def test_an_abort_removes_the_parts_and_kills_their_urls(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    send_parts(store, key, multipart_id, [BODY])

    store.bucket.abort_multipart_upload(key, multipart_id)
    store.bucket.abort_multipart_upload(key, multipart_id)

    with pytest.raises(NoSuchMultipartUpload):
        list(store.bucket.list_parts(key, multipart_id))
    late = store.send(store.part(key, multipart_id))
    assert late.status == (500 if store.name == "moto" else 404)


def test_an_abort_after_completion_leaves_the_object(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY])
    store.bucket.complete_multipart_upload(
        key, multipart_id, parts, byte_size=len(BODY)
    )

    store.bucket.abort_multipart_upload(key, multipart_id)

    assert store.stored(key) == BODY


def test_parts_are_listed_once_and_in_order(seaweed: Store) -> None:
    key, multipart_id = start_multipart(seaweed)
    for number in (1001, 10_000, 2, 1000, 2, 9_999, 1):
        seaweed.send(seaweed.part(key, multipart_id, number))

    parts = seaweed.bucket.list_parts(key, multipart_id)

    assert [part.part_number for part in parts] == [1, 2, 1000, 1001, 9_999, 10_000]


def test_parts_are_read_to_the_last_page(store: Store) -> None:
    small = Bucket(client=store.bucket.client, name=store.bucket.name, page_size=2)
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [b"%d" % n for n in range(5)])

    assert [part.part_number for part in parts] == [1, 2, 3, 4, 5]
    assert small.list_parts(key, multipart_id) == parts


def test_more_than_a_thousand_parts_are_listed_to_the_last(seaweed: Store) -> None:
    # More than any server gives in one page, however many are asked for.
    key, multipart_id = start_multipart(seaweed)

    def send(number: int) -> int:
        return seaweed.send(seaweed.part(key, multipart_id, number, b"x")).status

    with ThreadPoolExecutor(4) as threads:
        statuses = set(threads.map(send, range(1, 1003)))

    parts = list(seaweed.bucket.list_parts(key, multipart_id))
    assert statuses == {200}
    assert [part.part_number for part in parts] == list(range(1, 1003))


# The bucket's own verbs.


def test_a_missing_object_has_no_facts(store: Store) -> None:
    assert store.bucket.head_object(store.new_key()) is None


def test_a_missing_bucket_is_not_a_missing_object(store: Store) -> None:
    elsewhere = Bucket(client=store.bucket.client, name="slipway-nowhere")

    with pytest.raises(StorageUnavailable):
        elsewhere.head_object("uploads/a")
    with pytest.raises(StorageUnavailable):
        elsewhere.check()


def test_the_bucket_answers(store: Store) -> None:
    store.bucket.check()


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, 7, b"exactly"),
        (0, 4096, BODY),
        (8, 5, b"these"),
        (len(BODY) - 1, 10, b"s"),
        (len(BODY), 1, b""),
        (1000, 1, b""),
        (3, 0, b""),
    ],
)
def test_a_range_is_read(
    store: Store, start: int, length: int, expected: bytes
) -> None:
    key = store_object(store)

    assert store.bucket.read_range(key, start, length) == expected


def test_an_empty_object_reads_as_nothing(store: Store) -> None:
    key = store_object(store, b"")

    assert store.bucket.read_range(key, 0, 4096) == b""


def test_a_range_is_read_only_of_the_object_that_was_meant(store: Store) -> None:
    key = store_object(store)
    facts = store.bucket.head_object(key)
    assert facts is not None

    same = store.bucket.read_range(key, 0, 7, etag=facts.etag)

    assert same == b"exactly"
    with pytest.raises(StorageUnavailable):
        store.bucket.read_range(key, 0, 7, etag='"0123456789abcdef"')


def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: Store) -> None:
    key = store_object(store)

    store.bucket.delete_object(key)
    store.bucket.delete_object(key)

    assert store.bucket.head_object(key) is None


def test_lists_are_read_to_the_last_page(store: Store) -> None:
    small = Bucket(client=store.bucket.client, name=store.bucket.name, page_size=2)
    prefix = f"{store.new_key()}/"
    keys = [f"{prefix}{number}" for number in range(5)]
    for key in keys:
        store.send(store.put(key))
    opened = {
        (key, store.bucket.create_multipart_upload(key, content_type=CONTENT_TYPE))
        for key in (f"{prefix}open/{number}" for number in range(5))
    }

    objects = list(small.list_objects(prefix))
    uploads = list(small.list_multipart_uploads(prefix))

    assert [found.key for found in objects] == keys
    assert {found.byte_size for found in objects} == {len(BODY)}
    assert [
        found.key for found in small.list_objects(prefix, start_after=keys[1])
    ] == keys[2:]
    assert {(found.key, found.multipart_id) for found in uploads} == opened
    for found in uploads:
        age = datetime.now(UTC) - found.started_at
        # In moto every upload began on one day in 2010.
        assert store.name == "moto" or abs(age) < timedelta(minutes=5)
        store.bucket.abort_multipart_upload(found.key, found.multipart_id)


# What pages may send.


def preflight(store: Store, origin: str, headers: str) -> Answer:
    wire = Wire(
        "OPTIONS",
        store.put(store.new_key()).url,
        {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": headers,
        },
    )
    return store.send(wire)


def test_the_site_may_send_from_its_pages(seaweed: Store) -> None:
    answer = preflight(
        seaweed,
        "http://127.0.0.1",
        "content-disposition,content-type,if-none-match,x-amz-checksum-sha256",
    )

    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_other_pages_may_not(seaweed: Store, origin: str) -> None:
    answer = preflight(seaweed, origin, "content-type")

    assert "Access-Control-Allow-Origin" not in answer.headers


def test_no_page_may_send_other_headers(seaweed: Store) -> None:
    answer = preflight(seaweed, "http://127.0.0.1", "x-amz-acl")

    assert "Access-Control-Allow-Headers" not in answer.headers
