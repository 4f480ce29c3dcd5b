"""The site derives short names of browsers from the User-Agent header."""

from __future__ import annotations

import pytest

from uploads.accounts.browsers import describe

pytestmark = pytest.mark.django_db


CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0 Safari/537.36"
EDGE = f"{CHROME} Edg/150.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/605"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (CHROME, "Chrome on Windows"),
        (EDGE, "Edge on Windows"),
        (PHONE, "Safari on iPhone"),
        ("curl/8.5.0", "curl"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Linux"),
        ("<script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_user_agent_is_shortened_to_the_browsers_name(sent: str, words: str) -> None:
    assert describe(sent) == words
