"""Rate limits for many requests of one account or of one network address."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import OperationalError, connection

from tests.attacks.people import (
    HELLO,
    OTHER,
    Person,
    Started,
    assert_problem,
    declaration,
)
from tests.bucket.stores import sha256
from uploads.access import rates
from uploads.access.rates import payers
from uploads.access.tokens import create_token
from uploads.api.site import api
from uploads.lifecycle import quota
from uploads.models import AuditEvent, Rate, Upload
from uploads.s3.bucket import Bucket

if TYPE_CHECKING:
    from pytest_django import Settings

NOON = datetime(2031, 5, 5, 12, tzinfo=UTC)
ACTIONS = ("start", "presign", "complete", "change", "download", "report")
PARTS = {"parts": [{"part_number": 1, "checksum_sha256": sha256(HELLO)}]}
SOME_ID = str(uuid.UUID(int=7))
UNLIMITED = {"/uploads", "/uploads/{upload_id}", "/me"}
"""Operations without a rate limit, because they read only a few rows of the person."""


def operations() -> list[tuple[str, str]]:
    """Return every method and path of the API, read from the API's OpenAPI document."""
    paths = api.get_openapi_schema()["paths"]
    return [
        (method.upper(), path.removeprefix("/api/v1"))
        for path, verbs in paths.items()
        for method in verbs
        if method in {"get", "post", "put", "patch", "delete"}
    ]


def body_for(method: str, path: str) -> Any:
    if method in {"GET", "DELETE"} or path.endswith(("/complete", "/request-release")):
        return None
    return {
        "/uploads": declaration(HELLO),
        "/uploads/batch": {"uploads": [declaration(HELLO)]},
        "/uploads/complete-batch": {"ids": [SOME_ID]},
        "/uploads/{upload_id}/parts": PARTS,
        "/uploads/{upload_id}": {"filename": "new.txt"},
        "/storage-faults": {"seen": ["policy"]},
    }[path]


LOOPS: dict[str, tuple[str, str, str, Any]] = {
    "start": ("START", "POST", "/uploads", declaration(HELLO)),
    "start a batch": (
        *("START", "POST", "/uploads/batch"),
        {"uploads": [declaration(HELLO)]},
    ),
    "presign": ("PRESIGN", "POST", "/uploads/{id}/parts", PARTS),
    "list parts": ("PRESIGN", "GET", "/uploads/{id}/parts", None),
    "complete": ("COMPLETE", "POST", "/uploads/{id}/complete", None),
    "complete a batch": (
        *("COMPLETE", "POST", "/uploads/complete-batch"),
        {"ids": [SOME_ID]},
    ),
    "rename": ("CHANGE", "PATCH", "/uploads/{id}", {"filename": "new.txt"}),
    "delete": ("CHANGE", "DELETE", "/uploads/{id}", None),
    "download": ("DOWNLOAD", "GET", "/uploads/{id}/download", None),
    "report": ("REPORT", "POST", "/storage-faults", {"seen": ["policy"]}),
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())
@pytest.mark.parametrize("per", ["", "_PER_ADDRESS"], ids=["user", "address"])
def test_repeated_requests_are_answered_429_with_retry_after(
    alice: Person, settings: Settings, loop: tuple[str, str, str, Any], per: str
) -> None:
    # Without a limit, each of these requests would add a row or cause requests to S3.
    name, method, path, body = loop
    if "{id}" in path:
        path = path.replace("{id}", alice.upload().id)
    count = 100 if name == "PRESIGN" else 3
    settings.UPLOADS = settings.UPLOADS | {f"RATE_{name}{per}": f"{count}/hour"}
    spent_before = count - 3
    Rate.objects.all().delete()
    with time_machine.travel(datetime.now(UTC), tick=False):
        if spent_before:
            user_payers = payers(alice.user, "127.0.0.1")
            rates.spend("presign", *user_payers, cost=spent_before)

        answers = [alice.call(method, path, body) for _ in range(5)]

    assert 429 not in {answer.status_code for answer in answers[:3]}
    for answer in answers[3:]:
        received = assert_problem(answer, 429, "rate_limited")
        assert answer["Retry-After"] == str(3600 // count)
        assert received["retry_after"] == 3600 // count
        assert f"the limit is {count} in one hour" in received["detail"]


def test_all_requests_of_the_api_have_a_rate_limit(
    alice: Person, settings: Settings, subtests: pytest.Subtests
) -> None:
    # This test reads the API's document, so it also fails for a new endpoint without a
    # limit.
    limits = {f"RATE_{action.upper()}": "100/day" for action in ACTIONS}
    started = alice.upload()
    settings.UPLOADS = settings.UPLOADS | limits
    Rate.objects.all().delete()
    for action in ACTIONS:
        rates.spend(action, payers(alice.user, "")[0], cost=100)  # type: ignore[arg-type]
    before = (list(Upload.objects.values()), AuditEvent.objects.count())

    for method, path in operations():
        url, body = path.replace("{upload_id}", started.id), body_for(method, path)
        with subtests.test(method=method, path=path):
            with mock.patch("uploads.s3.bucket.get_bucket", side_effect=AssertionError):
                answer = alice.call(method, url, body)
            if method == "GET" and path in UNLIMITED:
                assert answer.status_code == 200
            else:
                assert_problem(answer, 429, "rate_limited")
            now = (list(Upload.objects.values()), AuditEvent.objects.count())
            assert now == before


def test_operations_cover_the_document_of_the_api() -> None:
    assert len(operations()) == 14


def test_batch_of_10_000_is_refused_before_parsing(alice: Person) -> None:
    many = {"uploads": [declaration(HELLO)] * 10_000}
    parts = {"parts": PARTS["parts"] * 10_000}
    ids = {"ids": [SOME_ID] * 10_000}
    started = alice.start_parts(len(HELLO))

    # The site refuses bodies over 1 MiB. The body with the ids is smaller, so the site
    # must refuse it by the number of its ids.
    assert_problem(alice.call("POST", "/uploads/batch", many), 413, "request_too_large")
    answer = alice.call("POST", f"/uploads/{started.id}/parts", parts)
    assert answer.status_code in {413, 422}
    refused = alice.call("POST", "/uploads/complete-batch", ids)
    assert_problem(refused, 422, "invalid_request")
    assert Upload.objects.count() == 1


@time_machine.travel(NOON, tick=False)
def test_each_item_of_a_batch_counts_for_the_rate_limit(
    settings: Settings, alice: Person
) -> None:
    # If a batch of 100 counted as one request, the limit would be 100 times higher.
    settings.UPLOADS = settings.UPLOADS | {"RATE_START": "150/hour"}
    alice.browser.force_login(alice.user)  # type: ignore[arg-type]
    batch = {"uploads": [declaration(HELLO, filename=f"{n}.txt") for n in range(100)]}

    assert alice.call("POST", "/uploads/batch", batch).status_code == 200
    refused = alice.call("POST", "/uploads/batch", batch)

    assert_problem(refused, 429, "rate_limited")
    assert refused["Retry-After"] == str(50 * 24)
    assert Upload.objects.count() == 100
    Upload.objects.all().update(expires_at=datetime.now(UTC))


def test_batch_larger_than_the_rate_limit_is_refused_with_a_hint(
    settings: Settings, alice: Person
) -> None:
    # The answer must not ask the client to wait, because the site would also refuse
    # this batch later.
    settings.UPLOADS = settings.UPLOADS | {"RATE_START": "10/hour"}
    batch = {"uploads": [declaration(HELLO)] * 11}

    received = assert_problem(
        alice.call("POST", "/uploads/batch", batch), 422, "invalid_request"
    )

    assert received["detail"] == (
        "This request contains 11 items, but the limit is 10 in one hour. Send fewer items."
    )
    assert not Upload.objects.exists()


@pytest.mark.parametrize("count", [0, 1])
def test_forged_forwarded_header_does_not_change_the_address(
    settings: Settings, alice: Person, bob: Person, count: int
) -> None:
    # Otherwise a client could avoid the limit with a new address in each request.
    settings.UPLOADS = settings.UPLOADS | {"RATE_START_PER_ADDRESS": "4/hour"}
    settings.TRUSTED_PROXY_COUNT = count

    answers = [
        person.call(
            "POST",
            "/uploads",
            declaration(HELLO),
            X_Forwarded_For=f"6.6.6.{n}" + ", 203.0.113.7" * count,
        ).status_code
        for n in range(4)
        for person in (alice, bob)
    ]

    assert answers == [201] * 4 + [429] * 4


def test_clients_of_one_proxy_have_separate_rate_limits(
    settings: Settings, alice: Person, bob: Person
) -> None:
    # Otherwise one client's loop would block all clients of the proxy.
    settings.UPLOADS = settings.UPLOADS | {"RATE_START_PER_ADDRESS": "2/hour"}
    settings.TRUSTED_PROXY_COUNT = 1

    def starts(person: Person, address: str) -> list[int]:
        body = declaration(HELLO)
        headers = {"X_Forwarded_For": address}
        return [
            person.call("POST", "/uploads", body, **headers).status_code
            for _ in range(3)
        ]

    assert starts(alice, "203.0.113.7") == [201, 201, 429]
    assert starts(bob, "203.0.113.8") == [201, 201, 429]


def test_new_token_does_not_reset_the_rate_limit(
    settings: Settings, alice: Person
) -> None:
    settings.UPLOADS = settings.UPLOADS | {"RATE_START": "3/hour"}
    assert alice.user is not None

    answers = [alice.call("POST", "/uploads", declaration(HELLO)).status_code]
    for number in range(4):
        _, secret = create_token(alice.user, name=str(number))
        headers = {"Authorization": f"Bearer {secret}"}
        program = Person(None)
        answer = program.call("POST", "/uploads", declaration(HELLO), **headers)
        answers.append(answer.status_code)

    assert answers == [201, 201, 201, 429, 429]


def test_requests_for_unknown_uploads_count_for_the_rate_limit(
    settings: Settings, alice: Person
) -> None:
    # An attacker could guess ids in a loop.
    settings.UPLOADS = settings.UPLOADS | {"RATE_DOWNLOAD": "3/hour"}

    answers = [
        alice.call("GET", f"/uploads/{uuid.uuid4()}/download").status_code
        for _ in range(5)
    ]

    assert answers == [404, 404, 404, 429, 429]


def test_unreadable_rate_counter_refuses_requests(alice: Person) -> None:
    # Otherwise an attacker who causes database errors would have no limit.
    def fail(run: Any, sql: str, *arguments: Any) -> Any:
        if "uploads_rate" in sql:
            raise OperationalError
        return run(sql, *arguments)

    with connection.execute_wrapper(fail):
        answer = alice.call("POST", "/uploads", declaration(HELLO))

    assert_problem(answer, 503, "database_unavailable")
    assert not Upload.objects.exists()


def test_number_of_unfinished_uploads_is_limited(
    settings: Settings, alice: Person
) -> None:
    # A thousand starts of tiny files would need little quota and leave a thousand rows.
    settings.UPLOADS = settings.UPLOADS | {"MAX_OPEN": 3}
    assert alice.user is not None
    first = alice.start()
    alice.start_parts(len(HELLO))
    alice.start(OTHER)

    received = assert_problem(
        alice.call("POST", "/uploads", declaration(HELLO)), 403, "quota_exceeded"
    )
    assert received["detail"] == (
        "You have 3 unfinished uploads; the limit is 3. Finish or cancel some, "
        "then try again."
    )
    batch = {"uploads": [declaration(HELLO)] * 2}
    results = alice.call("POST", "/uploads/batch", batch).json()["results"]
    assert [result["status"] for result in results] == [403, 403]

    alice.call("DELETE", f"/uploads/{first.id}")
    finished = alice.upload()
    alice.start()
    assert quota.usage(alice.user).reserved_files == 3
    assert finished.row.state == "ready"


def test_rate_limited_start_reserves_no_quota_and_does_not_call_s3(
    settings: Settings, alice: Person, seaweed_bucket: Bucket
) -> None:
    settings.UPLOADS = settings.UPLOADS | {"RATE_START": "1/day"}
    assert alice.user is not None
    started = alice.start_parts(len(HELLO))

    with mock.patch.object(
        Bucket, "create_multipart_upload", side_effect=AssertionError
    ):
        body = declaration(b"", byte_size=7, transport="multipart")
        assert_problem(alice.call("POST", "/uploads", body), 429, "rate_limited")

    assert quota.usage(alice.user).reserved_bytes == len(HELLO)
    assert [str(pk) for pk in Upload.objects.values_list("pk", flat=True)] == [
        started.id
    ]


@pytest.mark.parametrize("path", ["rename", "delete"])
def test_requests_for_pages_count_for_the_same_rate_limits(
    settings: Settings, alice: Person, path: str
) -> None:
    # The pages for browsers without scripts perform the same actions as the API.
    started: Started = alice.upload()
    settings.UPLOADS = settings.UPLOADS | {"RATE_CHANGE": "1/day"}
    page = f"/uploads/{started.id}/{path}/"
    alice.call("PATCH", f"/uploads/{started.id}", {"filename": "new.txt"})

    answer = alice.browser.post(page, {"filename": "newer.txt"})

    assert answer.status_code == 429
    assert re.search(r"Try again in \d+ (hours|minutes)", answer.content.decode())
    assert answer["Retry-After"].isdigit()
    assert (started.row.filename, started.row.state) == ("new.txt", "ready")


def test_requests_of_a_disabled_account_do_not_count_for_its_address(
    settings: Settings, alice: Person, bob: Person
) -> None:
    # Otherwise a disabled account could block other people at the same address.
    settings.UPLOADS = settings.UPLOADS | {"RATE_START_PER_ADDRESS": "2/hour"}
    User.objects.filter(pk=bob.user.pk).update(is_active=False)  # type: ignore[union-attr]

    for _ in range(5):
        refused = bob.call("POST", "/uploads", declaration(HELLO))
        assert_problem(refused, 401, "not_authenticated")

    assert alice.call("POST", "/uploads", declaration(HELLO)).status_code == 201


def test_request_succeeds_after_the_time_in_retry_after(
    settings: Settings, alice: Person
) -> None:
    settings.UPLOADS = settings.UPLOADS | {"RATE_DOWNLOAD": "2/minute"}
    started = alice.upload()
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        for _ in range(2):
            alice.download(started)
        refused = alice.call("GET", f"/uploads/{started.id}/download")
        clock.shift(timedelta(seconds=int(refused["Retry-After"])))

        assert alice.call("GET", f"/uploads/{started.id}/download").status_code == 302
