"""The SHA-256 of each part of a multipart upload, as the browser announced it."""

from __future__ import annotations

from django.db import models

from uploads.models.upload import Upload


class PartChecksums(models.Model):
    """The announced SHA-256 of the parts of one upload.

    A separate table, because lists of uploads must not read up to 320 kB for each row.
    """

    upload = models.OneToOneField(
        Upload, models.CASCADE, primary_key=True, related_name="part_checksums"
    )
    digests = models.BinaryField(default=bytes)
    """32 bytes for each part, in order. Zeros mean that the part was never announced."""

    def __str__(self) -> str:
        return str(self.upload_id)
