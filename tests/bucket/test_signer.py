"""The signer's credentials may only put objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.bucket.attacks import download, store_object
from tests.bucket.stores import (
    BODY,
    Store,
)
from uploads.errors import (
    StorageUnavailable,
)
from uploads.s3.bucket import Bucket


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
def test_signer_may_only_put(
    store: Store, verb: str, act: Callable[[Bucket, str], object]
) -> None:
    key = store_object(store)

    if store.name == "moto":  # moto checks no permissions
        act(store.signer, key)
    else:
        with pytest.raises(StorageUnavailable):
            act(store.signer, key)
        assert store.stored(key) == BODY, verb


def test_signer_cannot_sign_a_download(store: Store) -> None:
    key = store_object(store)

    answer = store.send(download(store, key, signer=True))

    assert answer.status == (200 if store.name == "moto" else 403)


@pytest.mark.parametrize("operation", ["copy_object", "put_object_acl"])
def test_signer_can_neither_copy_nor_publish(seaweed: Store, operation: str) -> None:
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


def test_signer_cannot_put_outside_the_prefix(seaweed: Store) -> None:
    answer = seaweed.send(seaweed.put("elsewhere/a"))

    assert answer.status == 403
    assert seaweed.stored("elsewhere/a") is None
