"""Limits as clients meet them: over HTTP, against four processes on PostgreSQL."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests.races.books import assert_quotas_add_up
from tests.races.files import checksum
from tests.races.test_sites import call, site
from tests.races.threads import at_once, race
from uploads import quota
from uploads.dev.s3_server import S3Server
from uploads.models import Rate, Upload
from uploads.tokens import create_token

THREADS = 60
EACH = 5
"""Requests of one thread, one after another: 300 in all, 32 of them at a time."""

Site = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def four_workers(s3_server: S3Server, tmp_path: Path) -> Site:
    facts = connection.get_connection_params()
    database = f"postgresql://postgres:@/{facts['dbname']}?host={facts['host']}"

    def serve(**variables: str) -> AbstractContextManager[str]:
        roomy = {"UPLOADS_DEFAULT_QUOTA_BYTES": str(10**9), **variables}
        return site(s3_server, database, tmp_path, workers=4, **roomy)

    return serve


def token_of(user: Any) -> str:
    return create_token(user, name="race")[1]


def start(url: str, token: str) -> tuple[int, str, int]:
    """Start an upload; return the status, a problem's code and its Retry-After."""
    body = {
        "filename": "notes.txt",
        "byte_size": 7,
        "content_type": "text/plain",
        "checksum_sha256": checksum(b"x" * 7),
    }
    try:
        with call(f"{url}/api/v1/uploads", token, body) as answer:
            return answer.status, "", 0
    except urllib.error.HTTPError as error:
        told = json.load(error)
        header = int(error.headers.get("Retry-After", 0))
        assert told.get("retry_after", 0) == header
        return error.code, told["code"], header


def flat(answers: list[Any]) -> list[tuple[int, str, int]]:
    return [answer for thread in answers for answer in thread]


def test_300_starts_of_one_person_pass_40_times(alice: Any, four_workers: Site) -> None:
    token = token_of(alice)

    # One comes back every 36 minutes, so that a slow machine earns none.
    with four_workers(UPLOADS_RATE_START="40/day") as url:
        answers = flat(
            at_once(lambda: [start(url, token) for _ in range(EACH)], threads=THREADS)
        )

    assert Counter(answer[:2] for answer in answers) == {
        (201, ""): 40,
        (429, "rate_limited"): 260,
    }
    waits = {wait for status, _, wait in answers if status == 429}
    assert waits
    assert all(1000 < wait <= 2160 for wait in waits)
    assert Upload.objects.count() == quota.usage(alice).reserved_files == 40
    assert_quotas_add_up()


def test_as_many_starts_at_once_as_the_limit_admits_pass_all(
    alice: Any, four_workers: Site
) -> None:
    # Whoever waits for the row reads the clock before those who overtake: nobody
    # may be refused for that while there is room.
    token = token_of(alice)

    with four_workers(UPLOADS_RATE_START=f"{THREADS}/day") as url:
        answers = at_once(lambda: start(url, token)[:2], threads=THREADS)

    assert Counter(answers) == {(201, ""): THREADS}


def test_two_people_behind_one_address_share_its_limit_and_pay_for_no_refusal(
    alice: Any, four_workers: Site
) -> None:
    people = [alice, User.objects.create_user("bob")]
    tokens = [token_of(person) for person in people]

    def starts(token: str, url: str) -> Any:
        return lambda: [start(url, token)[:2] for _ in range(EACH)]

    with four_workers(
        UPLOADS_RATE_START="200/day", UPLOADS_RATE_START_PER_ADDRESS="30/day"
    ) as url:
        answers = flat(race([starts(tokens[n % 2], url) for n in range(THREADS)]))

    assert Counter(answers) == {(201, ""): 30, (429, "rate_limited"): 270}
    # What the address refused was given back: each has spent what they started.
    full_at = dict(
        Rate.objects.filter(key__contains=":user:").values_list("key", "tat")
    )
    [of_address] = Rate.objects.filter(key__contains=":address:")
    for person in people:
        spent = quota.usage(person).reserved_files
        interval = 24 * 3600 * 10**9 // 200
        ahead = full_at[f"start:user:{person.pk}"] - spent * interval
        began = of_address.tat - 30 * 24 * 3600 * 10**9 // 30
        # Each refusal that was kept would put it one interval off, and they are 270.
        assert abs(ahead - began) < 10 * interval


def test_of_many_starts_at_once_no_more_stay_open_than_may(
    alice: Any, four_workers: Site
) -> None:
    token = token_of(alice)

    with four_workers(UPLOADS_MAX_OPEN="10") as url:
        answers = at_once(lambda: start(url, token)[:2], threads=64)

    assert Counter(answers) == {(201, ""): 10, (403, "quota_exceeded"): 54}
    assert quota.usage(alice).reserved_files == 10
    assert_quotas_add_up()


def test_100_guesses_at_once_are_5_guesses(four_workers: Site) -> None:
    User.objects.create_user("carol", password="correct horse battery")

    with four_workers(UPLOADS_RATE_LOGIN="5/day") as url:
        guess = guesser(url, "carol")
        answers = at_once(guess, threads=100)
        known = Counter(status for status, _ in answers)
        strangers = Counter(
            status for status, _ in at_once(guesser(url, "nobody"), threads=100)
        )

    assert known == strangers == {200: 5, 429: 95}
    waits = {wait for status, wait in answers if status == 429}
    assert all(wait > 1000 for wait in waits), waits


def test_100_names_at_once_from_one_address_are_20_guesses(four_workers: Site) -> None:
    with four_workers(UPLOADS_RATE_LOGIN_PER_ADDRESS="20/day") as url:
        answers = race([guesser(url, f"name-{n}") for n in range(100)])

    assert Counter(status for status, _ in answers) == {200: 20, 429: 80}


def guesser(url: str, name: str) -> Callable[[], tuple[int, int]]:
    """Return what tries a wrong password: it returns status and Retry-After."""
    page = f"{url}/accounts/login/"
    with urllib.request.urlopen(page, timeout=120) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        found = re.search(
            r'name="csrfmiddlewaretoken" value="(\w+)"', answer.read().decode()
        )
    assert found is not None
    # Whatever the field for the name is called.
    fields = {"username": name, "login": name, "password": "wrong"}
    data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": found[1]})

    def guess() -> tuple[int, int]:
        request = urllib.request.Request(
            page, data=data.encode(), headers={"Cookie": cookie}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, 0
        except urllib.error.HTTPError as error:
            return error.code, int(error.headers.get("Retry-After", 0))

    return guess
