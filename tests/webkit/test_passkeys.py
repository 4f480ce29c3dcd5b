"""Passkeys, which WebKitGTK does not have, are not offered."""

from __future__ import annotations

import pytest

from tests.webdriver.lines import Lines
from tests.webdriver.upload_page import UploadPage

HAS_PASSKEYS = "return 'PublicKeyCredential' in window"
ADDRESSES = ("/accounts/", "/accounts/2fa/", "/accounts/login/")


@pytest.mark.parametrize("path", ADDRESSES)
def test_passkeys_are_not_offered(
    upload_page: UploadPage, lines: Lines, path: str
) -> None:
    window = upload_page.window
    by_name = lines.url.replace("127.0.0.1", "localhost")
    window.open(f"{by_name}/accounts/login/")
    window.open(f"{by_name}{path}")

    assert window.run(HAS_PASSKEYS) is False
    assert window.find_all("a, button", "Add a passkey|Log in with a passkey") == []
