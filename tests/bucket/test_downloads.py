"""Download URLs, and requests without a signature."""

from __future__ import annotations

from tests.bucket.attacks import (
    Attack,
    download,
    named,
    other_signature,
    store_object,
    with_query,
)
from tests.bucket.stores import (
    BODY,
    OTHER_BODY,
    RawRequest,
    Store,
)


def test_download_has_the_signed_name_and_type(store: Store) -> None:
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
def test_download_url_permits_only_the_download(store: Store, attack: Attack) -> None:
    expected = attack.answer_expected_of(store)
    key = store_object(store)

    answer = store.send(attack.change(download(store, key)))

    assert answer.status == expected
    if store.name == "seaweed":
        assert store.stored(key) == BODY


def test_request_without_a_signature_is_refused(store: Store) -> None:
    key = store_object(store)
    url = store.put(key).url.partition("?")[0]

    read = store.send(RawRequest("GET", url, {}))
    listed = store.send(RawRequest("GET", url[: url.index("uploads/")], {}))
    written = store.send(RawRequest("PUT", url, {}, OTHER_BODY))

    assert (read.status, written.status) == (403, 403)
    assert listed.status == (200 if store.name == "moto" else 403)
