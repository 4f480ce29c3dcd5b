"""Passkeys, which WebKitGTK does not have, are not offered."""

from __future__ import annotations

from django.contrib.auth.models import User

from tests.support.passkey import add_passkey
from tests.webdriver.proxies import BrowserProxies
from tests.webdriver.webkit import WebKitWindow

HAS_PASSKEYS = "return 'PublicKeyCredential' in window"
OFFERS = "Add (a )?passkey|Passkey .*|Log in with a passkey|Use (a|your) passkey"
NOTE = "This browser cannot use passkeys."


def offers(window: WebKitWindow) -> list[object]:
    """Return the visible links and buttons that need a passkey."""
    return list(window.find_all("a, button", OFFERS))


def test_account_pages_offer_no_passkey_and_say_why(
    window: WebKitWindow, person: User, proxies: BrowserProxies
) -> None:
    by_name = proxies.url.replace("127.0.0.1", "localhost")
    window.sign_in(person, by_name)
    assert window.run(HAS_PASSKEYS) is False

    window.open(f"{by_name}/accounts/")
    window.find("h3", "Passkeys")
    window.wait_for_text("main", NOTE)
    assert offers(window) == []
    window.open(f"{by_name}/accounts/2fa/")
    window.find("h1", "Protect your account with a second factor")
    window.wait_for_text("main", NOTE)
    assert offers(window) == []
    add_passkey(person)
    window.open(f"{by_name}/accounts/reauthenticate/")
    window.find("h1", "Confirm that it is you")
    assert offers(window) == []
    assert window.find_all("p", "or") == []


def test_login_and_second_step_offer_no_passkey(
    window: WebKitWindow, person: User, proxies: BrowserProxies
) -> None:
    by_name = proxies.url.replace("127.0.0.1", "localhost")
    add_passkey(person)
    window.open(f"{by_name}/accounts/login/")
    window.find("h1", "Log in")
    assert offers(window) == []

    window.fill("[name=username]", person.username)
    window.fill("[name=password]", "demo")
    window.press("Log in")

    window.find("h1", "Second step of the login")
    window.wait_for_text("main", NOTE)
    assert offers(window) == []
