"""A part URL permits one part of one multipart upload."""

from __future__ import annotations

from tests.bucket.attacks import (
    ON_PUT_AND_PART,
    SECRET,
    Attack,
    long_ago,
    named,
    send_parts,
    start_multipart,
    store_object,
    with_query,
)
from tests.bucket.stores import (
    BODY,
    OTHER_BODY,
    Store,
)

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


def test_part_url_stores_the_declared_part(store: Store) -> None:
    key, multipart_id = start_multipart(store)

    [part] = send_parts(store, key, multipart_id, [BODY])

    assert (part.part_number, part.byte_size) == (1, len(BODY))
    assert store.stored(key) is None


@named(ON_PART)
def test_part_url_permits_only_its_part(store: Store, attack: Attack) -> None:
    expected = attack.answer_expected_of(store)
    key, multipart_id = start_multipart(store)

    answer = store.send(attack.change(store.part(key, multipart_id)))

    assert answer.status == expected
    if store.name == "seaweed":
        assert list(store.bucket.list_parts(key, multipart_id)) == []


def test_part_url_cannot_be_changed_into_a_copy(store: Store) -> None:
    secret = store_object(store, SECRET)
    key, multipart_id = start_multipart(store)
    source = f"/{store.bucket.name}/{secret}"

    answer = store.send(
        store.part(key, multipart_id).with_header("x-amz-copy-source", source)
    )

    parts = list(store.bucket.list_parts(key, multipart_id))
    if store.name == "moto":  # moto accepts the request
        assert (answer.status, parts[0].byte_size) == (200, len(SECRET))
    else:
        assert (answer.status, parts) == (403, [])


def test_part_can_be_sent_again_with_the_same_bytes_only(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    raw_request = store.part(key, multipart_id)
    store.send(raw_request)
    [before] = store.bucket.list_parts(key, multipart_id)

    again, changed = (
        store.send(raw_request),
        store.send(raw_request.with_body(OTHER_BODY)),
    )

    [after] = store.bucket.list_parts(key, multipart_id)
    assert again.status == 200
    if store.name == "moto":  # moto accepts the request and has changed the part
        assert (changed.status, after.etag == before.etag) == (200, False)
    else:
        assert (changed.status, after) == (400, before)


def test_part_url_is_refused_after_the_completion(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY])
    store.bucket.complete_multipart_upload(
        key, multipart_id, parts, byte_size=len(BODY)
    )

    answer = store.send(store.part(key, multipart_id))

    assert answer.status == (500 if store.name == "moto" else 404)
    assert store.stored(key) == BODY


def test_part_url_is_refused_for_another_multipart_upload(
    seaweed: Store,
) -> None:
    _, multipart_id = start_multipart(seaweed)
    other_key, _ = start_multipart(seaweed)

    answer = seaweed.send(seaweed.part(other_key, multipart_id))

    assert answer.status == 404


def test_expired_part_url_is_refused(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    with long_ago():
        raw_request = store.part(key, multipart_id)

    answer = store.send(raw_request)

    assert answer.status == (200 if store.name == "moto" else 403)
