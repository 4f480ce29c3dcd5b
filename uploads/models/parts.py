"""Stores the checksum that the client has announced for each part of an upload."""

from __future__ import annotations

from django.db import models

from uploads.models.upload import Upload


class PartChecksums(models.Model):
    """Stores the announced checksums of all parts of one upload.

    The checksums of one upload can take 320 kB. They are in a separate table, so that
    lists of uploads do not read them.
    """

    upload = models.OneToOneField(
        Upload, models.CASCADE, primary_key=True, related_name="part_checksums"
    )
    digests = models.BinaryField(default=bytes)
    """The raw checksums in the order of the parts.

    A SHA-256 has 32 bytes, and a CRC64NVME has 8 bytes. If the client has not announced
    the checksum of a part, the bytes of this checksum are zero.
    """

    def __str__(self) -> str:
        return str(self.upload_id)
