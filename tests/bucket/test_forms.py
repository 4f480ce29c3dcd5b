"""A presigned form permits only the declared file."""

from __future__ import annotations

import pytest

from tests.bucket.attacks import long_ago
from tests.bucket.stores import (
    BODY,
    CONTENT_TYPE,
    OTHER_BODY,
    Answer,
    Store,
    form,
    sha256,
)


def send_form(store: Store, key: str, body: bytes = BODY, **changed: str) -> Answer:
    signed = store.post(key)
    fields = signed.fields | {n.replace("_", "-"): v for n, v in changed.items()}
    return store.send(form(signed.url, fields, body))


@pytest.mark.parametrize("body", [b"", BODY], ids=len)
def test_form_creates_the_declared_object(store: Store, body: bytes) -> None:
    key = store.new_key()
    signed = store.post(key, body)

    answer = store.send(form(signed.url, signed.fields, body))

    facts = store.bucket.head_object(key)
    assert answer.status == 201
    assert facts is not None
    assert facts.content_type == CONTENT_TYPE
    assert store.stored(key) == body
    if store.name == "seaweed":  # moto does not store them
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
def test_form_with_other_bytes_is_refused(
    store: Store, body: bytes, code: bytes
) -> None:
    key = store.new_key()

    answer = send_form(store, key, body)

    if store.name == "moto":  # moto accepts the request
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
def test_form_with_a_changed_field_is_refused(seaweed: Store, name: str) -> None:
    key = seaweed.new_key()
    signed = seaweed.post(key)
    changed = signed.fields | {name: signed.fields[name] + "0"}
    without = {n: value for n, value in signed.fields.items() if n != name}

    answers = [
        seaweed.send(form(signed.url, changed, BODY)),
        seaweed.send(form(signed.url, without, BODY)),
    ]

    assert {answer.status for answer in answers} <= {400, 403}
    assert seaweed.stored(key) is None
    assert seaweed.stored(f"{key}0") is None


@pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-meta-a", "x-amz-storage-class"])
def test_form_with_an_additional_amz_field_is_refused(
    seaweed: Store, name: str
) -> None:
    key = seaweed.new_key()
    signed = seaweed.post(key)

    answer = seaweed.send(form(signed.url, {**signed.fields, name: "GLACIER"}, BODY))

    assert (answer.status, seaweed.stored(key)) == (403, None)


@pytest.mark.parametrize("name", ["acl", "tagging", "Content-Encoding"])
def test_seaweed_accepts_additional_fields_without_the_amz_prefix(
    seaweed: Store, name: str
) -> None:
    # AWS refuses every field that the policy does not name. SeaweedFS stores
    # Content-Encoding, so the site checks this header. SeaweedFS ignores the remaining
    # fields.
    key = seaweed.new_key()
    signed = seaweed.post(key)

    answer = seaweed.send(form(signed.url, {**signed.fields, name: "gzip"}, BODY))

    facts = seaweed.bucket.head_object(key)
    assert answer.status == 201
    assert facts is not None
    assert facts.content_encoding == ("gzip" if name == "Content-Encoding" else "")


def test_form_sent_twice_writes_the_same_bytes(store: Store) -> None:
    key = store.new_key()

    statuses = [send_form(store, key).status for _ in range(2)]

    assert statuses == [201, 201]
    assert store.stored(key) == BODY


def test_expired_form_is_refused(store: Store) -> None:
    key = store.new_key()
    with long_ago():
        signed = store.post(key)

    answer = store.send(form(signed.url, signed.fields, BODY))

    assert answer.status == (201 if store.name == "moto" else 403)
