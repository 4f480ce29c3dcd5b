"""With UPLOADS_CHECKSUM=crc64nvme, uploads may declare a CRC64NVME."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured

from tests.support.builders import MIB, begin, declare, event_kinds, send_bare_parts
from uploads import lifecycle
from uploads.conf import options
from uploads.doctor.memory import remember_promises
from uploads.doctor.results import Finding, note, ok
from uploads.errors import ChecksumRefused, InvalidRequest, StaleUpload
from uploads.lifecycle import WantedPart
from uploads.lifecycle.checksums import NOT_SET, NOT_VERIFIED, offered
from uploads.lifecycle.part_checksums import announced
from uploads.models import PartChecksums, Upload
from uploads.s3.bucket import Bucket
from uploads.s3.checksums import CRC64NVME, SHA256
from uploads.s3.signed import SignedRequest
from uploads.states import State, Transport

PARTS = [b"a" * 5 * MIB, b"b" * 5 * MIB, b"c" * MIB]
WHOLE = b"".join(PARTS)
QUESTIONS = ("right", "other_bytes", "other_part", "joined", "other_joined")


@pytest.fixture
def alice(db: None) -> Any:
    return User.objects.create_user("alice")


@pytest.fixture
def crc(settings: Any) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": "crc64nvme"}


def findings_with(*broken: str) -> list[Finding]:
    names = [f"contract.crc64nvme.{name}" for name in QUESTIONS]
    return [
        note(name, name, "no", "")
        if name.endswith(broken or ("-",))
        else ok(name, name)
        for name in names
    ]


def crc_fields(content: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "checksum_sha256": "",
        "checksum_crc64nvme": CRC64NVME.base64(content),
        **changes,
    }


def put(bucket: Bucket, upload: Upload, content: bytes) -> None:
    bucket.client.put_object(
        Bucket=bucket.name,
        Key=upload.key,
        Body=content,
        ContentType=upload.content_type,
        ContentDisposition="attachment",
    )


def report_crc(monkeypatch: pytest.MonkeyPatch, checksum: str) -> None:
    """Make the storage report a CRC64NVME, because moto reports none."""
    head = Bucket.head_object

    def head_with_crc(bucket: Bucket, key: str) -> Any:
        facts = head(bucket, key)
        return facts and replace(facts, checksum_crc64nvme=checksum)

    monkeypatch.setattr(Bucket, "head_object", head_with_crc)


@pytest.mark.usefixtures("crc")
def test_put_signs_the_declared_crc(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"x", **crc_fields(b"x")))

    request = lifecycle.presign(upload)

    assert isinstance(request, SignedRequest)
    assert request.headers["x-amz-checksum-crc64nvme"] == CRC64NVME.base64(b"x")
    assert "x-amz-checksum-sha256" not in request.headers
    assert "x-amz-checksum-crc64nvme" in request.url
    assert (upload.checksum_algorithm, upload.checksum_sha256) == ("crc64nvme", "")


@pytest.mark.usefixtures("crc")
def test_crc_of_a_storage_that_compares_bytes_is_trusted(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_promises(findings_with())
    upload = begin(alice, b"hello", **crc_fields(b"hello"))
    put(bucket, upload, b"hello")
    report_crc(monkeypatch, CRC64NVME.base64(b"hello"))

    lifecycle.advance(upload)

    assert (upload.state, upload.checksum_verified_by) == (State.READY, "storage")
    assert upload.object_checksum == CRC64NVME.base64(b"hello")


@pytest.mark.usefixtures("crc")
def test_object_with_another_crc_is_rejected(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(alice, b"hello", **crc_fields(b"hello"))
    put(bucket, upload, b"jello")
    report_crc(monkeypatch, CRC64NVME.base64(b"jello"))

    lifecycle.advance(upload)

    assert (upload.state, upload.rejected_cause) == (State.REJECTED, "checksum_differs")
    assert "CRC64NVME" in upload.rejected_reason


@pytest.mark.usefixtures("crc")
@pytest.mark.parametrize(
    ("stored", "state"), [(b"hello", "ready"), (b"jello", "rejected")]
)
def test_object_is_read_back_if_the_storage_reports_no_crc(
    alice: Any, bucket: Bucket, stored: bytes, state: str
) -> None:
    upload = begin(alice, b"hello", **crc_fields(b"hello"))
    put(bucket, upload, stored)

    lifecycle.advance(upload)

    assert upload.state == state
    if state == "ready":
        assert upload.checksum_verified_by == "readback"


@pytest.mark.usefixtures("crc")
def test_sha256_is_accepted_on_a_site_with_crc64nvme(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice, b"hello")
    both = begin(alice, b"both", checksum_crc64nvme=CRC64NVME.base64(b"both"))

    assert (upload.checksum_algorithm, upload.checksum_crc64nvme) == ("sha256", "")
    assert (both.checksum_algorithm, both.checksum_crc64nvme) == ("sha256", "")


@pytest.mark.parametrize("transport", [Transport.PUT, Transport.MULTIPART, None])
def test_site_with_sha256_refuses_a_declaration_with_only_a_crc(
    alice: Any, bucket: Bucket, transport: Transport | None
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        begin(alice, b"hello", **crc_fields(b"hello", transport=transport))

    assert refused.value.fields == {"checksum_crc64nvme": [NOT_SET]}
    assert "UPLOADS_CHECKSUM" in NOT_SET
    assert not Upload.objects.exists()


@pytest.mark.usefixtures("crc")
@pytest.mark.parametrize("question", QUESTIONS)
def test_crc_is_refused_if_the_doctor_has_not_seen_the_bucket_compare_bytes(
    alice: Any, bucket: Bucket, question: str
) -> None:
    remember_promises(findings_with(f".{question}"))

    with pytest.raises(InvalidRequest) as refused:
        begin(alice, b"hello", **crc_fields(b"hello"))

    assert refused.value.fields == {"checksum_crc64nvme": [NOT_VERIFIED]}
    assert offered() is SHA256
    assert begin_parts(alice).checksum_algorithm == "sha256"


@pytest.mark.usefixtures("crc")
def test_form_requires_sha256(alice: Any, bucket: Bucket) -> None:
    with pytest.raises(InvalidRequest) as refused:
        begin(alice, b"hello", **crc_fields(b"hello", transport=Transport.POST))

    assert "checksum_crc64nvme" in refused.value.fields
    assert begin(alice, b"hello", transport=Transport.POST).checksum_sha256


@pytest.mark.usefixtures("crc")
@pytest.mark.parametrize(
    ("transport", "field"),
    [(Transport.PUT, "checksum_crc64nvme"), (Transport.POST, "checksum_sha256")],
)
def test_refusal_without_a_checksum_names_the_field(
    alice: Any, bucket: Bucket, transport: Transport, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        begin(alice, b"hello", checksum_sha256="", transport=transport)

    assert set(refused.value.fields) == {field}


@pytest.mark.usefixtures("crc")
def test_idempotency_key_with_another_crc_is_refused(
    alice: Any, bucket: Bucket
) -> None:
    def start(content: bytes) -> Upload:
        declaration = declare(content, **crc_fields(content))
        return lifecycle.start(
            owner=alice, declaration=declaration, idempotency_key="k"
        )

    assert start(b"hello").pk == start(b"hello").pk
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        start(b"jello")


@pytest.mark.parametrize("value", ["", "md5", "SHA256", "crc64"])
def test_unknown_algorithm_in_the_settings_is_refused(
    settings: Any, value: str
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": value}

    with pytest.raises(ImproperlyConfigured, match="UPLOADS_CHECKSUM"):
        options()


# Multipart uploads


def begin_parts(owner: Any, **changes: Any) -> Upload:
    return lifecycle.start(
        owner=owner,
        declaration=declare(
            WHOLE,
            **{
                "checksum_sha256": "",
                "transport": Transport.MULTIPART,
                "part_size": 5 * MIB,
                **changes,
            },
        ),
    )


def wanted(checksums: Any = CRC64NVME) -> list[WantedPart]:
    return [
        WantedPart(number, **{checksums.attribute: checksums.base64(body)})
        for number, body in enumerate(PARTS, 1)
    ]


@pytest.fixture
def multipart_calls(monkeypatch: pytest.MonkeyPatch, bucket: Bucket) -> dict[str, Any]:
    """Collect the site's calls to open and join multipart uploads.

    Do not pass the algorithm and the checksum on to moto, which lacks CRC64NVME.
    """
    found: dict[str, Any] = {"opened": []}
    joins = Bucket.complete_multipart_upload
    opens = Bucket.create_multipart_upload

    def open_(self: Bucket, key: str, *, checksums: Any, **named: Any) -> str:
        found["opened"].append(checksums.name)
        return opens(self, key, **named)

    def join(self: Bucket, *args: Any, checksum_crc64nvme: str, **named: Any) -> None:
        found["joined"] = checksum_crc64nvme
        if found.get("refuses"):
            raise ChecksumRefused
        joins(self, *args, **named)

    monkeypatch.setattr(Bucket, "create_multipart_upload", open_)
    monkeypatch.setattr(Bucket, "complete_multipart_upload", join)
    return found


@pytest.mark.usefixtures("crc")
def test_parts_are_joined_with_their_combined_crc(
    alice: Any,
    bucket: Bucket,
    multipart_calls: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remember_promises(findings_with())
    upload = begin_parts(alice)
    signed = lifecycle.presign_parts(upload, wanted())
    send_bare_parts(bucket, upload, dict(enumerate(PARTS, 1)))
    report_crc(monkeypatch, CRC64NVME.base64(WHOLE))

    lifecycle.advance(upload)

    assert multipart_calls["opened"] == ["CRC64NVME"]
    assert set(signed[0].headers) == {"x-amz-checksum-crc64nvme"}
    assert multipart_calls["joined"] == CRC64NVME.base64(WHOLE)
    assert (upload.state, upload.checksum_verified_by) == (State.READY, "storage")
    assert upload.checksum_crc64nvme == CRC64NVME.base64(WHOLE)


@pytest.mark.usefixtures("crc", "multipart_calls")
@pytest.mark.parametrize("is_swapped", [False, True])
def test_parts_are_read_back_if_the_storage_has_not_verified_their_crc(
    alice: Any, bucket: Bucket, is_swapped: bool
) -> None:
    upload = begin_parts(alice)
    lifecycle.presign_parts(upload, wanted())
    bodies = [PARTS[0], b"B" * 5 * MIB if is_swapped else PARTS[1], PARTS[2]]
    send_bare_parts(bucket, upload, dict(enumerate(bodies, 1)))

    lifecycle.advance(upload)

    if is_swapped:
        assert upload.state == State.REJECTED
        assert upload.rejected_cause == "checksum_differs"
    else:
        assert (upload.state, upload.checksum_verified_by) == (State.READY, "readback")
        assert upload.object_checksum == CRC64NVME.base64(WHOLE)


@pytest.mark.usefixtures("crc")
def test_upload_ends_if_s3_refuses_to_join_parts_by_their_crc(
    alice: Any, bucket: Bucket, multipart_calls: dict[str, Any]
) -> None:
    upload = begin_parts(alice)
    lifecycle.presign_parts(upload, wanted())
    send_bare_parts(bucket, upload, dict(enumerate(PARTS, 1)))
    multipart_calls["refuses"] = True

    lifecycle.advance(upload)

    assert (upload.state, upload.rejected_cause) == (State.REJECTED, "checksum_differs")
    assert event_kinds(upload)[:2] == ["upload.started", "upload.rejected"]
    assert list(bucket.list_multipart_uploads("")) == []


@pytest.mark.usefixtures("crc", "multipart_calls")
def test_declared_crc_of_the_whole_file_is_compared(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin_parts(alice, checksum_crc64nvme=CRC64NVME.base64(b"other"))
    lifecycle.presign_parts(upload, wanted())
    send_bare_parts(bucket, upload, dict(enumerate(PARTS, 1)))
    report_crc(monkeypatch, CRC64NVME.base64(WHOLE))

    lifecycle.advance(upload)

    assert (upload.state, upload.rejected_cause) == (State.REJECTED, "checksum_differs")


@pytest.mark.usefixtures("crc")
def test_first_parts_with_sha256_change_the_algorithm_of_the_upload(
    alice: Any, bucket: Bucket, multipart_calls: dict[str, Any]
) -> None:
    upload = begin_parts(alice)
    before = upload.multipart_id

    signed = lifecycle.presign_parts(upload, wanted(SHA256))

    assert multipart_calls["opened"] == ["CRC64NVME", "SHA256"]
    assert set(signed[0].headers) == {"x-amz-checksum-sha256"}
    upload.refresh_from_db()
    assert upload.checksum_algorithm == "sha256"
    [left] = bucket.list_multipart_uploads("")
    assert left.multipart_id == upload.multipart_id != before
    assert announced(upload) == [SHA256.raw(body) for body in PARTS]


@pytest.mark.usefixtures("crc", "multipart_calls")
def test_algorithm_cannot_change_after_a_part_was_declared(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_parts(alice)
    lifecycle.presign_parts(upload, wanted()[:1])

    with pytest.raises(InvalidRequest) as refused:
        lifecycle.presign_parts(upload, wanted(SHA256))

    assert "checksum_crc64nvme" in refused.value.fields["parts"][0]
    assert len(PartChecksums.objects.get().digests) == 3 * 8


@pytest.mark.usefixtures("crc", "multipart_calls")
def test_concurrent_request_notices_a_changed_algorithm(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_parts(alice)
    Upload.objects.update(multipart_id="of another request")

    with pytest.raises(StaleUpload):
        lifecycle.presign_parts(upload, wanted(SHA256))


@pytest.mark.usefixtures("multipart_calls")
def test_site_with_sha256_refuses_parts_with_a_crc(alice: Any, bucket: Bucket) -> None:
    upload = begin_parts(alice)

    with pytest.raises(InvalidRequest) as refused:
        lifecycle.presign_parts(upload, wanted())

    assert refused.value.fields == {"checksum_crc64nvme": [NOT_SET]}
    lifecycle.presign_parts(upload, wanted(SHA256))


@pytest.mark.usefixtures("multipart_calls")
def test_upload_keeps_its_algorithm_after_the_setting_has_changed(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": "crc64nvme"}
    upload = begin_parts(alice)
    lifecycle.presign_parts(upload, wanted()[:1])
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": "sha256"}

    lifecycle.presign_parts(upload, wanted()[1:])
    send_bare_parts(bucket, upload, dict(enumerate(PARTS, 1)))

    assert lifecycle.advance(upload).state == State.READY


@pytest.mark.usefixtures("crc")
@pytest.mark.parametrize("value", ["", "?", SHA256.base64(b"x"), "AAAAAAAAAA=="])
def test_checksum_of_a_part_must_be_a_crc(
    alice: Any, bucket: Bucket, value: str
) -> None:
    upload = begin_parts(alice)

    with pytest.raises(InvalidRequest):
        lifecycle.presign_parts(upload, [WantedPart(1, checksum_crc64nvme=value)])


@pytest.mark.usefixtures("crc")
def test_multipart_upload_is_aborted_if_the_algorithm_changed_meanwhile(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    create = Bucket.create_multipart_upload

    def slow(self: Bucket, key: str, **named: Any) -> str:
        opened.append(named["checksums"])
        first = create(self, key, **named)
        if len(opened) == 1:
            # While this call waits for S3, another request announces SHA-256.
            Upload.objects.filter(key=key).update(checksum_algorithm="sha256")
        return first

    monkeypatch.setattr(Bucket, "create_multipart_upload", slow)
    upload = begin(alice, WHOLE, transport=Transport.MULTIPART, checksum_sha256="")

    assert opened == [CRC64NVME]
    assert upload.multipart_id == ""
    assert list(bucket.list_multipart_uploads("")) == []
