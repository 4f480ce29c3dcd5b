"""Limits over HTTP, against a site with four processes on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib.auth.models import User

from tests.races.consistency import assert_quotas_add_up
from tests.races.files import declare
from tests.races.requests import start, wrong_login
from tests.races.threads import at_once, race
from uploads import lifecycle
from uploads.access.tokens import create_token
from uploads.lifecycle import quota
from uploads.models import Rate, Upload

THREADS = 60
"""The number of threads, and of the starts that the site permits one person in a day.

The site processes 32 requests concurrently.
"""

EACH = 3
"""The number of requests that each thread sends one after another."""

DAY = 24 * 3600 * 10**9


def token_of(user: Any) -> str:
    return create_token(user, name="race")[1]


def flat(answers: list[Any]) -> list[tuple[int, str, int]]:
    return [answer for thread in answers for answer in thread]


def test_180_starts_of_one_person_succeed_60_times(
    alice: Any, four_workers: str
) -> None:
    token = token_of(alice)

    answers = flat(
        at_once(
            lambda: [start(four_workers, token, 7) for _ in range(EACH)],
            threads=THREADS,
            connected=False,
        )
    )

    assert Counter(answer[:2] for answer in answers) == {
        (201, ""): 60,
        (429, "rate_limited"): 120,
    }
    waits = {wait for status, _, wait in answers if status == 429}
    assert waits
    assert all(1000 < wait <= 24 * 60 for wait in waits)
    assert Upload.objects.count() == quota.usage(alice).reserved_files == 60
    assert_quotas_add_up()


def test_concurrent_starts_up_to_the_limit_all_succeed(
    alice: Any, four_workers: str
) -> None:
    # A request reads the clock before it waits for the row, so a later request can get
    # the row first. The site must not refuse the earlier request for its older time.
    token = token_of(alice)

    answers = at_once(
        lambda: start(four_workers, token, 7)[:2], threads=THREADS, connected=False
    )

    assert Counter(answers) == {(201, ""): THREADS}


def test_people_at_one_address_share_its_limit_and_refused_starts_do_not_count(
    alice: Any, four_workers: str
) -> None:
    # Use three people, so that nobody reaches the limit of one person.
    people = [alice, *(User.objects.create_user(name) for name in ("bob", "carol"))]
    tokens = [token_of(person) for person in people]

    def starts(token: str) -> Any:
        return lambda: [start(four_workers, token, 7)[:2] for _ in range(EACH)]

    answers = flat(
        race([starts(tokens[n % 3]) for n in range(THREADS)], connected=False)
    )

    assert Counter(answers) == {(201, ""): 90, (429, "rate_limited"): 90}
    # A start that the address's limit refused must not count in the person's limit.
    full_at = dict(
        Rate.objects.filter(key__contains=":user:").values_list("key", "tat")
    )
    [of_address] = Rate.objects.filter(key__contains=":address:")
    began = of_address.tat - 90 * (DAY // 90)
    for person in people:
        spent = quota.usage(person).reserved_files
        ahead = full_at[f"start:user:{person.pk}"] - spent * (DAY // 60)
        # Each refused start that counts would change this time by 24 minutes.
        assert abs(ahead - began) < DAY // 60


def test_concurrent_starts_do_not_exceed_the_limit_of_unfinished_uploads(
    alice: Any, four_workers: str
) -> None:
    token = token_of(alice)
    for _ in range(60):
        lifecycle.start(owner=alice, declaration=declare(b"x"))

    answers = at_once(
        lambda: start(four_workers, token, 7)[:2], threads=THREADS, connected=False
    )

    assert Counter(answers) == {(201, ""): 10, (403, "quota_exceeded"): 50}
    assert quota.usage(alice).reserved_files == 70
    assert_quotas_add_up()


def test_of_60_concurrent_wrong_passwords_only_5_are_checked(four_workers: str) -> None:
    User.objects.create_user("carol", password="correct horse battery")

    known, strangers = (
        at_once(wrong_login(four_workers, name), threads=THREADS, connected=False)
        for name in ("carol", "nobody")
    )

    counts = [
        Counter(status for status, _ in answers) for answers in (known, strangers)
    ]
    assert counts == [{200: 5, 429: 55}] * 2
    waits = {wait for status, wait in known if status == 429}
    assert all(wait > 1000 for wait in waits), waits


def test_of_60_concurrent_logins_from_one_address_only_20_are_checked(
    four_workers: str,
) -> None:
    logins = [wrong_login(four_workers, f"name-{n}") for n in range(THREADS)]

    answers = race(logins, connected=False)

    assert Counter(status for status, _ in answers) == {200: 20, 429: 40}
