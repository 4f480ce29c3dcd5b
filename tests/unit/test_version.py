"""The version is defined once. Only operators and the storage see it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from django.contrib.auth.models import User
from django.test import Client

from uploads import __version__
from uploads.s3.identities import client_of_alias

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def test_changelog_agrees_with_the_version() -> None:
    titles = re.findall(r"^## (\S+)", CHANGELOG, re.MULTILINE)
    releases = [title for title in titles if title != "Unreleased"]

    if __version__.endswith(".dev0"):
        assert titles[0] == "Unreleased"
        assert as_numbers(__version__.removesuffix(".dev0")) > as_numbers(releases[0])
    else:
        assert __version__ == releases[0]


def test_no_other_file_repeats_the_version() -> None:
    files = [
        *ROOT.glob("*.toml"),
        *ROOT.glob("Dockerfile"),
        *ROOT.glob("*.yaml"),
        *(ROOT / "config").rglob("*.py"),
        *(ROOT / "uploads").rglob("*.py"),
        *(ROOT / "infra").rglob("*.*"),
    ]
    found = [
        path for path in files if path.is_file() and __version__ in path.read_text()
    ]

    assert found == [ROOT / "uploads" / "__init__.py"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/accounts/login/", "/admin/", "/admin/login/", "/healthz", "/nothing"),
        *("/api/v1/me", "/api/v1/openapi.json", "/api/v1/docs"),
    ],
)
@pytest.mark.parametrize("is_logged_in", [False, True])
def test_pages_for_users_do_not_show_the_version(
    client: Client, path: str, is_logged_in: bool
) -> None:
    if is_logged_in:
        client.force_login(User.objects.create_user("person"))

    response = client.get(path, follow=True)

    assert __version__ not in response.text
    assert __version__ not in str(response.headers)


@pytest.mark.django_db
def test_admin_shows_the_version_in_its_footer(admin_client: Client) -> None:
    for path in ("/admin/", "/admin/uploads/upload/"):
        assert f"Slipway {__version__}" in admin_client.get(path).text


@pytest.mark.parametrize("alias", ["uploads", "uploads_signer"])
def test_requests_to_s3_name_the_version(alias: str) -> None:
    client: Any = client_of_alias(alias)
    sent = []

    def answer(request: Any, **_: Any) -> Any:
        sent.append(request.headers["User-Agent"])
        response: Any = AWSResponse(request.url, 404, HTTPHeaders(), None)
        response._content = b""
        return response

    client.meta.events.register("before-send", answer)
    with pytest.raises(client.exceptions.ClientError):
        client.head_bucket(Bucket="any")

    [agent] = sent
    assert f" slipway/{__version__}" in agent.decode()
