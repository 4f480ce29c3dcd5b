"""System checks, by id."""

from __future__ import annotations

from typing import Any

import pytest

from uploads import checks


def ids(found: list[Any]) -> list[str]:
    assert all(message.hint for message in found), "a check without a next step"
    return [message.id for message in found]


def test_the_sites_own_settings_are_in_order() -> None:
    assert checks.check_options() == []
    assert checks.check_storage() == []
    assert checks.check_endpoint() == []


@pytest.mark.parametrize(
    "options",
    [
        {"URL_EXPIRY_SECONDS": 901},
        {"URL_EXPIRY_SECONDS": 0},
        {"DOWNLOAD_EXPIRY_SECONDS": 301},
        {"LIFETIME_SECONDS": 60},
        {"NO_SUCH_OPTION": 1},
        {"QUARANTINE_PREFIX": "quarantine"},
        {"QUARANTINE_PREFIX": "uploads/bad/"},
        {"KEY_PREFIX": "a/b/", "QUARANTINE_PREFIX": "a/"},
    ],
    ids=str,
)
def test_an_option_out_of_range_is_an_error(
    settings: Any, options: dict[str, Any]
) -> None:
    settings.UPLOADS = options

    assert ids(checks.check_options()) == ["uploads.E001"]


def test_a_missing_storage_is_an_error(settings: Any) -> None:
    settings.STORAGES = {
        name: value
        for name, value in settings.STORAGES.items()
        if not name.startswith("uploads")
    }

    assert ids(checks.check_storage()) == ["uploads.E002"]


def test_the_old_signature_is_an_error(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "uploads": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {}},
    }

    assert ids(checks.check_storage()) == ["uploads.E003"]


def test_a_bucket_name_cannot_stand_before_an_ip_address(settings: Any) -> None:
    settings.S3_ADDRESSING_STYLE = "virtual"
    settings.S3_PUBLIC_ENDPOINT_URL = "http://192.0.2.1:9000"

    assert ids(checks.check_endpoint()) == ["uploads.E004"]
