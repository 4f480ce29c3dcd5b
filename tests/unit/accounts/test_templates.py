"""Every account page uses a template of the site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.template.loader import get_template
from django.test import Client
from django.urls import URLResolver

from uploads.accounts import urls

pytestmark = pytest.mark.django_db


TEMPLATES = Path(__file__).resolve().parents[3] / "templates"


def _templates(patterns: list[Any]) -> set[str]:
    """Return the templates of all views in ``patterns``."""
    names: set[str] = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            names |= _templates(pattern.url_patterns)
            continue
        view = getattr(pattern.callback, "view_class", None)
        name = getattr(view, "template_name", None)
        names |= {name} if name else set()
    return names


def test_every_account_page_uses_a_template_of_the_site() -> None:
    # The site's own views answer these two URLs, because their patterns come first.
    shadowed = {"mfa/webauthn/authenticator_list.html", "account/logout.html"}
    names = _templates(urls.urlpatterns) - shadowed

    assert len(names) > 15
    for name in names:
        template: Any = get_template(name)
        assert Path(template.origin.name).is_relative_to(TEMPLATES), name


def test_templates_of_the_library_extend_the_sites_base_template() -> None:
    page = get_template("account/verification_sent.html").render({})

    assert 'class="solo"' in page


@pytest.mark.parametrize(
    ("method", "address", "data"),
    [
        ("post", "/accounts/sessions/end/", {"session": "9" * 5000}),
        ("get", "/accounts/reset/%00/x/", {}),
        ("get", "/admin/login/", {"next": "foo"}),
        ("get", "/admin/login/", {"next": "account_logout"}),
    ],
)
def test_invalid_input_on_account_pages_gets_a_redirect_or_404(
    admin_client: Client, method: str, address: str, data: dict[str, str]
) -> None:
    answer = getattr(admin_client, method)(address, data)

    assert answer.status_code in {302, 404}
    assert answer.get("Location", "/").startswith("/")
