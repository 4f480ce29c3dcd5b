"""The fields of an upload about its checksums."""

from __future__ import annotations

from django.db import models

from uploads.states import Algorithm, VerifiedBy


class ChecksumFields(models.Model):
    """Holds what was declared about the bytes, and who compared the stored bytes."""

    checksum_algorithm = models.CharField(
        max_length=9,
        choices=Algorithm,
        default=Algorithm.SHA256,
        db_default=Algorithm.SHA256.value,
    )
    """The algorithm of the declared checksums, also of those of parts."""
    checksum_sha256 = models.CharField(max_length=44, blank=True)
    checksum_crc64nvme = models.CharField(
        max_length=12, blank=True, default="", db_default=""
    )
    object_checksum = models.CharField(max_length=64, blank=True)
    """The checksum of the stored object. Its algorithm is ``checksum_algorithm``."""
    checksum_verified_by = models.CharField(
        max_length=8, choices=VerifiedBy, blank=True, default="", db_default=""
    )
    """The party that compared the stored bytes with the checksum. Empty if none did."""
    verified_parts = models.PositiveSmallIntegerField(default=0, db_default=0)
    """Number of compared parts, from part 1 on, while the site reads the object back."""

    class Meta:
        abstract = True
