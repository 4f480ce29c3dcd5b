"""Rate limits permit exactly the given number of actions in the given time."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from uploads.access import rates
from uploads.access.rates import Subject, duration, login_payers, payers, spend
from uploads.conf import Options, RateLimit, options
from uploads.errors import InvalidRequest, RateLimited
from uploads.models import Rate

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 5, 12, tzinfo=UTC)
ALICE = Subject("1", "user")
BOB = Subject("2", "user")
OFFICE = Subject("203.0.113.7", "address")


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> None:
    settings.UPLOADS = {
        "RATE_START": "10/minute",
        "RATE_START_PER_ADDRESS": "15/minute",
        "RATE_PRESIGN": "100/minute",
        "RATE_DOWNLOAD": "off",
    }


def admitted(*subjects: Subject, tries: int = 30) -> int:
    """Return how many of ``tries`` starts the rate limit admits now."""
    passed = 0
    for _ in range(tries):
        try:
            spend("start", *subjects)
        except RateLimited:
            continue
        passed += 1
    return passed


@time_machine.travel(NOON, tick=False)
def test_limit_admits_exactly_the_given_number_of_starts() -> None:
    assert admitted(ALICE) == 10
    assert admitted(ALICE) == 0
    assert admitted(BOB) == 10


def test_used_allowance_recovers_gradually() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        admitted(ALICE)
        for seconds, earned in [(5.999, 0), (0.001, 1), (12, 2), (3600, 10)]:
            clock.shift(timedelta(seconds=seconds))
            assert admitted(ALICE) == earned


def test_one_minute_admits_the_initial_allowance_and_the_recovered_allowance() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        passed = 0
        for _ in range(120):
            clock.shift(timedelta(seconds=0.5))
            passed += admitted(ALICE, tries=1)

    # The sum is the allowance at the start plus the allowance of one minute.
    assert passed == 10 + 9


def test_refused_action_is_admitted_exactly_after_the_returned_wait_time() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for cost in (1, 3, 10):
            clock.shift(timedelta(hours=1, milliseconds=1))
            admitted(ALICE)
            with pytest.raises(RateLimited) as refusal:
                spend("start", ALICE, cost=cost)
            assert refusal.value.retry_after == 6 * cost

            clock.shift(timedelta(seconds=6 * cost - 1))
            with pytest.raises(RateLimited) as still:
                spend("start", ALICE, cost=cost)
            assert still.value.retry_after == 1
            clock.shift(timedelta(seconds=1))
            spend("start", ALICE, cost=cost)


@time_machine.travel(NOON, tick=False)
def test_retry_after_is_rounded_up(settings: Settings) -> None:
    settings.UPLOADS = {"RATE_START": "7/3seconds"}
    admitted(ALICE)

    with pytest.raises(RateLimited) as refusal:
        spend("start", ALICE, cost=3)  # 9/7 of a second

    assert refusal.value.retry_after == 2
    assert refusal.value.detail == (
        "Too many requests; the limit is 7 in 3 seconds. Try again in 2 seconds."
    )


@time_machine.travel(NOON, tick=False)
def test_batch_uses_as_much_allowance_as_it_has_items() -> None:
    spend("start", ALICE, cost=7)

    with pytest.raises(RateLimited) as refusal:
        spend("start", ALICE, cost=4)
    spend("start", ALICE, cost=3)

    assert refusal.value.retry_after == 6


@time_machine.travel(NOON, tick=False)
def test_action_that_costs_more_than_the_limit_uses_no_allowance() -> None:
    with pytest.raises(InvalidRequest, match="11 items, but the limit is 10 in one"):
        spend("start", ALICE, cost=11)

    assert admitted(ALICE) == 10


@time_machine.travel(NOON, tick=False)
def test_refusal_by_the_limit_of_the_address_does_not_use_the_users_allowance() -> None:
    assert admitted(ALICE, OFFICE) == 10
    assert admitted(BOB, OFFICE) == 5
    assert admitted(BOB) == 5


@time_machine.travel(NOON, tick=False)
def test_refusal_by_the_users_limit_does_not_use_the_allowance_of_the_address() -> None:
    # Alice has 30 refused starts. If the limit of the address counted only a sixth of
    # them, it would be used up.
    assert admitted(ALICE, OFFICE, tries=40) == 10
    assert admitted(OFFICE) == 5


@time_machine.travel(NOON, tick=False)
def test_actions_have_separate_allowances() -> None:
    admitted(ALICE)

    spend("presign", ALICE, cost=100)


@time_machine.travel(NOON, tick=False)
def test_action_whose_limit_is_switched_off_writes_no_row() -> None:
    for _ in range(1000):
        spend("download", ALICE, cost=100)

    assert not Rate.objects.exists()


@time_machine.travel(NOON, tick=False)
def test_allowance_that_is_given_back_can_be_used_again() -> None:
    admitted(ALICE)
    rates.give_back("start", ALICE, cost=3)

    assert admitted(ALICE) == 3


def test_random_times_and_costs_stay_within_the_limit() -> None:
    """In each time span, at most the limit plus the recovered allowance is admitted."""
    dice = random.Random(7)
    passed: list[tuple[float, int]] = []
    with time_machine.travel(NOON, tick=False) as clock:
        now = 0.0
        for _ in range(400):
            step = dice.choice([0, 0, 0.2, 1, 7, 40])
            clock.shift(timedelta(seconds=step))
            now += step
            cost = dice.randint(1, 10)
            try:
                spend("start", ALICE, cost=cost)
            except RateLimited:
                continue
            passed.append((now, cost))

    assert len(passed) > 50
    for first in range(len(passed)):
        total = 0
        for at, cost in passed[first:]:
            total += cost
            assert total <= 10 + (at - passed[first][0]) / 6 + 1e-6


def test_unavailable_database_refuses_all_actions() -> None:
    with (
        connection.execute_wrapper(mock.Mock(side_effect=OperationalError)),
        pytest.raises(OperationalError),
    ):
        spend("start", ALICE)


def test_rows_with_full_allowance_are_deleted_in_batches() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(5):
            spend("start", Subject(str(number), "user"))
        assert rates.forget_rested(limit=10) == 0
        clock.shift(timedelta(seconds=3))
        spend("start", ALICE)
        clock.shift(timedelta(seconds=4))

        assert [rates.forget_rested(limit=3) for _ in range(3)] == [3, 1, 0]
        assert Rate.objects.get().key == "start:user:1"


@time_machine.travel(NOON, tick=False)
def test_row_deleted_during_a_request_is_created_again() -> None:
    """The sweeper may delete a row between any two statements of a request."""
    spend("start", ALICE)
    create = Rate.objects.bulk_create

    def create_and_sweep(*args: Any, **kwargs: Any) -> Any:
        made = create(*args, **kwargs)
        if Rate.objects.filter(tat=0).exists() and not swept:
            swept.append(True)
            Rate.objects.all().delete()
        return made

    swept: list[bool] = []
    Rate.objects.all().delete()
    with mock.patch.object(Rate.objects, "bulk_create", create_and_sweep):
        assert admitted(ALICE) == 10
    assert swept == [True]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", ["203.0.113.7"]),
        ("2001:db8:1:2:3:4:5:6", ["2001:db8:1:2::/64"]),
        ("2001:db8:1:2::9", ["2001:db8:1:2::/64"]),
        ("", []),
    ],
)
def test_ipv6_addresses_of_one_network_are_counted_together(
    django_user_model: Any, address: str, counted: list[str]
) -> None:
    user = django_user_model.objects.create_user("alice")

    paying = payers(user, address)

    assert paying[0] == Subject(str(user.pk), "user")
    assert [payer.name for payer in paying[1:]] == counted


def test_rate_limit_rows_do_not_contain_the_typed_login_name() -> None:
    paying = login_payers("hunter2", "203.0.113.7")
    spend("login", *paying)

    assert len(paying) == 2
    assert not Rate.objects.filter(key__contains="hunter2").exists()
    assert login_payers("Hunter2", "203.0.113.7") == paying
    assert login_payers("hunter2", "203.0.113.8")[1] != paying[1]


@pytest.mark.parametrize(
    ("text", "limit", "words"),
    [
        ("6000/minute", RateLimit(6000, 60), "6000 in one minute"),
        (" 5 / 15 minutes ", RateLimit(5, 900), "5 in 15 minutes"),
        ("1/day", RateLimit(1, 86400), "1 in one day"),
        ("2/90seconds", RateLimit(2, 90), "2 in 90 seconds"),
        ("100/HOUR", RateLimit(100, 3600), "100 in one hour"),
    ],
)
def test_limit_is_parsed_and_formatted(text: str, limit: RateLimit, words: str) -> None:
    assert RateLimit.parse(text, name="X") == limit
    assert str(limit) == words


@pytest.mark.parametrize("text", ["", "off", " OFF "])
def test_limit_can_be_switched_off(text: str) -> None:
    assert RateLimit.parse(text, name="X") is None


@pytest.mark.parametrize(
    "text",
    [
        *("lots", "6000", "/minute", "0/minute", "-1/minute", "1.5/minute"),
        *("5/0minutes", "5/fortnight", "5 per minute", "1000001/second"),
        *("\N{ARABIC-INDIC DIGIT FIVE}/minute", "5/minute;"),
    ],
)
def test_invalid_limit_is_refused_with_its_setting(
    settings: Settings, text: str
) -> None:
    settings.UPLOADS = {"RATE_START": text}

    with pytest.raises(ImproperlyConfigured, match=r"UPLOADS_RATE_START is '"):
        options()


def test_presign_limit_below_the_parts_of_one_request_is_refused(
    settings: Settings,
) -> None:
    settings.UPLOADS = {"RATE_PRESIGN": "99/minute"}

    with pytest.raises(ImproperlyConfigured, match="UPLOADS_RATE_PRESIGN allows 99 in"):
        options()


def test_limits_of_addresses_are_higher_than_limits_of_users() -> None:
    given = Options()
    for action in ("start", "presign", "complete", "change", "download", "login"):
        own = getattr(given, f"rate_{action}")
        shared = getattr(given, f"rate_{action}_per_address")
        assert shared.count / shared.seconds > own.count / own.seconds


FILES_IN_A_DROP = 10_000
BATCH = 100


@pytest.mark.parametrize("action", ["start", "complete", "presign", "change"])
@pytest.mark.parametrize("seconds_a_batch", [0, 0.3])
def test_default_limits_admit_three_dropped_folders_of_ten_thousand_files(
    settings: Settings, action: Any, seconds_a_batch: float
) -> None:
    settings.UPLOADS = {}

    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(3 * FILES_IN_A_DROP // BATCH):
            spend(action, ALICE, OFFICE, cost=BATCH)
            clock.shift(timedelta(seconds=seconds_a_batch))


@pytest.mark.parametrize("action", ["start", "complete", "presign", "change"])
def test_default_limits_refuse_most_requests_of_an_endless_loop(
    settings: Settings, action: Any
) -> None:
    settings.UPLOADS = {}
    passed = refused = 0

    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(10 * 60):  # 1,000 actions per second for ten minutes
            clock.shift(timedelta(seconds=1))
            for _ in range(10):
                try:
                    spend(action, ALICE, OFFICE, cost=BATCH)
                    passed += BATCH
                except RateLimited:
                    refused += BATCH

    assert 329_000 <= passed <= 330_000
    assert refused > 200_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (121, "3 minutes"),
        (7201, "3 hours"),
    ],
)
def test_wait_time_shown_to_people_is_rounded_up(seconds: int, words: str) -> None:
    assert duration(seconds) == words
