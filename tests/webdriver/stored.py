"""Read uploads from the bucket and the database."""

from __future__ import annotations

import hashlib

from django.contrib.auth.models import User

from tests.browser.files import uploads_of
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State


def stored_sha256(upload: Upload) -> str:
    """Return the SHA-256 of the object of an upload, in hexadecimal."""
    bucket = get_bucket()
    answer = bucket.client.get_object(Bucket=bucket.name, Key=upload.key)
    digest = hashlib.sha256()
    for piece in answer["Body"].iter_chunks(1024 * 1024):
        digest.update(piece)
    return digest.hexdigest()


def ready_paths(person: User) -> list[str]:
    """Return the paths of a person's ready files, sorted."""
    uploads = Upload.objects.filter(owner=person, state=State.READY)
    return sorted(upload.relative_path or upload.filename for upload in uploads)


def ready(person: User, name: str) -> Upload:
    """Return the upload with this name. Fails if the upload is not ready."""
    upload = uploads_of(person)[name]
    assert upload.state == State.READY
    return upload
