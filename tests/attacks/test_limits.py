"""Loops: one account, or one address, that asks as fast as it can."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import OperationalError

from tests.attacks.people import (
    HELLO,
    OTHER,
    Person,
    Started,
    assert_problem,
    declaration,
)
from tests.bucket.stores import sha256
from tests.support.stages import case
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
"""What may be read in a loop: a few rows of one's own."""


def operations() -> list[tuple[str, str]]:
    """Return every method and path of the API, as its own document lists them."""
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
def test_a_loop_ends_in_429_with_the_time_to_wait(
    alice: Person, settings: Settings, loop: tuple[str, str, str, Any], per: str
) -> None:
    # Each round adds a row, or asks S3 something: for ever, and for nothing.
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
        told = assert_problem(answer, 429, "rate_limited")
        assert answer["Retry-After"] == str(3600 // count)
        assert told["retry_after"] == 3600 // count
        assert f"the limit is {count} in one hour" in told["detail"]


def test_no_request_of_the_api_is_without_a_rate(
    alice: Person, settings: Settings
) -> None:
    # The endpoint that somebody adds later must not be the one without a limit.
    limits = {f"RATE_{action.upper()}": "100/day" for action in ACTIONS}
    started = alice.upload()
    settings.UPLOADS = settings.UPLOADS | limits
    Rate.objects.all().delete()
    for action in ACTIONS:
        rates.spend(action, payers(alice.user, "")[0], cost=100)  # type: ignore[arg-type]
    before = (list(Upload.objects.values()), AuditEvent.objects.count())

    for method, path in operations():
        url, body = path.replace("{upload_id}", started.id), body_for(method, path)
        with case(method, path):
            with mock.patch("uploads.s3.bucket.get_bucket", side_effect=AssertionError):
                answer = alice.call(method, url, body)
            if method == "GET" and path in UNLIMITED:
                assert answer.status_code == 200
            else:
                assert_problem(answer, 429, "rate_limited")
            now = (list(Upload.objects.values()), AuditEvent.objects.count())
            assert now == before


def test_the_walk_knows_every_request() -> None:
    assert len(operations()) == 14


def test_a_batch_of_10_000_is_refused_before_it_is_read(alice: Person) -> None:
    many = {"uploads": [declaration(HELLO)] * 10_000}
    parts = {"parts": PARTS["parts"] * 10_000}
    ids = {"ids": [SOME_ID] * 10_000}
    started = alice.start_parts(len(HELLO))

    # 1 MiB is the most that is read at all: the ids alone would fit.
    assert_problem(alice.call("POST", "/uploads/batch", many), 413, "request_too_large")
    answer = alice.call("POST", f"/uploads/{started.id}/parts", parts)
    assert answer.status_code in {413, 422}
    refused = alice.call("POST", "/uploads/complete-batch", ids)
    assert_problem(refused, 422, "invalid_request")
    assert Upload.objects.count() == 1


@time_machine.travel(NOON, tick=False)
def test_a_batch_is_not_cheaper_than_its_items(
    settings: Settings, alice: Person
) -> None:
    # 100 starts for the price of one would make the limit a hundredfold.
    settings.UPLOADS = settings.UPLOADS | {"RATE_START": "150/hour"}
    alice.browser.force_login(alice.user)  # type: ignore[arg-type]
    batch = {"uploads": [declaration(HELLO, filename=f"{n}.txt") for n in range(100)]}

    assert alice.call("POST", "/uploads/batch", batch).status_code == 200
    refused = alice.call("POST", "/uploads/batch", batch)

    assert_problem(refused, 429, "rate_limited")
    assert refused["Retry-After"] == str(50 * 24)
    assert Upload.objects.count() == 100
    Upload.objects.all().update(expires_at=datetime.now(UTC))


def test_a_batch_that_could_never_pass_is_told_to_be_smaller(
    settings: Settings, alice: Person
) -> None:
    # Told to wait, a client would wait for ever.
    settings.UPLOADS = settings.UPLOADS | {"RATE_START": "10/hour"}
    batch = {"uploads": [declaration(HELLO)] * 11}

    told = assert_problem(
        alice.call("POST", "/uploads/batch", batch), 422, "invalid_request"
    )

    assert told["detail"] == (
        "This request has 11 items at once; the limit is 10 in one hour. Send fewer items."
    )
    assert not Upload.objects.exists()


@pytest.mark.parametrize("count", [0, 1])
def test_a_forwarded_header_of_ones_own_is_no_new_address(
    settings: Settings, alice: Person, bob: Person, count: int
) -> None:
    # Whoever may name their own address has as many as there are numbers.
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


def test_behind_a_proxy_neighbours_do_not_share_an_allowance(
    settings: Settings, alice: Person, bob: Person
) -> None:
    # Else the first to loop would stop everybody's work.
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


def test_a_new_token_is_no_new_allowance(settings: Settings, alice: Person) -> None:
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


def test_asking_for_what_is_not_there_costs_as_much(
    settings: Settings, alice: Person
) -> None:
    # Guessing ids is a loop like any other.
    settings.UPLOADS = settings.UPLOADS | {"RATE_DOWNLOAD": "3/hour"}

    answers = [
        alice.call("GET", f"/uploads/{uuid.uuid4()}/download").status_code
        for _ in range(5)
    ]

    assert answers == [404, 404, 404, 429, 429]


def test_a_counter_that_cannot_be_read_admits_nobody(alice: Person) -> None:
    # "No rows, so nothing spent" would lift the limit for who breaks the counter.
    with mock.patch.object(Rate.objects, "filter", side_effect=OperationalError):
        answer = alice.call("POST", "/uploads", declaration(HELLO))

    assert_problem(answer, 503, "database_unavailable")
    assert not Upload.objects.exists()


def test_uploads_that_nobody_finishes_have_a_limit(
    settings: Settings, alice: Person
) -> None:
    # A thousand tiny starts cost no quota and leave a thousand rows.
    settings.UPLOADS = settings.UPLOADS | {"MAX_OPEN": 3}
    assert alice.user is not None
    first = alice.start()
    alice.start_parts(len(HELLO))
    alice.start(OTHER)

    told = assert_problem(
        alice.call("POST", "/uploads", declaration(HELLO)), 403, "quota_exceeded"
    )
    assert told["detail"] == (
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


def test_a_refused_start_reserves_nothing_and_asks_s3_for_nothing(
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
def test_the_pages_are_no_way_around_the_rate(
    settings: Settings, alice: Person, path: str
) -> None:
    # A form without scripts is a second door to the same rooms.
    started: Started = alice.upload()
    settings.UPLOADS = settings.UPLOADS | {"RATE_CHANGE": "1/day"}
    page = f"/uploads/{started.id}/{path}/"
    alice.call("PATCH", f"/uploads/{started.id}", {"filename": "new.txt"})

    answer = alice.browser.post(page, {"filename": "newer.txt"})

    assert answer.status_code == 429
    assert re.search(r"Try again in \d+ (hours|minutes)", answer.content.decode())
    assert answer["Retry-After"].isdigit()
    assert (started.row.filename, started.row.state) == ("new.txt", "ready")


def test_a_disabled_account_spends_nothing_of_its_address(
    settings: Settings, alice: Person, bob: Person
) -> None:
    # Refused before it pays: else the door itself would be a way to lock it.
    settings.UPLOADS = settings.UPLOADS | {"RATE_START_PER_ADDRESS": "2/hour"}
    User.objects.filter(pk=bob.user.pk).update(is_active=False)  # type: ignore[union-attr]

    for _ in range(5):
        refused = bob.call("POST", "/uploads", declaration(HELLO))
        assert_problem(refused, 401, "not_authenticated")

    assert alice.call("POST", "/uploads", declaration(HELLO)).status_code == 201


def test_time_heals(settings: Settings, alice: Person) -> None:
    settings.UPLOADS = settings.UPLOADS | {"RATE_DOWNLOAD": "2/minute"}
    started = alice.upload()
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        for _ in range(2):
            alice.download(started)
        refused = alice.call("GET", f"/uploads/{started.id}/download")
        clock.shift(timedelta(seconds=int(refused["Retry-After"])))

        assert alice.call("GET", f"/uploads/{started.id}/download").status_code == 302
