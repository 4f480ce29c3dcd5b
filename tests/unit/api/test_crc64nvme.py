"""The API accepts and returns the field checksum_crc64nvme."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.support.api_calls import CHECKSUM, HELLO, MIB, Call, assert_problem, caller
from uploads.s3.bucket import Bucket
from uploads.s3.checksums import CRC64NVME

pytestmark = pytest.mark.django_db

CRC = CRC64NVME.base64(b"hello")
IN_CRC = {**HELLO, "checksum_sha256": None, "checksum_crc64nvme": CRC}
MALFORMED = ["", "?", CRC[:-1], f"{CRC}=", f"{CRC[:-2]}h=", CHECKSUM, CRC[:8], 7]


@pytest.fixture
def call(django_user_model: Any, bucket: Bucket, settings: Any) -> Call:
    """Return a function that calls the API of a site with CRC64NVME."""
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": "crc64nvme"}
    client = Client()
    client.force_login(django_user_model.objects.create_user("alice"))
    return caller(client)


def test_small_file_is_declared_by_its_crc(call: Call) -> None:
    started = call("POST", "/uploads", IN_CRC).json()

    assert (started["checksum_crc64nvme"], started["checksum_sha256"]) == (CRC, None)
    assert started["checksum_algorithm"] == "crc64nvme"
    assert started["request"]["headers"]["x-amz-checksum-crc64nvme"] == CRC
    assert "x-amz-checksum-sha256" not in started["request"]["headers"]


def test_batch_accepts_files_with_different_checksum_algorithms(call: Call) -> None:
    body = {"uploads": [IN_CRC, HELLO]}

    results = call("POST", "/uploads/batch", body).json()["results"]

    assert [result["upload"]["checksum_algorithm"] for result in results] == [
        *("crc64nvme", "sha256"),
    ]
    headers = [result["upload"]["request"]["headers"] for result in results]
    assert headers[0]["x-amz-checksum-crc64nvme"] == CRC
    assert headers[1]["x-amz-checksum-sha256"] == CHECKSUM
    assert headers[0].keys() & headers[1].keys() == {
        *("Content-Type", "Content-Disposition", "If-None-Match"),
    }


@pytest.mark.parametrize("value", MALFORMED)
def test_malformed_crc_is_refused(call: Call, value: Any) -> None:
    body = {**IN_CRC, "checksum_crc64nvme": value}

    problem = assert_problem(call("POST", "/uploads", body), 422, "invalid_request")

    assert "checksum_crc64nvme" in problem["errors"]


def test_request_for_parts_with_two_checksum_algorithms_is_refused(call: Call) -> None:
    body = {"filename": "f", "byte_size": 20 * MIB, "content_type": "text/plain"}
    upload = call("POST", "/uploads", body).json()
    mixed = [
        {"part_number": 1, "checksum_crc64nvme": CRC},
        {"part_number": 2, "checksum_sha256": CHECKSUM},
    ]

    problem = assert_problem(
        call("POST", f"/uploads/{upload['id']}/parts", {"parts": mixed}),
        422,
        "invalid_request",
    )

    assert upload["checksum_algorithm"] == "crc64nvme"
    assert list(problem["errors"]) == ["parts.1.checksum_crc64nvme"]
