"""Calls S3 for one bucket, and translates S3's errors to exceptions of errors.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.storage import storages
from django.core.signals import setting_changed

from uploads.errors import NoSuchMultipartUpload, StorageUnavailable
from uploads.s3.checksums import SHA256, Checksums, whole_object
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
from uploads.s3.failures import COMPLETION_ERRORS, GONE, translated
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
# S3 returns at most 1,000 entries in one page. If a request does not set the page size,
# some other servers return the whole list in one page.
_PAGE_SIZE = 1000


class Bucket:
    """Sends requests to one bucket with the credentials of ``client``.

    Every method raises StorageUnavailable if S3 does not answer. It also raises
    StorageUnavailable for each error of S3 that its docstring does not mention. Methods
    read lists in pages of ``page_size`` entries.
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
        """Raise StorageUnavailable if S3 does not answer or the bucket is missing."""
        with translated("HeadBucket"):
            self.client.head_bucket(**self.target)

    @cached_property
    def requests(self) -> ObjectRequests:
        """Return the object that sends HeadObject and GetObject faster than boto3."""
        return ObjectRequests(
            self.client,
            bucket_name=self.name,
            expected_owner=self.target.get("ExpectedBucketOwner", ""),
        )

    def head_object(self, key: str) -> ObjectFacts | None:
        """Return the facts of an object, or None if the object does not exist.

        Raises StorageUnavailable if S3 fails, or if the bucket does not exist.
        """
        return head_object(self, key)

    def read_range(
        self, key: str, start: int, length: int, *, etag: str | None = None
    ) -> bytes:
        """Return up to ``length`` bytes from ``start``, fewer if the object ends first.

        With ``etag``, raises StorageUnavailable if the object now has another ETag.
        """
        return read_range(self, key, start, length, etag=etag)

    def create_multipart_upload(
        self,
        key: str,
        *,
        content_type: str,
        checksums: Checksums = SHA256,
        has_checksums: bool = False,
    ) -> str:
        """Create a multipart upload, and return the id that S3 gives to it.

        With ``has_checksums``, the caller knows the checksums of all parts and passes
        them to ``complete_multipart_upload``.
        """
        must_list = checksums is SHA256 and not has_checksums
        with translated("CreateMultipartUpload"):
            if must_list and self._lists_checksums is False:
                return self._open(key, content_type, None)
            multipart_id = self._open(key, content_type, checksums)
            if must_list and self._lists_checksums is None:
                self._lists_checksums = self._tells_checksums(key, multipart_id)
                if not self._lists_checksums:
                    self.abort_multipart_upload(key, multipart_id)
                    multipart_id = self._open(key, content_type, None)
        return multipart_id

    def _open(self, key: str, content_type: str, checksums: Checksums | None) -> str:
        answer = self.client.create_multipart_upload(
            **self.target,
            **(checksums.of_multipart if checksums else {}),
            Key=key,
            ContentType=content_type,
            ContentDisposition="attachment",
        )
        return answer["UploadId"]

    def _tells_checksums(self, key: str, multipart_id: str) -> bool:
        """Return whether ListParts of this server returns the checksums of parts.

        If an upload was created with a checksum algorithm, CompleteMultipartUpload
        requires the checksums of all parts. A caller that does not know the checksums
        takes them from ListParts. Some servers do not list checksums. For such servers,
        this class creates uploads without a checksum algorithm. The server then checks
        each part when it arrives, but it stores no checksum of the whole object.
        """
        answer = self.client.list_parts(**self.target, Key=key, UploadId=multipart_id)
        return "ChecksumAlgorithm" in answer

    def list_parts(self, key: str, multipart_id: str) -> list[Part]:
        """Return all parts that S3 has stored, ordered by part number.

        Raises NoSuchMultipartUpload if the upload was completed or aborted.
        """
        pages = self.client.get_paginator("list_parts")
        with translated("ListParts", GONE):
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
        self,
        key: str,
        multipart_id: str,
        parts: Iterable[Part],
        *,
        byte_size: int,
        checksum_crc64nvme: str = "",
    ) -> None:
        """Join ``parts`` into one object.

        If ``checksum_crc64nvme`` is given, S3 compares it with the CRC64NVME of the
        object. Raises ChecksumRefused if they differ. Raises ObjectExists if the key
        has an object, and PartsRefused if S3 does not accept the list of parts. Raises
        CompletionConflict if S3 asks for a retry. Raises NoSuchMultipartUpload if the
        upload does not exist. One possible cause is an earlier call that S3 completed
        although its answer was lost.
        """
        with translated("CompleteMultipartUpload", COMPLETION_ERRORS):
            answer = self.client.complete_multipart_upload(
                **self.target,
                Key=key,
                UploadId=multipart_id,
                MultipartUpload={"Parts": [completed_part(part) for part in parts]},
                IfNoneMatch="*",
                MpuObjectSize=byte_size,
                **whole_object(checksum_crc64nvme),
            )
        if "ETag" not in answer:
            raise StorageUnavailable

    def abort_multipart_upload(self, key: str, multipart_id: str) -> None:
        """Abort a multipart upload, so that S3 deletes its parts. Idempotent.

        A part in flight may arrive after the abort. So this method repeats the abort
        until S3 answers that the upload does not exist. Raises StorageUnavailable if
        the upload still exists after five attempts.
        """
        for _ in range(_ABORT_ATTEMPTS):
            try:
                with translated("AbortMultipartUpload", GONE):
                    self.client.abort_multipart_upload(
                        **self.target, Key=key, UploadId=multipart_id
                    )
                self.list_parts(key, multipart_id)
            except NoSuchMultipartUpload:
                return
        raise StorageUnavailable("S3 has not deleted the parts of an aborted upload.")

    def delete_object(self, key: str, *, version_id: str | None = None) -> None:
        """Delete an object. Idempotent."""
        version: Any = {"VersionId": version_id} if version_id else {}
        with translated("DeleteObject"):
            self.client.delete_object(**self.target, **version, Key=key)

    def list_objects(
        self, prefix: str, *, start_after: str = ""
    ) -> Iterator[ListedObject]:
        """Yield the objects whose keys start with ``prefix``, ordered by key.

        With ``start_after``, yields only objects whose keys are greater than this key.
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
        """Yield the unfinished multipart uploads whose keys start with ``prefix``."""
        pages = self.client.get_paginator("list_multipart_uploads")
        with translated("ListMultipartUploads"):
            for page in pages.paginate(
                **self.target, Prefix=prefix, PaginationConfig=self._pages
            ):
                for entry in page.get("Uploads", []):
                    yield open_multipart_upload(entry)


@OncePerProcess
def get_bucket() -> Bucket:
    """Return the bucket of STORAGES["uploads"].

    It sends requests with the credentials of the worker, the identity that makes the
    calls of the site. Raises StorageUnavailable if there are no credentials.
    """
    storage: Any = storages["uploads"]
    return Bucket(
        client=client_of(storage),
        name=storage.bucket_name,
        expected_owner=settings.S3_EXPECTED_BUCKET_OWNER,
    )


@OncePerProcess
def get_presigner() -> Presigner:
    """Return the presigner for upload URLs.

    It signs with the credentials of the signer, the identity that only signs upload
    URLs. A site without a signer signs with the worker's credentials. Raises
    StorageUnavailable if there are no credentials.
    """
    signer = "uploads_signer" if "uploads_signer" in settings.STORAGES else "uploads"
    return presigner_of(signer, get_bucket().client)


@OncePerProcess
def get_download_presigner() -> Presigner:
    """Return the presigner for download URLs.

    It signs with the worker's credentials, because the signer has no permission to
    read. Raises StorageUnavailable if there are no credentials.
    """
    return presigner_of("uploads", get_bucket().client)


def _forget(*, setting: str, **_: object) -> None:
    if setting == "UPLOADS":
        get_presigner.forget()  # The presigner uses s3_public_endpoints.
    if setting in {"STORAGES", "S3_EXPECTED_BUCKET_OWNER", "S3_PUBLIC_ENDPOINT_URL"}:
        for cached in (get_bucket, get_presigner, get_download_presigner):
            cached.forget()


setting_changed.connect(_forget)
