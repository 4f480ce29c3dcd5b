"""Tests one upload and one download over presigned URLs, as browsers use them.

The signer is the identity that signs upload URLs. The worker is the identity that makes
all other calls of the site.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from uploads.errors import StorageError
from uploads.s3.checksums import SHA256
from uploads.s3.keys import new_probe_key
from uploads.s3.presigner import Presigner
from uploads.s3.signed import SignedRequest
from uploads.s3.wire import Answer, NoAnswer, send

CONTENT_TYPE = "application/octet-stream"
EXPIRES_IN = 300


@dataclass
class SignedProbe:
    """Uploads a probe object of 32 random bytes, and downloads it.

    ``uploads`` signs the PUT request with the signer's credentials. ``downloads`` signs
    the GET request with the worker's. ``remove`` deletes an object by its key.
    """

    uploads: Presigner
    downloads: Presigner
    key_prefix: str
    remove: Callable[[str], None]
    _left: list[str] = field(default_factory=list)

    def __call__(self) -> str:
        """Return an empty text if PUT and GET succeed, and S3's error otherwise."""
        key, body = new_probe_key(self.key_prefix, "setup"), secrets.token_bytes(32)
        self._left.append(key)
        try:
            return self._put(key, body) or self._get(key, body)
        except StorageError as error:
            return error.detail
        except NoAnswer as error:
            return f"S3 did not answer ({error.kind}): {error.detail}"

    def clear(self) -> None:
        """Delete the probe objects.

        If S3 refuses to delete an object, the sweeper deletes it later.
        """
        while self._left:
            try:
                self.remove(self._left.pop())
            except StorageError:
                continue

    def _put(self, key: str, body: bytes) -> str:
        answer = perform(put_request(self.uploads, key, body), body)
        return "" if answer.status == 200 else f"S3 answered a signed PUT with {answer}"

    def _get(self, key: str, body: bytes) -> str:
        answer = perform(get_request(self.downloads, key))
        if answer.status != 200:
            return f"S3 answered a signed GET with {answer}"
        is_same = answer.body == body
        return "" if is_same else "A signed GET did not return the uploaded bytes."


def put_request(presigner: Presigner, key: str, body: bytes) -> SignedRequest:
    """Return a signed PUT request that creates the object ``key`` with these bytes."""
    return presigner.put_object(
        key=key,
        byte_size=len(body),
        content_type=CONTENT_TYPE,
        checksum_sha256=SHA256.base64(body),
        expires_in=EXPIRES_IN,
    )


def get_request(presigner: Presigner, key: str) -> SignedRequest:
    """Return a signed GET request that downloads the object ``key``."""
    return presigner.get_object(
        key=key,
        filename="probe.bin",
        content_type=CONTENT_TYPE,
        disposition="attachment",
        expires_in=EXPIRES_IN,
    )


def perform(request: SignedRequest, body: bytes | None = None) -> Answer:
    """Send a signed request unchanged, and return the answer. Raises NoAnswer."""
    return send(request.method, request.url, headers=request.headers, body=body)
