"""The site reads requests with a charset as UTF-8, or refuses them with a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.test import AsyncRequestFactory, Client, RequestFactory

from config import asgi, wsgi
from uploads.http.requests import Utf8

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
BODIES = {
    URLENCODED: b"username=alice&password=wrong",
    MULTIPART: b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n'
    b"alice\r\n--x--\r\n",
}
# Some codecs of Python do not decode text.
OTHERS = ("utf-16", "latin-1", "utf-7", "base64", "rot13", "idna", "undefined")


# Parameters with an encoding (RFC 2231).
UNREADABLE = (
    "a*=bogus''x",
    "a*=idna''%ff",
    "a*=undefined''x",
    "a*=%00''x",
    "a*0*=bogus''x; a*1=y",
    "charset*=bogus''utf-8",
)


@pytest.fixture(params=[True, False], ids=["DEBUG", "production"], autouse=True)
def _debug(request: pytest.FixtureRequest, settings: Settings) -> None:
    settings.DEBUG = request.param


def log_in(client: Client, kind: str, charset: str) -> Any:
    """Send the login form as ``kind``, with the declared ``charset``."""
    said = f"{kind}; charset={charset}"
    return client.generic("POST", "/accounts/login/", BODIES[kind], content_type=said)


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("charset", OTHERS)
def test_form_in_another_charset_is_refused_with_a_message(
    client: Client, kind: str, charset: str
) -> None:
    answer = log_in(client, kind, charset)

    assert answer.status_code == 400
    assert (
        "This form declares an encoding other than UTF-8. Send the form as UTF-8."
        in (answer.content.decode())
    )


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", "no-such", '""'])
def test_form_with_utf8_or_an_unknown_charset_is_read_as_utf8(
    client: Client, kind: str, charset: str
) -> None:
    answer = log_in(client, kind, charset)

    assert answer.status_code == 200
    assert 'value="alice"' in answer.content.decode()


@pytest.mark.parametrize("charset", OTHERS)
def test_url_is_decoded_as_utf8_for_any_charset_of_the_body(
    client: Client, django_user_model: Any, charset: str
) -> None:
    client.force_login(django_user_model.objects.create_user("alice"))
    said = f"text/plain; charset={charset}"

    # The test client creates requests of Django's class. The site's handlers use
    # another class.
    with mock.patch("django.test.client.WSGIRequest", wsgi.application.request_class):
        page = client.generic("GET", "/?next=%C3%BC", content_type=said)
        listed = client.generic("GET", "/api/v1/uploads?q=%C3%BC", content_type=said)
        refused = client.generic("POST", "/api/v1/uploads?q=x", b"{}", said)

    assert [page.status_code, listed.status_code] == [200, 200]
    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"


def test_wsgi_and_asgi_handlers_use_the_sites_request_class() -> None:
    assert issubclass(wsgi.application.request_class, Utf8)
    assert issubclass(asgi.application.request_class, Utf8)


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("charset", OTHERS)
def test_api_refuses_a_form_with_a_problem(
    client: Client, django_user_model: Any, kind: str, charset: str
) -> None:
    client.force_login(django_user_model.objects.create_user("alice"))

    answer = client.generic(
        "POST", "/api/v1/uploads", BODIES[kind], f"{kind}; charset={charset}"
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"


@pytest.mark.parametrize("parameter", UNREADABLE)
@pytest.mark.parametrize("interface", ["WSGI", "ASGI"])
def test_unreadable_parameters_give_an_empty_content_type(
    interface: str, parameter: str
) -> None:
    said = f"{MULTIPART}; {parameter}"

    with (
        mock.patch("django.test.client.WSGIRequest", wsgi.application.request_class),
        mock.patch("django.test.client.ASGIRequest", asgi.application.request_class),
    ):
        make = RequestFactory() if interface == "WSGI" else AsyncRequestFactory()
        made = make.generic("POST", "/", b"x", said)

    assert made.content_type == ""
    assert made.content_params == {}
    assert dict(made.POST) == {}


@pytest.mark.parametrize("kind", [*BODIES, "application/json", "x/y"])
def test_request_with_unreadable_parameters_is_refused(
    client: Client, django_user_model: Any, kind: str
) -> None:
    client.force_login(django_user_model.objects.create_user("alice"))

    with mock.patch("django.test.client.WSGIRequest", wsgi.application.request_class):
        for said in (f"{kind}; {parameter}" for parameter in UNREADABLE):
            page = client.generic("GET", "/", content_type=said)
            form = client.generic("POST", "/accounts/sessions/end/", b"x=y", said)
            refused = client.generic("POST", "/api/v1/uploads", b"{}", said)

            assert [page.status_code, form.status_code] == [200, 302], said
            assert refused.status_code == 422, said
            assert refused["Content-Type"] == "application/problem+json", said
