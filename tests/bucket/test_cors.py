"""The CORS rule of the bucket permits requests of the site's pages only."""

from __future__ import annotations

import pytest

from tests.bucket.stores import (
    Answer,
    RawRequest,
    Store,
)


def preflight(store: Store, origin: str, headers: str) -> Answer:
    raw_request = RawRequest(
        "OPTIONS",
        store.put(store.new_key()).url,
        {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": headers,
        },
    )
    return store.send(raw_request)


def test_cors_admits_the_sites_pages(seaweed: Store) -> None:
    answer = preflight(
        seaweed,
        "http://127.0.0.1",
        "content-disposition,content-type,if-none-match,x-amz-checksum-sha256",
    )

    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_cors_refuses_pages_of_other_sites(seaweed: Store, origin: str) -> None:
    answer = preflight(seaweed, origin, "content-type")

    assert "Access-Control-Allow-Origin" not in answer.headers


def test_cors_refuses_additional_headers(seaweed: Store) -> None:
    answer = preflight(seaweed, "http://127.0.0.1", "x-amz-acl")

    assert "Access-Control-Allow-Headers" not in answer.headers
