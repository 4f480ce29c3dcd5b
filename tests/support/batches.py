"""Start and complete batches of small files through the API."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from django.test import Client

from tests.support.api_calls import caller
from uploads.models import Upload
from uploads.s3.bucket import Bucket


def content(number: int) -> bytes:
    """Return the content of a file."""
    return f"file {number}".encode()


def declaration(number: int, **changes: Any) -> dict[str, Any]:
    """Return the declaration of a file, with changes."""
    digest = hashlib.sha256(content(number)).digest()
    return {
        "filename": f"{number}.txt",
        "byte_size": len(content(number)),
        "content_type": "text/plain",
        "checksum_sha256": base64.b64encode(digest).decode(),
        **changes,
    }


def send(browser: Client, path: str, body: Any, **headers: str) -> Any:
    """Send a POST request to the API."""
    return caller(browser)("POST", path, body, **headers)


def start(browser: Client, items: list[dict[str, Any]], **headers: str) -> Any:
    """Start a batch, and return its results."""
    answer = send(browser, "/uploads/batch", {"uploads": items}, **headers)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def store_objects(bucket: Bucket, numbers: Iterable[int]) -> list[str]:
    """Put the objects of started uploads into the bucket. Return the uploads' ids."""
    ids = []
    for number in numbers:
        row = Upload.objects.get(filename=f"{number}.txt", state="pending")
        bucket.client.put_object(
            Bucket=bucket.name,
            Key=row.key,
            Body=content(number),
            ContentType=row.content_type,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=row.checksum_sha256,
        )
        ids.append(str(row.pk))
    return ids


def complete(browser: Client, ids: list[str]) -> Any:
    """Complete a batch, and return its results."""
    answer = send(browser, "/uploads/complete-batch", {"ids": ids})
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]
