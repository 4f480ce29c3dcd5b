"""Multipart uploads to a storage that lists no checksums of parts (SeaweedFS)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.support.builders import MIB, checksum, declare
from uploads import lifecycle
from uploads.doctor.memory import remember_promises
from uploads.doctor.results import ok, warn
from uploads.lifecycle import WantedPart
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.s3.probe import perform
from uploads.states import State, Transport

BODIES = [b"a" * 5 * MIB, b"b" * MIB]
PROMISE = "contract.multipart.other_bytes"


@pytest.fixture
def owner(db: None) -> Any:
    return User.objects.create_user("alice")


def send_all(owner: Any) -> Upload:
    upload = lifecycle.start(
        owner=owner,
        declaration=declare(
            b"",
            byte_size=sum(map(len, BODIES)),
            checksum_sha256="",
            transport=Transport.MULTIPART,
            part_size=5 * MIB,
        ),
    )
    wanted = [WantedPart(n, checksum(body)) for n, body in enumerate(BODIES, start=1)]
    for request, body in zip(
        lifecycle.presign_parts(upload, wanted), BODIES, strict=True
    ):
        assert perform(request, body).status == 200
    return upload


def test_storages_checksum_is_used_when_the_doctor_saw_it_compare_parts(
    owner: Any, seaweed_bucket: Bucket
) -> None:
    remember_promises([ok(PROMISE, PROMISE)])
    upload = send_all(owner)
    listed = seaweed_bucket.list_parts(upload.key, upload.multipart_id)
    assert [part.checksum_sha256 for part in listed] == [None, None]

    lifecycle.advance(upload)

    assert (upload.state, upload.checksum_verified_by) == (State.READY, "storage")
    assert upload.object_checksum.endswith("-2")


def test_object_is_read_back_when_the_doctor_saw_no_comparison_of_parts(
    owner: Any, seaweed_bucket: Bucket
) -> None:
    remember_promises([warn(PROMISE, PROMISE, "no", "", "")])
    upload = send_all(owner)

    lifecycle.advance(upload)

    assert (upload.state, upload.checksum_verified_by) == (State.READY, "readback")
    facts = seaweed_bucket.head_object(upload.key)
    assert facts is not None
    assert facts.checksum_sha256 is None


def test_upload_started_before_the_doctor_ran_is_read_back(
    owner: Any, seaweed_bucket: Bucket
) -> None:
    upload = send_all(owner)
    remember_promises([ok(PROMISE, PROMISE)])

    lifecycle.advance(upload)

    assert (upload.state, upload.checksum_verified_by) == (State.READY, "readback")


def test_upload_whose_part_differs_from_its_declared_checksum_is_rejected(
    owner: Any, seaweed_bucket: Bucket
) -> None:
    remember_promises([ok(PROMISE, PROMISE)])
    upload = send_all(owner)
    lifecycle.presign_parts(upload, [WantedPart(2, checksum(b"other"))])

    lifecycle.advance(upload)

    assert (upload.state, upload.rejected_cause) == (State.REJECTED, "checksum_differs")
    assert seaweed_bucket.head_object(upload.key) is None
