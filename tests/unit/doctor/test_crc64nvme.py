"""The doctor tests CRC64NVME on a storage that accepts any bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from uploads.doctor.contract import crc64nvme, parts
from uploads.doctor.contract.crc64nvme import ask_crc64nvme
from uploads.doctor.examination import Examination
from uploads.doctor.memory import remember_promises
from uploads.doctor.results import Finding, Status
from uploads.lifecycle.checksums import offered
from uploads.s3.bucket import Bucket
from uploads.s3.checksums import CRC64NVME, SHA256
from uploads.s3.wire import Answer

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def accepts_any_bytes(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the storage answer 200 to every upload."""
    for module in (crc64nvme, parts):
        monkeypatch.setattr(module, "perform", lambda *_: Answer(200, (), b""))
    monkeypatch.setattr(crc64nvme, "_join", lambda *_: None)


def ask(settings: Settings, checksum: str) -> list[Finding]:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": checksum}
    return list(ask_crc64nvme(Examination()))


@pytest.mark.usefixtures("accepts_any_bytes")
def test_site_with_crc64nvme_is_told_to_use_sha256(
    settings: Settings,
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": "crc64nvme"}
    assert offered() is CRC64NVME

    findings = ask(settings, "crc64nvme")
    remember_promises(findings)

    assert {finding.status for finding in findings} == {Status.FAIL}
    assert all("UPLOADS_CHECKSUM=sha256" in finding.fix for finding in findings)
    assert offered() is SHA256


@pytest.mark.usefixtures("accepts_any_bytes")
def test_site_with_sha256_gets_notes_that_crc64nvme_is_not_possible(
    settings: Settings,
) -> None:
    findings = ask(settings, "sha256")

    assert [finding.name.rpartition(".")[2] for finding in findings] == [
        *("right", "other_bytes", "other_part", "other_joined", "joined"),
    ]
    assert {finding.status for finding in findings} == {Status.NOTE}
    assert all("crc64nvme is not possible" in f.consequence for f in findings)
