"""Test how many mails with links the site sends, and the URL in the links."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

if TYPE_CHECKING:
    from pytest_django import Settings
from tests.support.account_pages import PASSWORD

pytestmark = pytest.mark.django_db


TEMPLATES = Path(__file__).resolve().parents[3] / "templates"


def request_reset_link(client: Client, email: str, address: str = "127.0.0.1") -> Any:
    return client.post(
        "/accounts/password_reset/", {"email": email}, REMOTE_ADDR=address
    )


def test_mailbox_gets_at_most_five_reset_links_a_day(
    client: Client, alice: Any
) -> None:
    # Above the limit, the answer must be the same. Otherwise it would reveal that the
    # account exists, and the owner of the account would see an error.
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(20):
            answer = request_reset_link(
                client, alice.email.upper(), f"203.0.113.{number}"
            )
            unknown = request_reset_link(
                client, "no@example.com", f"203.0.113.{number}"
            )
            assert answer.status_code == unknown.status_code == 302
            assert answer["Location"] == unknown["Location"]
        owners = request_reset_link(Client(), alice.email, "198.51.100.7")

        assert owners["Location"] == "/accounts/password_reset/done/"
        assert len(mail.outbox) == 5
        clock.shift(timedelta(days=1))
        request_reset_link(Client(), alice.email, "198.51.100.7")
        assert len(mail.outbox) == 6


def test_network_address_that_requests_many_links_is_limited(
    client: Client, alice: Any, settings: Settings
) -> None:
    settings.UPLOADS = settings.UPLOADS | {"RATE_RESET_PER_ADDRESS": "3/hour"}

    answers = [request_reset_link(client, f"{n}@example.com") for n in range(4)]
    elsewhere = request_reset_link(Client(), alice.email, "203.0.113.7")

    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]
    assert answers[-1]["Retry-After"].isdigit()
    assert elsewhere.status_code == 302
    assert len(mail.outbox) == 1


def test_accounts_with_one_mail_address_get_at_most_five_links(
    client: Client, alice: Any, django_user_model: Any
) -> None:
    for number in range(20):
        django_user_model.objects.create_user(f"other{number}", alice.email, PASSWORD)

    request_reset_link(client, alice.email)

    assert len(mail.outbox) == 5
    assert any("account alice at" in str(letter.body) for letter in mail.outbox)


HOSTS = {
    "testserver": "http://testserver",
    "testserver:80": "http://testserver:80",
    "testserver:8443": "http://testserver",
    "TESTSERVER:1": "http://testserver",
    "testserver.:99": "http://testserver",
}


@pytest.mark.parametrize("host", HOSTS)
def test_link_in_a_mail_ignores_the_port_of_the_request(
    client: Client, alice: Any, host: str
) -> None:
    client.post(
        "/accounts/password_reset/", {"email": alice.email}, headers={"Host": host}
    )

    body = str(mail.outbox[0].body)
    assert re.findall(r"\w+://[^/]+(?=/accounts/reset/)", body) == [HOSTS[host]]
    place = HOSTS[host].removeprefix("http://")
    assert f"alice at {place}." in body
    assert mail.outbox[0].subject == f"Reset your password at {place}"


@pytest.mark.parametrize("host", ["testserver", "testserver:8443", "other.example"])
def test_links_in_mails_begin_with_the_configured_site_url(
    client: Client, alice: Any, settings: Settings, host: str
) -> None:
    settings.SITE_URL = "https://files.example.com:8443"
    settings.ALLOWED_HOSTS = ["testserver", "other.example", "files.example.com"]

    client.post(
        "/accounts/password_reset/", {"email": alice.email}, headers={"Host": host}
    )

    [letter] = mail.outbox
    assert "https://files.example.com:8443/accounts/reset/" in str(letter.body)
    assert letter.subject == "Reset your password at files.example.com:8443"
    assert host not in str(letter.body).replace("files.example.com", "")


def test_mails_never_use_the_host_of_the_request() -> None:
    # The sender of a request chooses the Host header. Another person may read the mail.
    letters = list(TEMPLATES.glob("**/email/**/*.*"))
    assert letters
    for path in letters:
        text = path.read_text()
        assert "request." not in text, path
        assert "build_absolute_uri" not in text, path
    sources = [
        path
        for path in (TEMPLATES.parent / "uploads").rglob("*.py")
        if re.search(r"build_absolute_uri|get_host\(\)", path.read_text())
    ]
    # links.py implements the rule for mails. The other modules show the URL only to the
    # sender of the request.
    assert {path.name for path in sources} == {
        *("plain.py", "doctor.py", "links.py", "storage_faults.py")
    }
