"""Creates presigned URLs and signed forms. Each of them permits one kind of request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from uploads.errors import StorageUnavailable
from uploads.s3.checksums import SHA256, Checksums, chosen
from uploads.s3.content_disposition import Disposition, content_disposition
from uploads.s3.credentials import Credentials
from uploads.s3.policies import FIELDS_OF_OBJECT, FormSigner
from uploads.s3.signature import (
    SLOT,
    Scope,
    Target,
    UrlSigner,
    encode_path,
    presigned_url,
    single_spaced,
    timestamp,
)
from uploads.s3.signed import ObjectToSign, PartToSign, SignedPost, SignedRequest
from uploads.text.hosts import host_header, is_address

MAX_EXPIRES_IN = 900
CREDENTIALS_MARGIN_SECONDS = 30
"""A URL expires this long before its credentials, because S3's clock may be ahead."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Presigner:
    """Signs requests to one bucket for the browser. It sends no requests to S3.

    ``endpoint_url`` is the endpoint that browsers use. ``credentials`` is a function
    that returns the current credentials. It refreshes credentials that will soon
    expire. ``origin`` is the origin of all URLs, for the Content-Security-Policy.
    ``expires_in`` of each method is the lifetime of the URL in seconds. The method
    limits it to 15 minutes and to the remaining lifetime of the credentials. Each
    method raises StorageUnavailable if there are no valid credentials.
    """

    def __init__(
        self,
        *,
        bucket_name: str,
        region: str,
        endpoint_url: str,
        addressing_style: str,
        credentials: Callable[[], Credentials],
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.bucket_name = bucket_name
        self._region = region
        self._credentials = credentials
        self._clock = clock
        parts = urlsplit(endpoint_url)
        place, host = parts.netloc, host_header(endpoint_url)
        self._root = encode_path(parts.path.rstrip("/"))
        if addressing_style == "virtual" and not is_address(parts.hostname or ""):
            place, host = f"{bucket_name}.{place}", f"{bucket_name}.{host}"
        else:
            self._root = f"{self._root}/{encode_path(bucket_name)}"
        self._host = host
        self.origin = f"{parts.scheme}://{place}"
        self._form_url = f"{self.origin}{self._root or '/'}"

    def put_object(
        self,
        *,
        key: str,
        byte_size: int,
        content_type: str,
        expires_in: int,
        **checksum: str,
    ) -> SignedRequest:
        """Return a PUT request that creates an object of this size and checksum.

        ``checksum`` is one of checksum_sha256 and checksum_crc64nvme, in base64. S3
        answers 412 if the key already has an object.
        """
        checksums, value = chosen(**checksum)
        wanted = ObjectToSign(key, byte_size, content_type, value)
        [signed] = self.put_objects(
            [wanted], checksums=checksums, expires_in=expires_in
        )
        return signed

    def put_objects(
        self,
        objects: Iterable[ObjectToSign],
        *,
        expires_in: int,
        checksums: Checksums = SHA256,
    ) -> list[SignedRequest]:
        """Return a PUT request for each object. All URLs expire at the same time."""
        scope, seconds, expires_at = self._scope(expires_in)
        name = checksums.header
        fixed = {"content-disposition": "attachment", "if-none-match": "*"}
        signer = UrlSigner(
            target=Target(self.origin, self._host, f"{self._root}/{SLOT}"),
            headers={**fixed, "content-length": SLOT, "content-type": SLOT, name: SLOT},
            scope=scope,
            expires_in=seconds,
        )
        requests = []
        for key, byte_size, content_type, checksum in objects:
            texts = single_spaced(content_type), single_spaced(checksum)
            url = signer.url(encode_path(key), byte_size, *texts)
            headers = {
                "Content-Type": content_type,
                "Content-Disposition": "attachment",
                "If-None-Match": "*",
                name: checksum,
            }
            requests.append(SignedRequest("PUT", url, headers, expires_at))
        return requests

    def upload_part(
        self,
        *,
        key: str,
        multipart_id: str,
        part_number: int,
        byte_size: int,
        expires_in: int,
        **checksum: str,
    ) -> SignedRequest:
        """Return a PUT request for one part of this size and checksum."""
        checksums, value = chosen(**checksum)
        [signed] = self.upload_parts(
            key=key,
            multipart_id=multipart_id,
            parts=[PartToSign(part_number, byte_size, value)],
            checksums=checksums,
            expires_in=expires_in,
        )
        return signed

    def upload_parts(
        self,
        *,
        key: str,
        multipart_id: str,
        parts: Iterable[PartToSign],
        expires_in: int,
        checksums: Checksums = SHA256,
    ) -> list[SignedRequest]:
        """Return a PUT request for each part. All URLs expire at the same time."""
        scope, seconds, expires_at = self._scope(expires_in)
        name = checksums.header
        signer = UrlSigner(
            target=self._target(key),
            query=[("uploadId", multipart_id), ("partNumber", SLOT)],
            headers={name: SLOT, "content-length": SLOT},
            scope=scope,
            expires_in=seconds,
        )
        return [
            SignedRequest(
                "PUT",
                signer.url(number, byte_size, single_spaced(checksum)),
                {name: checksum},
                expires_at,
            )
            for number, byte_size, checksum in parts
        ]

    def get_object(
        self,
        *,
        key: str,
        filename: str,
        content_type: str,
        disposition: Disposition,
        expires_in: int,
        version_id: str | None = None,
    ) -> SignedRequest:
        """Return a GET request whose URL sets the filename and type of the download."""
        query = [
            (
                "response-content-disposition",
                content_disposition(disposition, filename),
            ),
            ("response-content-type", content_type),
            ("response-cache-control", "private"),
        ]
        if version_id:
            query.append(("versionId", version_id))
        scope, seconds, expires_at = self._scope(expires_in)
        url = presigned_url(
            method="GET",
            target=self._target(key),
            query=query,
            headers={},
            scope=scope,
            expires_in=seconds,
        )
        return SignedRequest("GET", url, {}, expires_at)

    def post_object(
        self,
        *,
        key: str,
        byte_size: int,
        content_type: str,
        checksum_sha256: str,
        expires_in: int,
    ) -> SignedPost:
        """Return a form that sends a file of this size and checksum to ``key``.

        A form has no create-only condition. So if a client sends the form twice, S3
        stores the file again.
        """
        wanted = ObjectToSign(key, byte_size, content_type, checksum_sha256)
        [signed] = self.post_objects([wanted], expires_in=expires_in)
        return signed

    def post_objects(
        self, objects: Iterable[ObjectToSign], *, expires_in: int
    ) -> list[SignedPost]:
        """Return a form for each object. All forms expire at the same time."""
        scope, _, expires_at = self._scope(expires_in)
        signer = FormSigner(
            bucket_name=self.bucket_name,
            pinned=FIELDS_OF_OBJECT,
            scope=scope,
            expires_at=expires_at,
        )
        return [
            SignedPost(
                "POST",
                self._form_url,
                signer.fields(
                    {
                        "key": key,
                        "Content-Type": content_type,
                        "x-amz-checksum-sha256": checksum,
                    },
                    length=(byte_size, byte_size),
                ),
                expires_at,
            )
            for key, byte_size, content_type, checksum in objects
        ]

    def plain_form(
        self, *, key: str, max_bytes: int, redirect_url: str, expires_in: int
    ) -> SignedPost:
        """Return a form that sends up to ``max_bytes`` to ``key`` without JavaScript.

        After the upload, S3 redirects the browser to ``redirect_url``. S3 replaces
        ``${filename}`` with the name of the file and stores the name in the object's
        metadata. Some other servers store the text ``${filename}`` itself.
        """
        scope, _, expires_at = self._scope(expires_in)
        signer = FormSigner(
            bucket_name=self.bucket_name,
            pinned={
                "key": key,
                "Content-Type": "application/octet-stream",
                "Content-Disposition": "attachment",
                "success_action_redirect": redirect_url,
            },
            left_open={"x-amz-meta-filename": "${filename}"},
            scope=scope,
            expires_at=expires_at,
        )
        fields = signer.fields({}, length=(0, max_bytes))
        return SignedPost("POST", self._form_url, fields, expires_at)

    def _target(self, key: str) -> Target:
        path = f"{self._root}/{encode_path(key)}"
        return Target(self.origin, self._host, path)

    def _scope(self, expires_in: int) -> tuple[Scope, int, datetime]:
        """Return the signature's scope, the lifetime in seconds, and the expiry."""
        # S3 adds the lifetime to the signed time, which has whole seconds. So compute
        # the expiry from whole seconds, too.
        now = self._clock().astimezone(UTC).replace(microsecond=0)
        credentials = self._credentials()
        seconds = min(expires_in, MAX_EXPIRES_IN)
        if credentials.expires_at is not None:
            left = int((credentials.expires_at - now).total_seconds())
            seconds = min(seconds, left - CREDENTIALS_MARGIN_SECONDS)
        if seconds < 1:
            raise StorageUnavailable("The credentials that sign URLs have expired.")
        scope = Scope(credentials, self._region, timestamp(now))
        return scope, seconds, now + timedelta(seconds=seconds)
