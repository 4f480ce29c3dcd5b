"""Create files to send, and read the stored files."""

from __future__ import annotations

import hashlib
import random
import struct
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import FilePayload, Page

from uploads.lifecycle import quota
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State, Transport

MIB = 1024 * 1024


@dataclass(frozen=True)
class Download:
    """The response to a download: the SHA-256 of its body, and its headers."""

    url: str
    sha256: str
    headers: dict[str, str]


def payload(
    name: str, content: bytes, mime_type: str = "application/octet-stream"
) -> FilePayload:
    """Return a file that is not on a disk, so it may have any name."""
    return {"name": name, "mimeType": mime_type, "buffer": content}


def random_file(folder: Path, name: str, byte_size: int, *, seed: int = 1) -> Path:
    """Write a file with random bytes."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    source = random.Random(f"{name} {seed}")
    with path.open("wb") as file:
        for start in range(0, byte_size, MIB):
            file.write(source.randbytes(min(MIB, byte_size - start)))
    return path


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file on the disk, in hexadecimal."""
    with file.open("rb") as body:
        return hashlib.file_digest(body, "sha256").hexdigest()


def png(width: int = 8, height: int = 8) -> bytes:
    """Return a small red image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\xff\0\0" * width) * height)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def download(page: Page, upload: Upload, *, query: str = "") -> Download:
    """Request a file from the site with the page's session, and read it from S3."""
    answer = page.request.get(
        f"/api/v1/uploads/{upload.pk}/download{query}", max_redirects=0
    )
    assert answer.status == 302
    url = answer.headers["location"]
    with urllib.request.urlopen(url) as body:
        digest = hashlib.file_digest(body, "sha256").hexdigest()
        return Download(url, digest, {k.lower(): v for k, v in body.headers.items()})


def uploads_of(person: User) -> dict[str, Upload]:
    """Return a mapping of names to all uploads of a person."""
    return {upload.filename: upload for upload in Upload.objects.filter(owner=person)}


def quota_of(person: User) -> tuple[int, int, int, int]:
    """Return the person's used bytes, reserved bytes, files and reserved files."""
    now = quota.usage(person)
    return now.used_bytes, now.reserved_bytes, now.file_count, now.reserved_files


def stored_objects(person: User) -> dict[str, int]:
    """Return the keys and sizes of the bucket's objects for a person's uploads."""
    bucket = get_bucket()
    found: dict[str, int] = {}
    for upload in Upload.objects.filter(owner=person):
        if facts := bucket.head_object(upload.key):
            found[upload.key] = facts.byte_size
    return found


def open_multiparts(person: User) -> list[str]:
    """Return the keys of a person's open multipart uploads."""
    bucket = get_bucket()
    answer = bucket.client.list_multipart_uploads(Bucket=bucket.name)
    keys = set(Upload.objects.filter(owner=person).values_list("key", flat=True))
    return [found["Key"] for found in answer.get("Uploads", []) if found["Key"] in keys]


def make_upload(owner: User, **changes: Any) -> Upload:
    """Create the row of an upload without an object. The quota counts its bytes."""
    now = timezone.now()
    facts: dict[str, Any] = {
        "owner": owner,
        "state": State.READY,
        "transport": Transport.PUT,
        "filename": "survey.pdf",
        "byte_size": 1000,
        "content_type": "application/pdf",
        "part_size": 16 * MIB,
        "expires_at": now,
        "completed_at": now,
        "purged_at": None,
    }
    upload = Upload(**(facts | changes))
    upload.key = f"uploads/{upload.pk}"
    upload.save()
    row, _ = StorageQuota.objects.get_or_create(user=owner)
    row.used_bytes += upload.byte_size
    row.file_count += 1
    row.save()
    return upload
