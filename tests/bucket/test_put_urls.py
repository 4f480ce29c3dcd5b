"""A PUT URL permits one object, once."""

from __future__ import annotations

import pytest

from tests.bucket.attacks import (
    ON_PUT_AND_PART,
    SECRET,
    Attack,
    long_ago,
    named,
    store_object,
    with_header,
    with_query,
)
from tests.bucket.stores import (
    BODY,
    OTHER_BODY,
    Store,
    sha256,
)

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


@pytest.mark.parametrize("body", [b"", BODY, bytes(range(256)) * 4096], ids=len)
@pytest.mark.parametrize("content_type", ["text/plain", "image/svg+xml"])
def test_put_url_creates_the_declared_object(
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
    # moto stores a checksum only if the request also names the algorithm.
    assert facts.checksum_sha256 == (sha256(body) if store.name == "seaweed" else None)


@named(ON_PUT)
def test_put_url_permits_only_its_object(store: Store, attack: Attack) -> None:
    expected = attack.answer_expected_of(store)
    key = store.new_key()

    answer = store.send(attack.change(store.put(key)))

    assert answer.status == expected
    if store.name == "seaweed":
        assert store.stored(key) is None


def test_put_url_cannot_be_changed_into_a_copy(store: Store) -> None:
    secret, key = store_object(store, SECRET), store.new_key()
    source = f"/{store.bucket.name}/{secret}"

    answer = store.send(store.put(key).with_header("x-amz-copy-source", source))

    if store.name == "moto":  # moto copies an object that the signer may not read
        assert (answer.status, store.stored(key)) == (200, SECRET)
    else:
        assert (answer.status, store.stored(key)) == (403, None)


@pytest.mark.parametrize("body", [BODY, OTHER_BODY], ids=["same", "other"])
def test_put_url_works_once(store: Store, body: bytes) -> None:
    key = store.new_key()
    raw_request = store.put(key)
    store.send(raw_request)

    answer = store.send(raw_request.with_body(body))

    assert answer.status == 412
    assert store.stored(key) == BODY


def test_put_url_works_again_after_its_object_was_deleted(store: Store) -> None:
    key = store.new_key()
    raw_request = store.put(key)
    store.send(raw_request)
    store.bucket.delete_object(key)

    answer = store.send(raw_request)

    # Therefore, the site keeps the row of a deleted upload until its last URL has
    # expired. Then the site deletes the object again.
    assert answer.status == 200
    assert store.stored(key) == BODY


def test_expired_put_url_is_refused(store: Store) -> None:
    key = store.new_key()
    with long_ago():
        raw_request = store.put(key)

    answer = store.send(raw_request)

    assert answer.status == (200 if store.name == "moto" else 403)
