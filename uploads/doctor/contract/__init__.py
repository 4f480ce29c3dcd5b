"""Tests on this bucket whether the storage keeps the promises that the site relies on.

A promise is a behaviour of the storage. For example, S3 refuses an upload that differs
from its signed URL.
"""

from __future__ import annotations

from collections.abc import Iterator

from uploads.doctor.contract.crc64nvme import ask_crc64nvme
from uploads.doctor.contract.forms import ask_forms
from uploads.doctor.contract.multipart import ask_multipart
from uploads.doctor.contract.putting import ask_put
from uploads.doctor.contract.reading import ask_reading
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, Status, fail, group
from uploads.errors import StorageError
from uploads.s3.configuration import ConfigurationError
from uploads.s3.wire import NoAnswer

_PARTS = (
    ("contract.put", "One PUT", ask_put),
    ("contract.multipart", "Multipart uploads", ask_multipart),
    ("contract.crc64nvme", "CRC64NVME", ask_crc64nvme),
    ("contract.post", "Forms", ask_forms),
    ("contract.read", "Reading, copying, deleting", ask_reading),
)


def ask_contract(examination: Examination) -> Iterator[Finding]:
    """Test all promises, and yield a finding for each group of them.

    Stops if even a correct PUT fails, because all later tests would fail, too.
    """
    for name, title, ask in _PARTS:
        found: list[Finding] = []
        try:
            found.extend(ask(examination))
        except (NoAnswer, StorageError, ConfigurationError) as error:
            found.append(
                fail(
                    f"{name}.answers",
                    title,
                    str(error),
                    "Uploads fail at this step.",
                    "Check the log of S3 and the log of the proxy in front of S3.",
                )
            )
        yield group(name, title, found)
        if any(_is_fatal(finding) for finding in found):
            return


def _is_fatal(finding: Finding) -> bool:
    """Return whether a finding says that a correct PUT fails."""
    is_about_storing = finding.name.startswith(
        ("contract.put.right", "contract.put.answers")
    )
    return is_about_storing and finding.status == Status.FAIL
