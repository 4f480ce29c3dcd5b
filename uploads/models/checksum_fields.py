"""Defines the fields of an upload that are about its checksums."""

from __future__ import annotations

from django.db import models

from uploads.states import Algorithm, VerifiedBy


class ChecksumFields(models.Model):
    """Stores the declared checksums, and who compared the stored bytes with them."""

    checksum_algorithm = models.CharField(
        max_length=9,
        choices=Algorithm,
        default=Algorithm.SHA256,
        db_default=Algorithm.SHA256.value,
    )
    """The algorithm of the declared checksums, for the file and for its parts."""
    checksum_sha256 = models.CharField(max_length=44, blank=True)
    checksum_crc64nvme = models.CharField(
        max_length=12, blank=True, default="", db_default=""
    )
    object_checksum = models.CharField(max_length=64, blank=True)
    """The checksum of the stored object. Its algorithm is ``checksum_algorithm``."""
    checksum_verified_by = models.CharField(
        max_length=8, choices=VerifiedBy, blank=True, default="", db_default=""
    )
    """Names who compared the stored bytes with the checksum; empty if nobody did."""
    verified_parts = models.PositiveSmallIntegerField(default=0, db_default=0)
    """Number of parts, from part 1 on, that the site has read back and compared."""

    class Meta:
        abstract = True
