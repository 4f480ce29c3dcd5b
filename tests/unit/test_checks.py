"""The system checks report wrong settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from uploads import checks
from uploads.doctor.memory import remember_promises
from uploads.doctor.results import ok


def ids(found: list[Any]) -> list[str]:
    assert all(message.hint for message in found), "A check has no hint."
    return [message.id for message in found]


def test_default_settings_pass_all_checks() -> None:
    assert checks.check_options() == []
    assert checks.check_storage() == []
    assert checks.check_endpoint() == []
    assert checks.check_endpoint_is_encrypted() == []
    assert checks.check_bucket_is_another_site() == []
    assert checks.check_site_url() == []


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", []),
        ("https://files.example.com", []),
        ("https://files.example.com:8443", []),
        ("files.example.com", ["uploads.E007"]),
        ("https://files.example.com/path", ["uploads.E007"]),
        ("https://files.example.com?x", ["uploads.E007"]),
        ("javascript://files.example.com", ["uploads.E007"]),
        ("https://", ["uploads.E007"]),
        ("https://files.example.com:x", ["uploads.E007"]),
        ("https://other.example", ["uploads.E008"]),
        ("http://files.example.com", ["uploads.W009"]),
    ],
)
def test_invalid_site_url_is_an_error(
    settings: Any, url: str, found: list[str]
) -> None:
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["files.example.com"]
    settings.SITE_URL = url

    assert ids(checks.check_site_url()) == found


def test_ids_of_checks_are_unique() -> None:
    source = Path(checks.__file__).read_text()
    used = re.findall(r'id="(uploads\.[EW]\d+)"', source)

    assert len(used) > 10
    assert sorted(used) == sorted(set(used))


@pytest.mark.django_db
def test_bucket_that_no_doctor_has_tested_is_reported(settings: Any) -> None:
    settings.S3_BUCKET = "fresh"
    [found] = checks.check_bucket_is_certified(databases=["default"])
    assert found.id == "uploads.W010"
    assert "fresh" in found.msg
    assert checks.check_bucket_is_certified(databases=None) == []

    remember_promises([ok("contract.put.other_bytes", "")])

    assert checks.check_bucket_is_certified(databases=["default"]) == []


def test_check_of_the_bucket_reports_nothing_if_the_table_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_table() -> Any:
        raise DatabaseError("no such table")

    monkeypatch.setattr(checks, "capabilities", no_table)

    assert checks.check_bucket_is_certified(databases=["default"]) == []


@pytest.mark.parametrize("host", ["*", ".example.com"])
def test_allowed_hosts_with_a_wildcard_require_the_site_url(
    settings: Any, host: str
) -> None:
    settings.ALLOWED_HOSTS = ["files.example.com", host]

    assert ids(checks.check_site_url()) == ["uploads.W008"]


@pytest.mark.parametrize(
    "options",
    [
        {"URL_EXPIRY_SECONDS": 901},
        {"URL_EXPIRY_SECONDS": 0},
        {"DOWNLOAD_EXPIRY_SECONDS": 301},
        {"LIFETIME_SECONDS": 60},
        {"EXTENSION_SECONDS": -1},
        {"NO_SUCH_OPTION": 1},
        {"QUARANTINE_PREFIX": "quarantine"},
        {"QUARANTINE_PREFIX": "uploads/bad/"},
        {"KEY_PREFIX": "a/b/", "QUARANTINE_PREFIX": "a/"},
    ],
    ids=str,
)
def test_invalid_option_is_an_error(settings: Any, options: dict[str, Any]) -> None:
    settings.UPLOADS = options

    assert ids(checks.check_options()) == ["uploads.E001"]


def test_missing_storage_is_an_error(settings: Any) -> None:
    settings.STORAGES = {
        name: value
        for name, value in settings.STORAGES.items()
        if not name.startswith("uploads")
    }

    assert ids(checks.check_storage()) == ["uploads.E002"]


def test_storage_that_signs_with_sigv2_is_an_error(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "uploads": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {}},
    }

    assert ids(checks.check_storage()) == ["uploads.E003"]


def test_virtual_addressing_with_an_ip_address_is_an_error(settings: Any) -> None:
    settings.S3_ADDRESSING_STYLE = "virtual"
    settings.S3_PUBLIC_ENDPOINT_URL = "http://192.0.2.1:9000"

    assert ids(checks.check_endpoint()) == ["uploads.E004"]


BAD_ENDPOINTS = [
    "https://s3-b.example.org;script-src",
    "https://s3-b.example.org,script-src",
    "https://s3-b.example.org/a;script-src",
    "https://*",
    "https://*.example.org",
    "https://'unsafe-inline'",
    "https://s3-b.example.org\\@s3.example.net",
    "https://s3-b.example.org.",
    "https://s3-b..example.org",
    "https://s3-\N{LATIN SMALL LETTER B WITH DOT BELOW}.example.org",
    "https://s3-b.example.org:0",
    "https://s3-b.example.org:65536",
    "https://s3-b.example.org:x",
    "https://[::1",
    "https://[::1::2]",
]
"""Endpoints that would change the Content-Security-Policy, or have no host."""


def test_further_endpoints_are_checked_like_the_first(settings: Any) -> None:
    settings.S3_PUBLIC_ENDPOINT_URL = "https://s3.example.org"
    further = ["https://s3-b.example.org", "http://192.0.2.1:9000"]
    settings.UPLOADS = {**settings.UPLOADS, "S3_PUBLIC_ENDPOINTS": further}

    [encrypted] = checks.check_endpoint_is_encrypted()
    settings.S3_ADDRESSING_STYLE = "virtual"
    [addressed] = checks.check_endpoint()

    assert (encrypted.id, addressed.id) == ("uploads.E006", "uploads.E004")
    assert further[1] in encrypted.msg
    assert further[1] in addressed.msg


@pytest.mark.parametrize(
    "urls",
    [
        ["s3-b.example.org"],
        ["ftp://s3-b.example.org"],
        ["https://"],
        ["https://user@s3-b.example.org"],
        ["https://s3-b.example.org?x"],
        ["https://s3-b.example.org", "https://s3-b.example.org"],
        ["https://s3-b.example.org", "https://S3-B.example.org:443/path"],
        ["https://s3.example.org:443"],
        *([url] for url in BAD_ENDPOINTS),
    ],
)
def test_invalid_further_endpoint_is_named(settings: Any, urls: list[str]) -> None:
    settings.S3_PUBLIC_ENDPOINT_URL = "https://s3.example.org"
    settings.UPLOADS = {**settings.UPLOADS, "S3_PUBLIC_ENDPOINTS": urls}

    [found] = checks.check_options()

    assert found.id == "uploads.E001"
    assert "UPLOADS_S3_PUBLIC_ENDPOINTS" in found.msg


@pytest.mark.parametrize(
    ("endpoint", "public", "found"),
    [
        ("http://s3.example.org:9000", "", ["uploads.E006"]),
        ("https://s3.example.org", "http://files.example.net", ["uploads.E006"]),
        ("http://minio:9000", "https://files.example.net", ["uploads.W006"]),
        ("http://minio:9000", "http://192.0.2.1", ["uploads.E006", "uploads.W006"]),
        ("http://localhost.example.org", "", ["uploads.E006"]),
        ("https://s3.example.org", "", []),
        ("", "", []),
        ("http://127.0.0.1:8333", "", []),
        ("http://127.9.9.9:8333", "http://localhost:8333", []),
        ("http://[::1]:8333", "http://s3.localhost", []),
    ],
)
def test_unencrypted_endpoint_is_reported(
    settings: Any, endpoint: str, public: str, found: list[str]
) -> None:
    settings.S3_ENDPOINT_URL, settings.S3_PUBLIC_ENDPOINT_URL = endpoint, public

    assert ids(checks.check_endpoint_is_encrypted()) == found

    settings.DEBUG = True
    assert checks.check_endpoint_is_encrypted() == []


@pytest.mark.parametrize(
    ("host", "endpoint", "is_same"),
    [
        ("files.example.com", "https://files.example.com:9000", True),
        ("files.example.com", "https://s3.files.example.com", True),
        ("files.example.com", "https://s3.example.com", True),
        ("example.com", "https://s3.example.com", True),
        (".example.com", "https://s3.example.com", True),
        ("FILES.example.com", "https://s3.eu.Example.com", True),
        ("files.example.co.uk", "https://s3.example.co.uk", True),
        ("192.0.2.1", "http://192.0.2.1:9000", True),
        ("files.example.com", "https://files.example.net", False),
        ("files.example.com", "https://files-example.com", False),
        ("files.example.co.uk", "https://s3.another.co.uk", False),
        ("files.example.com", "", False),
        ("192.0.2.1", "http://192.0.2.2:9000", False),
        ("*", "https://s3.example.com", False),
        ("127.0.0.1", "http://127.0.0.1:8333", False),
        ("localhost", "http://localhost:8333", False),
        ("[::1]", "http://[::1]:8333", False),
    ],
)
def test_bucket_under_the_same_domain_as_the_pages_is_reported(
    settings: Any, host: str, endpoint: str, *, is_same: bool
) -> None:
    # Browsers attach SameSite cookies to requests between hosts of the same site.
    settings.ALLOWED_HOSTS = ["other.example.org", host]
    settings.S3_ADDRESSING_STYLE = "path" if endpoint else "virtual"
    settings.S3_PUBLIC_ENDPOINT_URL = endpoint

    found = ["uploads.W007"] if is_same else []
    assert ids(checks.check_bucket_is_another_site()) == found


def test_bucket_name_is_part_of_the_compared_host(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["files.example.com"]
    settings.S3_ADDRESSING_STYLE = "virtual"
    settings.S3_PUBLIC_ENDPOINT_URL = "https://example.com"

    assert ids(checks.check_bucket_is_another_site()) == ["uploads.W007"]
