"""The site counts events. Users cannot choose the values of labels."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.builders import begin, declare, put
from uploads import lifecycle
from uploads.lifecycle.policy import policy_for
from uploads.lifecycle.presigning import WantedPart, presign_download, presign_parts
from uploads.metrics.instruments import REGISTRY
from uploads.s3.bucket import Bucket, get_bucket
from uploads.states import Transport

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1024 * 1024


class MetricChanges:
    """Returns the change of a metric since this object was created."""

    def __init__(self) -> None:
        self._before = self._values()

    def __call__(self, name: str, **labels: str) -> float:
        key = (name, *sorted(labels.items()))
        return self._values().get(key, 0) - self._before.get(key, 0)

    @staticmethod
    def _values() -> dict[Any, float]:
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in REGISTRY.collect()
            for sample in family.samples
        }


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("owner", password="demo")


def test_moves_of_an_upload_are_counted_when_they_are_committed(
    bucket: Bucket, owner: User
) -> None:
    change_of = MetricChanges()
    upload = begin(owner, b"hello")
    put(bucket, upload, b"hello")
    lifecycle.advance(upload, actor=owner)

    for state in ("pending", "inspecting", "ready"):
        labels = {"state": state, "transport": "put"}
        assert change_of("slipway_upload_moves_total", reason="", **labels) == 1, state
        assert change_of("slipway_upload_bytes_total", **labels) == 5, state


def test_refused_upload_is_counted_with_its_cause(bucket: Bucket, owner: User) -> None:
    change_of = MetricChanges()
    content = b"MZ" + b"\0" * 200
    upload = begin(owner, content, filename="cat.png", content_type="image/png")
    put(bucket, upload, content)
    lifecycle.advance(upload, actor=owner)

    upload.refresh_from_db()
    assert upload.rejected_cause
    labels = {"state": "rejected", "transport": "put", "reason": upload.rejected_cause}
    assert change_of("slipway_upload_moves_total", **labels) == 1


def test_presigned_urls_and_their_seconds_are_counted_by_kind(
    bucket: Bucket, owner: User
) -> None:
    change_of = MetricChanges()
    upload = begin(
        owner, b"x", byte_size=40 * MIB, transport="multipart", checksum_sha256=""
    )
    presign_parts(upload, [WantedPart(number, "A" * 43 + "=") for number in (1, 2)])
    whole = begin(owner, b"hello")
    put(bucket, whole, b"hello")
    lifecycle.advance(whole, actor=owner)
    whole.refresh_from_db()
    presign_download(whole)

    assert change_of("slipway_presigned_urls_total", kind="part") == 2
    assert change_of("slipway_presign_seconds_count", kind="part") == 1
    assert change_of("slipway_presigned_urls_total", kind="put") == 1
    assert change_of("slipway_presigned_urls_total", kind="download") == 1


def test_batch_of_starts_counts_each_upload_and_one_signing_per_transport(
    bucket: Bucket, owner: User
) -> None:
    change_of = MetricChanges()
    wanted = [
        lifecycle.Wanted(declare(b"x" * size, transport=transport))
        for size, transport in (
            (1, Transport.PUT),
            (2, Transport.POST),
            (3, Transport.POST),
        )
    ]

    lifecycle.start_many(owner=owner, wanted=wanted, policy=policy_for(owner))

    for transport, count, size in (("put", 1, 1), ("post", 2, 5)):
        labels = {"state": "pending", "transport": transport}
        assert change_of("slipway_upload_moves_total", reason="", **labels) == count
        assert change_of("slipway_upload_bytes_total", **labels) == size
        assert change_of("slipway_presigned_urls_total", kind=transport) == count
        assert change_of("slipway_presign_seconds_count", kind=transport) == 1


def test_calls_to_s3_are_counted_by_verb_and_result(bucket: Bucket) -> None:
    change_of = MetricChanges()
    measured = get_bucket()
    measured.head_object("uploads/absent")
    measured.check()

    calls = "slipway_s3_calls_total"
    assert change_of(calls, verb="HeadObject", result="not_found") == 1
    assert change_of(calls, verb="HeadBucket", result="ok") == 2
    assert change_of("slipway_s3_call_seconds_count", verb="HeadBucket") == 2


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/healthz", "healthz"),
        ("/uploads/6f1f9e70-1111-4222-8333-444455556666/", "upload"),
        ("/no/such/page/<script>", "none"),
        ("/api/v1/uploads/../../etc", "none"),
    ],
)
def test_requests_are_labelled_with_the_name_of_their_route(
    client: Client, path: str, route: str
) -> None:
    change_of = MetricChanges()
    answer = client.get(path)

    status = f"{answer.status_code // 100}xx"
    labels = {"route": route, "method": "GET", "status": status}
    assert change_of("slipway_requests_total", **labels) == 1
    assert change_of("slipway_request_seconds_count", route=route) == 1


def test_unknown_method_is_labelled_other(client: Client) -> None:
    change_of = MetricChanges()
    client.generic("X-EVIL-1", "/healthz")

    labels = {"route": "healthz", "method": "other", "status": "4xx"}
    assert change_of("slipway_requests_total", **labels) == 1


def test_no_label_contains_text_chosen_by_a_user(client: Client, owner: User) -> None:
    client.force_login(owner)
    client.get("/", {"q": "needle-of-a-user"})
    client.get("/needle-of-a-user")
    begin(owner, b"hello", filename="needle-of-a-user.txt")

    labels = {
        value
        for family in REGISTRY.collect()
        for sample in family.samples
        for value in sample.labels.values()
    }
    assert [value for value in labels if "needle" in value or "/" in value] == []
