"""Rate limits are checked before a body is parsed. Invalid bodies get short answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import time_machine
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from tests.support.routes import all_paths
from uploads.access import rates
from uploads.access.rates import payers
from uploads.access.tokens import create_token
from uploads.api.parsing import StrictParser
from uploads.api.paying import BYTES_PER_UNIT
from uploads.api.problems import MAX_ERRORS
from uploads.models import Rate, Upload

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

SOME_ID = "6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11"
WITH_BODIES = (
    ("POST", "/uploads", "start"),
    ("POST", "/uploads/batch", "start"),
    ("POST", "/uploads/complete-batch", "complete"),
    ("POST", f"/uploads/{SOME_ID}/parts", "presign"),
    ("PATCH", f"/uploads/{SOME_ID}", "change"),
)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b")


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def _frozen_time() -> Iterator[None]:
    """Freeze the time, so that used allowances do not recover."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


def send(
    browser: Client, method: str, path: str, body: Any, kind: str = "application/json"
) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return browser.generic(method, f"/api/v1{path}", data, content_type=kind)


def used_allowance(action: str, user: User) -> int:
    """Return the allowance of ``action`` that the user has used."""
    row = Rate.objects.filter(key=f"{action}:user:{user.pk}").first()
    if row is None:
        return 0
    limit = rates._limit(action, payers(user, "")[0])  # type: ignore[arg-type]
    assert limit is not None
    ahead = row.tat - int(timezone.now().timestamp() * 10**9)
    return round(ahead / rates._interval(limit))


def test_body_is_not_parsed_for_unauthorised_requests(
    alice: User, browser: Client, subtests: pytest.Subtests
) -> None:
    # Parsing is the most expensive part of a refusal. No rate limit applies to a client
    # without a login.
    unchecked = Client(enforce_csrf_checks=True)
    unchecked.force_login(alice)
    unknown = Client(headers={"Authorization": "Bearer nobody"})
    _, secret = create_token(alice, name="reader", scope="read")
    reader = Client(headers={"Authorization": f"Bearer {secret}"})
    turned_away = {
        "stranger": (Client(), 401),
        "unknown token": (unknown, 401),
        "reader": (reader, 403),
        "no CSRF token": (unchecked, 403),
    }

    with (
        mock.patch.object(StrictParser, "parse_body", side_effect=AssertionError),
        mock.patch.object(
            HttpRequest, "_load_post_and_files", side_effect=AssertionError
        ),
    ):
        for name, (client, status) in turned_away.items():
            for method, path, _ in WITH_BODIES:
                for kind in ("application/json", *FORMS):
                    with subtests.test(name=name, method=method, path=path, kind=kind):
                        answer = send(client, method, path, b"x=1", kind)
                        assert answer.status_code == status


def test_body_is_not_parsed_when_the_rate_limit_is_reached(
    alice: User, browser: Client, settings: Settings, subtests: pytest.Subtests
) -> None:
    names = ("START", "COMPLETE", "PRESIGN", "CHANGE")
    settings.UPLOADS = settings.UPLOADS | {f"RATE_{name}": "100/day" for name in names}
    for _, _, action in WITH_BODIES[1:]:
        rates.spend(action, payers(alice, "")[0], cost=100)  # type: ignore[arg-type]

    with mock.patch.object(StrictParser, "parse_body", side_effect=AssertionError):
        for method, path, _ in WITH_BODIES:
            with subtests.test(method=method, path=path):
                answer = send(browser, method, path, b"[" * 100_000)
                assert answer.status_code == 429
                assert answer.json()["retry_after"] == int(answer["Retry-After"])


def test_form_without_login_is_not_parsed_on_private_pages(
    subtests: pytest.Subtests,
) -> None:
    # Django checks the CSRF token first, and parses the whole form for this check.
    open_to_all = {"accounts/", "csp-reports", "hooks/", "api/", "healthz", "readyz"}
    # These two pages check a secret instead of a login.
    open_to_all |= {"metrics", "doctor/proxies"}
    private = [
        path
        for path in all_paths()
        if not path.startswith(tuple(open_to_all - {"accounts/"}))
        and not path.startswith("accounts/")
        and path not in {"admin/login/", "admin/logout/", "admin/jsi18n/"}
    ]
    private += ["accounts/", "accounts/tokens/", "accounts/sessions/end/"]
    assert len(private) > 40

    browser = Client(enforce_csrf_checks=True)
    with mock.patch.object(
        HttpRequest, "_load_post_and_files", side_effect=AssertionError
    ):
        for path in private:
            for kind in FORMS:
                with subtests.test(path=path, kind=kind):
                    answer = browser.generic(
                        "POST", f"/{path}", b"x", content_type=kind
                    )
                    assert answer.status_code in {302, 404}


@pytest.mark.usefixtures("_frozen_time")
def test_rate_limit_counts_an_invalid_body_by_its_size(
    alice: User, browser: Client, subtests: pytest.Subtests
) -> None:
    for method, path, action in WITH_BODIES:
        for size, price in ((10, 1), (BYTES_PER_UNIT, 2), (1_000_000, 62)):
            Rate.objects.all().delete()
            with subtests.test(method=method, path=path, size=size):
                assert send(browser, method, path, b"[" * size).status_code == 422
                assert used_allowance(action, alice) == price


@pytest.mark.usefixtures("_frozen_time")
def test_batch_uses_the_rate_limit_once_for_each_file(
    alice: User, browser: Client, bucket: Any
) -> None:
    item = {"filename": "a" * 1000, "byte_size": 1, "content_type": "text/plain"}
    few = send(browser, "POST", "/uploads/batch", {"uploads": [item] * 3})
    assert few.status_code == 200
    assert used_allowance("start", alice) == 3

    many = send(browser, "POST", "/uploads/batch", {"uploads": [item] * 97})

    assert many.status_code == 200
    assert used_allowance("start", alice) == 100


def test_large_invalid_body_costs_at_most_the_whole_rate_limit(
    alice: User, browser: Client, settings: Settings
) -> None:
    # If the cost by size were above the limit, the site would refuse each retry too.
    settings.UPLOADS = settings.UPLOADS | {"RATE_START": "2/day"}

    first = send(browser, "POST", "/uploads", b"[" * 200_000)
    second = send(browser, "POST", "/uploads", b"[" * 200_000)

    assert (first.status_code, second.status_code) == (422, 429)


def test_list_of_errors_has_at_most_twenty_entries(browser: Client) -> None:
    body = {"uploads": [{"a": 1, "b": 2}] * 100}

    problem = send(browser, "POST", "/uploads/batch", body).json()

    messages = [text for texts in problem["errors"].values() for text in texts]
    assert len(messages) == MAX_ERRORS == 20
    assert problem["detail"] == (
        'The request is not valid. Its invalid fields are listed under "errors". '
        "The first 20 errors are listed; 480 more are left out."
    )


def test_short_list_of_errors_is_complete(browser: Client) -> None:
    problem = send(browser, "POST", "/uploads", {"x": 1, "y" * 5_000: 2}).json()

    assert (
        problem["detail"]
        == 'The request is not valid. Its invalid fields are listed under "errors".'
    )
    assert set(problem["errors"]) == {
        *("filename", "byte_size", "content_type", "x"),
        "y" * 100,
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {f"{number:x}": 1 for number in range(41)},
            "An object in the body has 41 fields; the limit is 40.",
        ),
        (
            {"uploads": [{}] * 501},
            "The body has more than 500 objects. Send fewer items in one request.",
        ),
    ],
)
def test_oversized_body_is_refused_with_a_message(
    browser: Client, body: Any, words: str
) -> None:
    answer = send(browser, "POST", "/uploads/batch", body)

    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert not Upload.objects.exists()


@pytest.mark.parametrize("path", ["/accounts/login/", "/api/v1/uploads", "/hooks/s3"])
def test_body_of_unknown_length_is_refused(path: str) -> None:
    # Some web servers pass a body without a length to the site, without a limit.
    answer = Client().generic(
        "POST", path, b"", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"
    )

    assert answer.status_code == 411


@pytest.mark.parametrize("path", ["/accounts/login/", "/uploads/form/", "/admin/"])
def test_limit_for_forms_is_lower_than_for_lists_of_files(path: str) -> None:
    answer = Client().post(path, b"a" * 300_000, "text/plain")

    assert answer.status_code == 413
