"""Deletes all data of one key: the object, its versions and its multipart uploads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from uploads.s3.bucket import Bucket
from uploads.s3.failures import error_code, translated


def remove_every_trace(bucket: Bucket, key: str) -> None:
    """Abort every multipart upload of ``key`` and delete every version of its object.

    This includes multipart uploads whose id is missing in the database. An id is
    missing if a process died before it stored the id. Raises StorageUnavailable if S3
    fails.
    """
    for entry in bucket.list_multipart_uploads(key):
        if entry.key == key:
            bucket.abort_multipart_upload(key, entry.multipart_id)
    bucket.delete_object(key)
    # In a versioned bucket, the call above deletes nothing. It adds a delete marker.
    for version_id in _versions(bucket, key):
        bucket.delete_object(key, version_id=version_id)


def delete_if_same(bucket: Bucket, key: str, *, etag: str) -> bool:
    """Delete the object if its ETag is ``etag``. Return False if S3 has not deleted it.

    Some providers ignore the condition and delete an object with any ETag. Raises
    StorageUnavailable for other failures.
    """
    with translated("DeleteObject"):
        try:
            bucket.client.delete_object(**bucket.target, Key=key, IfMatch=etag)
        except ClientError as error:
            if error_code(error) not in {"PreconditionFailed", "412"}:
                raise
            return False
    return True


@dataclass(frozen=True)
class StoredVersion:
    """Contains the facts about one version of an object, or about a delete marker.

    ``version_id`` is empty if the object was stored while versioning was off. Callers
    delete such an object by its key alone. A deletion by version id would need the
    permission s3:DeleteObjectVersion.
    """

    key: str
    version_id: str
    modified_at: datetime


def list_versions(bucket: Bucket, prefix: str) -> Iterator[StoredVersion]:
    """Yield every version and every delete marker whose key starts with ``prefix``.

    Yields nothing if the provider does not support versions. Raises StorageUnavailable
    if S3 fails.
    """
    pages = bucket.client.get_paginator("list_object_versions")
    with translated("ListObjectVersions"):
        try:
            for page in pages.paginate(**bucket.target, Prefix=prefix):
                for found in page.get("Versions", []):
                    version_id = found["VersionId"]
                    plain = "" if version_id == NO_VERSION else version_id
                    yield StoredVersion(found["Key"], plain, found["LastModified"])
                for marker in page.get("DeleteMarkers", []):
                    yield StoredVersion(
                        marker["Key"], marker["VersionId"], marker["LastModified"]
                    )
        except ClientError as error:
            if error_code(error) != "NotImplemented":
                raise


NO_VERSION = "null"
"""S3's version id of every object that was stored while versioning was off."""


def _versions(bucket: Bucket, key: str) -> list[str]:
    with translated("ListObjectVersions"):
        try:
            return list(_listed(bucket, key))
        except ClientError as error:
            if error_code(error) == "NotImplemented":
                return []  # the provider does not support versions
            raise


def _listed(bucket: Bucket, key: str) -> Iterator[str]:
    pages = bucket.client.get_paginator("list_object_versions")
    for page in pages.paginate(**bucket.target, Prefix=key):
        for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            if entry["Key"] == key:
                yield entry["VersionId"]
