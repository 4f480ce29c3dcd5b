"""The bucket: S3's operations, with failures translated to exceptions of errors.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.storage import storages
from django.core.signals import setting_changed

from uploads.errors import (
    CompletionConflict,
    NoSuchMultipartUpload,
    ObjectExists,
    PartsRefused,
    StorageUnavailable,
)
from uploads.s3.facts import (
    ListedObject,
    ObjectFacts,
    OpenMultipartUpload,
    Part,
    completed_part,
    latest_parts,
    listed_object,
    open_multipart_upload,
)
from uploads.s3.failures import translated
from uploads.s3.identities import client_of, presigner_of
from uploads.s3.once import OncePerProcess
from uploads.s3.presigner import Presigner
from uploads.s3.reading import head_object, read_range
from uploads.s3.requesting import ObjectRequests

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "Bucket",
    "ListedObject",
    "ObjectFacts",
    "OpenMultipartUpload",
    "Part",
    "get_bucket",
    "get_download_presigner",
    "get_presigner",
]

_ABORT_ATTEMPTS = 5
_PAGE_SIZE = 1000  # S3's maximum; other servers would return everything at once
# Ceph answers NoSuchKey where others answer NoSuchUpload.
_GONE = {"NoSuchUpload": NoSuchMultipartUpload, "NoSuchKey": NoSuchMultipartUpload}
_COMPLETION_ERRORS = {
    **_GONE,
    "ConditionalRequestConflict": CompletionConflict,
    "PreconditionFailed": ObjectExists,
    "BadDigest": PartsRefused,
    "EntityTooSmall": PartsRefused,
    "InvalidPart": PartsRefused,
    "InvalidPartOrder": PartsRefused,
    "InvalidRequest": PartsRefused,
}


class Bucket:
    """One bucket, with the server's credentials and endpoint.

    Every method raises StorageUnavailable when S3 does not answer, answers with
    a 5xx or a 403, or refuses for a reason that the method does not document. Lists
    are read in pages of ``page_size`` entries.
    """

    def __init__(
        self,
        *,
        client: S3Client,
        name: str,
        expected_owner: str = "",
        page_size: int = _PAGE_SIZE,
    ) -> None:
        self.client = client
        self.name = name
        self._pages: Any = {"PageSize": page_size}
        self._lists_checksums: bool | None = None
        self.target: dict[str, Any] = {"Bucket": name}
        if expected_owner:
            self.target["ExpectedBucketOwner"] = expected_owner

    def check(self) -> None:
        """Check that the bucket answers. Raises StorageUnavailable if not."""
        with translated("HeadBucket"):
            self.client.head_bucket(**self.target)

    @cached_property
    def requests(self) -> ObjectRequests:
        """The client for HeadObject and GetObject, created at its first use."""
        return ObjectRequests(
            self.client,
            bucket_name=self.name,
            expected_owner=self.target.get("ExpectedBucketOwner", ""),
        )

    def head_object(self, key: str) -> ObjectFacts | None:
        """Return the facts of an object, or None if the object does not exist.

        Raises StorageUnavailable if S3 refuses, or if the bucket does not exist.
        """
        return head_object(self, key)

    def read_range(
        self, key: str, start: int, length: int, *, etag: str | None = None
    ) -> bytes:
        """Return up to ``length`` bytes from ``start``; fewer at the object's end.

        With ``etag``, raises StorageUnavailable if the object has been replaced.
        """
        return read_range(self, key, start, length, etag=etag)[1]

    def create_multipart_upload(self, key: str, *, content_type: str) -> str:
        """Create a multipart upload and return its id at S3."""
        with translated("CreateMultipartUpload"):
            multipart_id = self._open(key, content_type)
            if self._lists_checksums is None:
                self._lists_checksums = self._tells_checksums(key, multipart_id)
                if not self._lists_checksums:
                    self.abort_multipart_upload(key, multipart_id)
                    multipart_id = self._open(key, content_type)
        return multipart_id

    def _open(self, key: str, content_type: str) -> str:
        checksum: Any = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"}
        answer = self.client.create_multipart_upload(
            **self.target,
            **({} if self._lists_checksums is False else checksum),
            Key=key,
            ContentType=content_type,
            ContentDisposition="attachment",
        )
        return answer["UploadId"]

    def _tells_checksums(self, key: str, multipart_id: str) -> bool:
        """Return whether ListParts returns the checksums of parts.

        An upload created with checksums is completed with the checksums of all
        parts. Some servers demand these checksums but do not list them. On such a
        server, uploads are created without checksums. The server still checks each part
        on arrival, but the whole object has no checksum.
        """
        answer = self.client.list_parts(**self.target, Key=key, UploadId=multipart_id)
        return "ChecksumAlgorithm" in answer

    def list_parts(self, key: str, multipart_id: str) -> list[Part]:
        """Return the parts of all pages, ordered by part number.

        Raises NoSuchMultipartUpload.
        """
        pages = self.client.get_paginator("list_parts")
        with translated("ListParts", _GONE):
            return latest_parts(
                entry
                for page in pages.paginate(
                    **self.target,
                    Key=key,
                    UploadId=multipart_id,
                    PaginationConfig=self._pages,
                )
                for entry in page.get("Parts", [])
            )

    def complete_multipart_upload(
        self, key: str, multipart_id: str, parts: Iterable[Part], *, byte_size: int
    ) -> None:
        """Join ``parts`` into one object, unless the key already has an object.

        Raises ObjectExists, CompletionConflict, PartsRefused or NoSuchMultipartUpload.
        NoSuchMultipartUpload can also mean that an earlier call succeeded and its
        answer was lost.
        """
        with translated("CompleteMultipartUpload", _COMPLETION_ERRORS):
            answer = self.client.complete_multipart_upload(
                **self.target,
                Key=key,
                UploadId=multipart_id,
                MultipartUpload={"Parts": [completed_part(part) for part in parts]},
                IfNoneMatch="*",
                MpuObjectSize=byte_size,
            )
        if "ETag" not in answer:
            raise StorageUnavailable

    def abort_multipart_upload(self, key: str, multipart_id: str) -> None:
        """Abort a multipart upload and delete its parts. Idempotent.

        A part in flight may arrive after an abort, so the abort is repeated until
        S3 answers that the upload does not exist. Raises StorageUnavailable if parts
        remain after five attempts.
        """
        for _ in range(_ABORT_ATTEMPTS):
            try:
                with translated("AbortMultipartUpload", _GONE):
                    self.client.abort_multipart_upload(
                        **self.target, Key=key, UploadId=multipart_id
                    )
                self.list_parts(key, multipart_id)
            except NoSuchMultipartUpload:
                return
        raise StorageUnavailable("S3 keeps parts of an aborted upload.")

    def delete_object(self, key: str, *, version_id: str | None = None) -> None:
        """Delete an object. Idempotent."""
        version: Any = {"VersionId": version_id} if version_id else {}
        with translated("DeleteObject"):
            self.client.delete_object(**self.target, **version, Key=key)

    def list_objects(
        self, prefix: str, *, start_after: str = ""
    ) -> Iterator[ListedObject]:
        """Yield the objects below ``prefix``, ordered by key, page by page.

        With ``start_after``, yield only objects whose keys follow that key.
        """
        begin: Any = {"StartAfter": start_after} if start_after else {}
        pages = self.client.get_paginator("list_objects_v2")
        with translated("ListObjectsV2"):
            for page in pages.paginate(
                **self.target, **begin, Prefix=prefix, PaginationConfig=self._pages
            ):
                for entry in page.get("Contents", []):
                    yield listed_object(entry)

    def list_multipart_uploads(self, prefix: str) -> Iterator[OpenMultipartUpload]:
        """Yield the open multipart uploads below ``prefix``, page by page."""
        pages = self.client.get_paginator("list_multipart_uploads")
        with translated("ListMultipartUploads"):
            for page in pages.paginate(
                **self.target, Prefix=prefix, PaginationConfig=self._pages
            ):
                for entry in page.get("Uploads", []):
                    yield open_multipart_upload(entry)


@OncePerProcess
def get_bucket() -> Bucket:
    """Return the bucket of STORAGES["uploads"], with the worker's credentials.

    Raises StorageUnavailable while there are no credentials, like get_presigner
    and get_download_presigner.
    """
    storage: Any = storages["uploads"]
    return Bucket(
        client=client_of(storage),
        name=storage.bucket_name,
        expected_owner=settings.S3_EXPECTED_BUCKET_OWNER,
    )


@OncePerProcess
def get_presigner() -> Presigner:
    """Return the presigner of uploads: the signer's, or the worker's without a signer."""
    signer = "uploads_signer" if "uploads_signer" in settings.STORAGES else "uploads"
    return presigner_of(signer, get_bucket().client)


@OncePerProcess
def get_download_presigner() -> Presigner:
    """Return the presigner of downloads: the worker's, since the signer may not read."""
    return presigner_of("uploads", get_bucket().client)


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"STORAGES", "S3_EXPECTED_BUCKET_OWNER", "S3_PUBLIC_ENDPOINT_URL"}:
        for cached in (get_bucket, get_presigner, get_download_presigner):
            cached.forget()


setting_changed.connect(_forget)
