"""Removes all that a bucket keeps under one key, not only what is in sight."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from uploads.s3.bucket import Bucket
from uploads.s3.failures import error_code, translated


def remove_every_trace(bucket: Bucket, key: str) -> None:
    """Abort every multipart upload of ``key`` and delete every version of its object.

    Also those that nobody recorded: a multipart upload whose id was lost on its way,
    a version behind the newest. Raises StorageUnavailable.
    """
    for entry in bucket.list_multipart_uploads(key):
        if entry.key == key:
            bucket.abort_multipart_upload(key, entry.multipart_id)
    bucket.delete_object(key)
    # In a versioned bucket that has only hidden the bytes, behind a marker.
    for version_id in _versions(bucket, key):
        bucket.delete_object(key, version_id=version_id)


def _versions(bucket: Bucket, key: str) -> list[str]:
    with translated("ListObjectVersions"):
        try:
            return list(_listed(bucket, key))
        except ClientError as error:
            if error_code(error) == "NotImplemented":
                return []  # a provider without versions
            raise


def _listed(bucket: Bucket, key: str) -> Iterator[str]:
    pages = bucket.client.get_paginator("list_object_versions")
    for page in pages.paginate(**bucket.target, Prefix=key):
        for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            if entry["Key"] == key:
                yield entry["VersionId"]
