"""The site creates clients of S3 from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

from botocore.loaders import JSONFileLoader
from django.conf import settings as configured
from django.core.files.storage import storages

from uploads.s3 import descriptions
from uploads.s3.identities import client_of, presigner_of

if TYPE_CHECKING:
    from pytest_django import Settings


def with_options(settings: Settings, **options: Any) -> None:
    all_of_them: dict[str, Any] = configured.STORAGES
    uploads = all_of_them["uploads"]
    uploads = {**uploads, "OPTIONS": {**uploads["OPTIONS"], **options}}
    settings.STORAGES = {**all_of_them, "uploads": uploads}


def key_of(client: Any) -> str:
    return str(client._request_signer._credentials.access_key)


def test_second_client_does_not_read_the_files_of_botocore_again() -> None:
    descriptions.read()
    load_file = JSONFileLoader.load_file
    found = []

    def read(loader: JSONFileLoader, path: str) -> Any:
        data = load_file(loader, path)
        if data is not None:  # botocore looks for a missing file each time
            found.append(path)
        return data

    with mock.patch.object(JSONFileLoader, "load_file", read):
        client = client_of(storages["uploads"])
        presigner_of("uploads", client)
        client.get_paginator("list_objects_v2")

    assert found == []


def test_client_uses_the_options_of_its_entry_in_storages(settings: Settings) -> None:
    endpoint = "https://s3.example.com"
    with_options(
        settings,
        endpoint_url=endpoint,
        region_name="eu-west-1",
        verify=False,
        access_key="the-key",
        secret_key="the-secret",
    )

    client: Any = client_of(storages["uploads"])

    assert client.meta.endpoint_url == endpoint
    assert client.meta.region_name == "eu-west-1"
    assert client.meta.config.retries["mode"] == "standard"
    assert client._endpoint.http_session._verify is False
    assert key_of(client) == "the-key"
