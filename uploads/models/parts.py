"""Stores the SHA-256 that the client has announced for each part of an upload."""

from __future__ import annotations

from django.db import models

from uploads.models.upload import Upload


class PartChecksums(models.Model):
    """Stores the announced SHA-256 of all parts of one upload.

    This is a separate table, because these values can take 320 kB for one upload. Lists
    of uploads need not read them.
    """

    upload = models.OneToOneField(
        Upload, models.CASCADE, primary_key=True, related_name="part_checksums"
    )
    digests = models.BinaryField(default=bytes)
    """The hashes in the order of the parts, 32 bytes each.

    If the client has not announced the hash of a part, its 32 bytes are zero.
    """

    def __str__(self) -> str:
        return str(self.upload_id)
