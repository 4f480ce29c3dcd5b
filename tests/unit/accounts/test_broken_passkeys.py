"""Every page refuses malformed passkey responses without a 500."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.contrib.auth import SESSION_KEY
from django.db import OperationalError
from django.test import Client
from fido2.utils import websafe_encode

from tests.support.passkey import Device
from uploads.accounts.passkeys import MAX_LENGTH

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
HOST = "localhost"

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, "", "x", "é", "\ud800", "a\x00b", "=", "AAAA"),
    *("A" * 5000, [], [1], ["x"], {}, {"a": 1}, {"rk": "x"}, {"credProps": "x"}),
    *({"credProps": {"rk": {}}}, {"credProps": None}, "_" * 20_000),
)
TEXTS = (
    *("", "x", "null", "1", "[]", "{}", '"x"', "true", "NaN", "{", '{"a":1', "\x00"),
    *("[" * 100_000, '{"a":' * 30_000, "9" * 10_000, "1e999", '{"a":1,"a":2}'),
    *('{"response": {}}', '{"response": []}', '{"response": {"userHandle": 1}}'),
    '{"rawId": "AAAA", "id": "AAAA", "response": {"clientDataJSON": "e30"}}',
)


@pytest.fixture(autouse=True)
def _settings(settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    settings.MFA_RATE_LIMITS = False
    settings.UPLOADS = {
        "RATE_SESSION": "off",
        "RATE_SESSION_PER_ADDRESS": "off",
        "RATE_LOGIN": "off",
        "RATE_LOGIN_PER_ADDRESS": "off",
    }


def browser() -> Client:
    return Client(HTTP_HOST=HOST)


def logged_in(user: Any) -> Client:
    client = browser()
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def challenge_on(page: Any) -> str:
    found = re.search(r'"challenge": ?"([\w-]+)"', page.content.decode())
    assert found is not None, page.content
    return found[1]


@pytest.fixture
def device(alice: Any) -> Device:
    """Return a passkey that Alice has added."""
    device = Device()
    client = logged_in(alice)
    challenge = challenge_on(client.get("/accounts/2fa/webauthn/add/"))
    answer = send(client, "add", json.dumps(device.register(challenge)))
    assert answer.status_code == 302
    assert Authenticator.objects.filter(type="webauthn").count() == 1
    return device


ADDRESSES = {
    "login": "/accounts/2fa/webauthn/login/",
    "second step": "/accounts/2fa/authenticate/",
    "confirm": "/accounts/2fa/webauthn/reauthenticate/",
    "add": "/accounts/2fa/webauthn/add/",
}


def send(client: Client, page: str, text: str) -> Any:
    return client.post(ADDRESSES[page], {"credential": text, "passwordless": "on"})


def open_page(page: str, alice: Any) -> tuple[Client, str]:
    """Return a browser on the page ``page``, and the challenge of the page."""
    if page == "login":
        client = browser()
        answer = client.get(ADDRESSES[page], headers={"Accept": "application/json"})
        return client, answer.json()["request_options"]["publicKey"]["challenge"]
    if page == "second step":
        client = browser()
        client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    else:
        client = logged_in(alice)
    return client, challenge_on(client.get(ADDRESSES[page]))


def answer_of(device: Device, page: str, challenge: str, alice: Any) -> dict[str, Any]:
    if page == "add":
        return Device().register(challenge)
    handle = auth.build_user_payload(alice).id
    return device.confirm(challenge, websafe_encode(handle))


def is_accepted(client: Client, page: str, answer: Any) -> bool:
    """Return whether the site has accepted the passkey's response."""
    if page == "add":
        return bool(Authenticator.objects.filter(type="webauthn").count() > 1)
    if page == "confirm":
        return str(answer["Location"]) != "/accounts/login/"
    return bool(SESSION_KEY in client.session)


def malformed_variants(good: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield copies of ``good``. In each, one member is missing or has a wrong value."""
    for path in _paths(good):
        for name, change in _changes():
            bad = copy.deepcopy(good)
            place = bad
            for step in path[:-1]:
                place = place[step]
            change(place, path[-1])
            yield f"{'.'.join(path)} {name}", bad


def _paths(tree: dict[str, Any], parents: tuple[str, ...] = ()) -> Iterator[Any]:
    for name, value in tree.items():
        yield (*parents, name)
        if isinstance(value, dict):
            yield from _paths(value, (*parents, name))


def _changes() -> Iterator[tuple[str, Callable[[Any, str], None]]]:
    yield "missing", lambda place, name: place.pop(name)
    yield "cut", lambda place, name: place.update({name: str(place[name])[:-3]})
    for value in VALUES:
        yield ascii(value)[:30], lambda place, name, v=value: place.update({name: v})  # type: ignore[misc]


@pytest.mark.parametrize("page", ADDRESSES)
def test_correct_passkey_response_is_accepted(
    alice: Any, device: Device, page: str
) -> None:
    client, challenge = open_page(page, alice)

    answer = send(client, page, json.dumps(answer_of(device, page, challenge, alice)))

    assert is_accepted(client, page, answer)


NOT_NEEDED = ("authenticatorAttachment", "clientExtensionResults")
"""Members that a valid response may omit."""


@pytest.mark.slow
@pytest.mark.parametrize("page", ADDRESSES)
def test_passkey_response_with_one_malformed_member_is_refused(
    alice: Any, device: Device, page: str, subtests: pytest.Subtests
) -> None:
    client, challenge = open_page(page, alice)
    good = answer_of(device, page, challenge, alice)
    # Only a login without a password needs the user handle.
    not_needed = NOT_NEEDED + (() if page == "login" else ("response.userHandle",))

    bad_ones = [
        pair for pair in malformed_variants(good) if not pair[0].startswith(not_needed)
    ]
    assert len(bad_ones) > 100
    for name, bad in bad_ones:
        with subtests.test(page=page, name=name):
            answer = send(client, page, json.dumps(bad))
            assert answer.status_code in {200, 302}
            assert not is_accepted(client, page, answer)


@pytest.mark.slow
def test_stored_malformed_passkey_does_not_break_pages(
    alice: Any, subtests: pytest.Subtests
) -> None:
    client = logged_in(alice)
    example = Device().register("")
    names = [
        name for name, _ in malformed_variants(example) if name.startswith(NOT_NEEDED)
    ]
    stored: list[str] = []
    for name in names:
        challenge = challenge_on(client.get(ADDRESSES["add"]))
        [bad] = [
            b for n, b in malformed_variants(Device().register(challenge)) if n == name
        ]
        with subtests.test(name=name):
            assert send(client, "add", json.dumps(bad)).status_code in {200, 302}
            assert client.get("/accounts/").status_code == 200
            if Authenticator.objects.exists():
                stored.append(name)
                open_page("second step", alice)
        Authenticator.objects.all().delete()
    assert stored, (
        "The site has stored no malformed passkey, so this test proves nothing."
    )


@pytest.mark.parametrize("page", ADDRESSES)
def test_text_that_is_no_passkey_response_is_refused(
    alice: Any, device: Device, page: str, subtests: pytest.Subtests
) -> None:
    client, _ = open_page(page, alice)
    for text in TEXTS:
        with subtests.test(page=page, case=text[:30]):
            answer = send(client, page, text)
            assert answer.status_code in {200, 302}
            assert not is_accepted(client, page, answer)


@pytest.mark.parametrize("page", ADDRESSES)
def test_refusal_of_a_passkey_tells_what_to_do(
    alice: Any, device: Device, page: str
) -> None:
    client, _ = open_page(page, alice)

    answer = client.post(ADDRESSES[page], {"credential": "{}"}, follow=True)

    assert "could not be read. Try again." in answer.content.decode()


def test_unneeded_members_of_a_passkey_response_are_not_stored(alice: Any) -> None:
    client, challenge = open_page("add", alice)
    sent = Device().register(challenge)
    sent["note"] = sent["response"]["publicKey"] = "x" * 1000

    send(client, "add", json.dumps(sent))

    stored = json.dumps(Authenticator.objects.get(type="webauthn").data)
    assert "xxx" not in stored
    assert len(stored) < MAX_LENGTH


def test_database_error_is_not_reported_as_a_malformed_passkey(
    alice: Any, device: Device
) -> None:
    client, challenge = open_page("login", alice)
    good = answer_of(device, "login", challenge, alice)

    with mock.patch.object(
        auth, "complete_authentication", side_effect=OperationalError
    ):
        client.raise_request_exception = False
        answer = send(client, "login", json.dumps(good))

    assert answer.status_code == 503
