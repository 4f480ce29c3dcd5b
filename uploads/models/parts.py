"""Stores the checksum that the client has announced for each part of an upload."""

from __future__ import annotations

from django.db import models

from uploads.models.upload import Upload


class PartChecksums(models.Model):
    """Stores the announced checksums of all parts of one upload.

    This is a separate table, because these values can take 320 kB for one upload. Lists
    of uploads need not read them.
    """

    upload = models.OneToOneField(
        Upload, models.CASCADE, primary_key=True, related_name="part_checksums"
    )
    digests = models.BinaryField(default=bytes)
    """The raw checksums in the order of the parts: 32 bytes each, or 8 for CRC64NVME.

    If the client has not announced the checksum of a part, its bytes are zero.
    """

    def __str__(self) -> str:
        return str(self.upload_id)
