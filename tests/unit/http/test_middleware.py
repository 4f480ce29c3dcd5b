"""The site refuses NUL characters in URLs and cookies."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.admin_pages import EVENTS, LIST

pytestmark = pytest.mark.django_db


NUL = (
    f"{LIST}?state__exact=%00",
    f"{LIST}?transport=put&owner__id__exact=a%00b",
    f"{EVENTS}?kind=%00",
    f"{EVENTS}?%00=1",
    "/?next=%00",
)


@pytest.mark.parametrize("address", NUL)
def test_nul_in_a_url_is_refused_before_the_database(
    operator: Client, address: str
) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = operator.get(address)

    assert answer.status_code == 400
    assert (
        "The address contains a NUL character (%00). Remove this character."
        in answer.content.decode()
    )
    assert len(queries) == 0


@pytest.mark.parametrize("page", ["/", "/api/v1/uploads"])
def test_nul_in_a_cookie_is_refused_before_the_database(
    client: Client, page: str
) -> None:
    cookie = r'sessionid="aaaaaaaa\000aaaaaaaaaaaaaaaaaaaaaaa"; other=1'

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page, headers={"Cookie": cookie})

    assert answer.status_code == (302 if page == "/" else 401)
    assert len(queries) == 0


def test_escaped_percent_sign_followed_by_00_is_accepted(operator: Client) -> None:
    assert operator.get(f"{LIST}?q=%2500").status_code == 200
