"""The doctor compares TRUSTED_PROXY_COUNT with the proxies in front of the site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from django.core import signing
from django.test import Client

from uploads.doctor import proxies
from uploads.doctor.results import Finding, Status
from uploads.s3.wire import Answer, NoAnswer

if TYPE_CHECKING:
    from pytest_django import Settings

ORIGIN = "https://files.example.com"
PATH = "/doctor/proxies"


def ask_through_proxies(
    monkeypatch: pytest.MonkeyPatch, *added: str, keeps: bool = True
) -> Finding:
    """Send the doctor's request through proxies that add these addresses."""

    def send_through_proxies(
        method: str, url: str, headers: Mapping[str, str]
    ) -> Answer:
        assert (method, url) == ("GET", f"{ORIGIN}{PATH}")
        sent = [headers["X-Forwarded-For"]] if keeps else []
        response = Client().get(
            PATH,
            headers={
                proxies.HEADER: headers[proxies.HEADER],
                "X-Forwarded-For": ", ".join([*sent, *added]),
            },
        )
        return Answer(response.status_code, [], response.content)

    monkeypatch.setattr(proxies, "send", send_through_proxies)
    return proxies.ask_proxies(ORIGIN)


@pytest.mark.parametrize(
    ("added", "keeps", "trusted", "status"),
    [
        ([], True, 0, "OK"),
        (["192.0.2.1"], True, 1, "OK"),
        (["192.0.2.1", "10.0.0.1"], True, 2, "OK"),
        (["192.0.2.1"], False, 1, "OK"),
        (["192.0.2.1"], True, 0, "WARN"),
        (["192.0.2.1", "10.0.0.1"], True, 1, "WARN"),
        ([], True, 1, "FAIL"),
        (["192.0.2.1"], True, 2, "FAIL"),
        (["192.0.2.1"], False, 2, "WARN"),
    ],
)
def test_wrong_trusted_proxy_count_is_reported_with_the_correct_value(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    added: list[str],
    keeps: bool,
    trusted: int,
    status: str,
) -> None:
    settings.TRUSTED_PROXY_COUNT = trusted

    found = ask_through_proxies(monkeypatch, *added, keeps=keeps)

    assert found.status == status
    if status != "OK":
        assert found.fix == f"Set TRUSTED_PROXY_COUNT={len(added)}."


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"trusted": "x"}'])
def test_server_that_is_not_this_site_is_skipped(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(proxies, "send", lambda *_, **__: Answer(200, [], body))

    assert proxies.ask_proxies(ORIGIN).status == Status.SKIP


def test_site_that_does_not_answer_is_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> Answer:
        raise NoAnswer("refused", "nothing listens")

    monkeypatch.setattr(proxies, "send", refuse)

    assert proxies.ask_proxies(ORIGIN).status == Status.SKIP


@pytest.mark.parametrize(
    "text",
    ["", "x", signing.dumps("proxies", salt="another"), signing.dumps("x")],
    ids=["empty", "no signature", "another salt", "another text"],
)
def test_request_without_a_valid_signature_gets_no_addresses(text: str) -> None:
    answer = Client().get(PATH, headers={proxies.HEADER: text})

    assert answer.status_code == 404
    assert b"forwarded" not in answer.content
