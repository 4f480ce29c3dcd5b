"""The page offers passkeys only if the browser can use them."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User

from tests.support.passkey import add_passkey
from tests.webdriver.firefox import FirefoxWindow
from tests.webdriver.proxies import BrowserProxies

OFFERS = "Add a passkey|Passkey.*|Log in with a passkey"
PATHS = ("/accounts/", "/accounts/2fa/")


def test_passkeys_are_offered_only_at_a_host_name(
    window: FirefoxWindow, person: User, proxies: BrowserProxies
) -> None:
    by_name = proxies.url.replace("127.0.0.1", "localhost")
    window.sign_in(person, by_name)
    for path in PATHS:
        window.open(f"{by_name}{path}")
        window.find("a", OFFERS)
    add_passkey(person)
    window.open(f"{by_name}/accounts/reauthenticate/")
    window.find("a", "Use a passkey")

    window.sign_in(person, proxies.url)
    window.open(f"{proxies.url}/accounts/reauthenticate/")
    window.find("h1", "Confirm that it is you")
    assert window.find_all("a", "Use a passkey") == []
    Authenticator.objects.filter(user=person).delete()
    for path in PATHS:
        window.open(f"{proxies.url}{path}")
        window.wait_for_text("main", "address of the site is an IP address")
        assert window.find_all("a", OFFERS) == []
