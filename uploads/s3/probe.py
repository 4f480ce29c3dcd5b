"""Tests the site's own uploads and downloads: one PUT and one GET over signed URLs."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from uploads.errors import StorageError
from uploads.s3.keys import new_probe_key
from uploads.s3.presigner import Presigner
from uploads.s3.signed import SignedRequest
from uploads.s3.wire import Answer, NoAnswer, send

CONTENT_TYPE = "application/octet-stream"
EXPIRES_IN = 300


@dataclass
class SignedProbe:
    """Sends a few random bytes as a browser does, and reads them back.

    ``uploads`` is the signer's presigner and ``downloads`` is the worker's.
    ``remove`` deletes the object of a key.
    """

    uploads: Presigner
    downloads: Presigner
    key_prefix: str
    remove: Callable[[str], None]
    _left: list[str] = field(default_factory=list)

    def __call__(self) -> str:
        """Return an empty text if PUT and GET work, else S3's answer in one line."""
        key, body = new_probe_key(self.key_prefix, "setup"), secrets.token_bytes(32)
        self._left.append(key)
        try:
            return self._put(key, body) or self._get(key, body)
        except StorageError as error:
            return error.detail
        except NoAnswer as error:
            return f"No answer ({error.kind}): {error.detail}"

    def clear(self) -> None:
        """Delete the probe objects. The sweeper deletes the rest after failures."""
        while self._left:
            try:
                self.remove(self._left.pop())
            except StorageError:
                continue

    def _put(self, key: str, body: bytes) -> str:
        answer = perform(put_request(self.uploads, key, body), body)
        return "" if answer.status == 200 else f"A signed PUT answered {answer}"

    def _get(self, key: str, body: bytes) -> str:
        answer = perform(get_request(self.downloads, key))
        if answer.status != 200:
            return f"A signed GET answered {answer}"
        return "" if answer.body == body else "A signed GET answered other bytes."


def put_request(presigner: Presigner, key: str, body: bytes) -> SignedRequest:
    """Return the permission to create ``key`` with these bytes."""
    return presigner.put_object(
        key=key,
        byte_size=len(body),
        content_type=CONTENT_TYPE,
        checksum_sha256=sha256(body),
        expires_in=EXPIRES_IN,
    )


def get_request(presigner: Presigner, key: str) -> SignedRequest:
    """Return the permission to download ``key``."""
    return presigner.get_object(
        key=key,
        filename="probe.bin",
        content_type=CONTENT_TYPE,
        disposition="attachment",
        expires_in=EXPIRES_IN,
    )


def perform(request: SignedRequest, body: bytes | None = None) -> Answer:
    """Send a signed request as it is. Raises NoAnswer."""
    return send(request.method, request.url, headers=request.headers, body=body)


def sha256(body: bytes) -> str:
    """Return the SHA-256 of the bytes in base64, as S3 writes it."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()
