"""Passkeys are offered where the browser can use them, and nowhere else."""

from __future__ import annotations

from django.contrib.auth.models import User

from tests.webdriver.firefox import FirefoxWindow
from tests.webdriver.lines import Lines

OFFERS = "Add a passkey|Passkey.*|Log in with a passkey"
PATHS = ("/accounts/", "/accounts/2fa/")


def test_passkeys_are_offered_at_a_name_and_explained_at_a_number(
    window: FirefoxWindow, person: User, lines: Lines
) -> None:
    by_name = lines.url.replace("127.0.0.1", "localhost")
    window.sign_in(person, by_name)
    for path in PATHS:
        window.open(f"{by_name}{path}")
        window.find("a", OFFERS)

    window.sign_in(person, lines.url)
    for path in PATHS:
        window.open(f"{lines.url}{path}")
        window.wait_for_text("main", "this address is a number")
        assert window.find_all("a", OFFERS) == []
