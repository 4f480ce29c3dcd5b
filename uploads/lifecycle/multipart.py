"""Plans the parts of an upload, and creates its multipart upload at S3."""

from __future__ import annotations

from uploads.inspection.content_types import stored_type
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.checksums import checksums_of
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.s3.part_plan import PartPlan
from uploads.states import Transport


def plan_of(upload: Upload) -> PartPlan:
    """Return the plan by which the upload is split into parts."""
    return PartPlan(byte_size=upload.byte_size, part_size=upload.part_size)


def joins_by_checksums() -> bool:
    """Return whether the site sends the announced checksums when S3 joins the parts.

    If the site sends these checksums, S3 reports a checksum of the joined object. So
    the site need not read the object back. The site sends the checksums only if the
    doctor has seen that the storage compares parts with their checksums.
    """
    return capabilities().compares_bytes(Transport.MULTIPART)


def create_multipart(upload: Upload) -> str:
    """Create a multipart upload at S3, and return its id. Does not change the row.

    Raises StorageUnavailable.
    """
    return get_bucket().create_multipart_upload(
        upload.key,
        content_type=stored_type(upload.content_type),
        has_checksums=joins_by_checksums(),
        checksums=checksums_of(upload),
    )
