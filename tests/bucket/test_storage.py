"""Open stored files as file objects, on a real S3 server."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.bucket.stores import Store
from uploads.errors import NotFound, StorageUnavailable
from uploads.s3.storage import MIB, open_upload
from uploads.states import State

CONTENT = os.urandom(3 * MIB + 5)


def stored(store: Store, content: bytes, key: str = "a file") -> Any:
    """Store an object, and return the row of its upload."""
    key = store.key_prefix + key
    answer = store.bucket.client.put_object(
        Bucket=store.bucket.name, Key=key, Body=content
    )
    return SimpleNamespace(
        key=key, state=State.READY, filename="a", etag=answer["ETag"]
    )


def test_stored_file_is_read_by_ranges(store: Store) -> None:
    with open_upload(stored(store, CONTENT)) as file:
        assert file.size == len(CONTENT)
        assert b"".join(file.chunks(MIB)) == CONTENT
        for start, length in ((0, 1), (MIB - 1, 2), (2 * MIB, MIB + 9), (5, MIB)):
            file.seek(start)
            assert file.read(length) == CONTENT[start : start + length]


def test_empty_file_and_key_with_special_characters_are_read(store: Store) -> None:
    with open_upload(stored(store, b"", "a//b%2F+ ü?x=1")) as file:
        assert file.read() == b""
    with open_upload(stored(store, b"x", "a//b%2F+ ü?x=1")) as file:
        assert file.read() == b"x"


def test_replaced_or_deleted_object_is_not_read(store: Store) -> None:
    row = stored(store, CONTENT)
    file = open_upload(row)
    stored(store, bytes(len(CONTENT)))

    with pytest.raises(StorageUnavailable):
        file.read(5)
    with pytest.raises(StorageUnavailable, match="replaced"):
        open_upload(row)
    store.bucket.delete_object(row.key)
    with pytest.raises(NotFound):
        open_upload(row)


def test_stored_file_is_read_with_the_workers_identity(seaweed: Store) -> None:
    """The signer may only write, so reading needs the worker's credentials."""
    row = stored(seaweed, CONTENT)

    with pytest.raises(ClientError, match="AccessDenied"):
        seaweed.signer.client.get_object(Bucket=seaweed.bucket.name, Key=row.key)
    assert open_upload(row).read(5) == CONTENT[:5]
