"""Run the tests of the contract on two servers: moto and SeaweedFS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from django.conf import settings
from django.core.files.storage import storages
from django.test import override_settings
from moto import mock_aws

from tests.bucket.stores import Store, send_raw, send_to_moto
from tests.conftest import MOTO
from uploads.dev.s3_server import S3Server
from uploads.s3.bucket import (
    Bucket,
    get_bucket,
    get_download_presigner,
    get_presigner,
)


@pytest.fixture(scope="module", params=["moto", "seaweed"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Yield each server. Tests state the requests that moto accepts by mistake."""
    if request.param == "moto":
        yield from _moto()
    else:
        request.getfixturevalue("s3_server")
        yield _store("seaweed", "uploads_signer")


@pytest.fixture(scope="module")
def seaweed(s3_server: S3Server) -> Store:
    """Yield SeaweedFS, which refuses the same requests as S3."""
    return _store("seaweed", "uploads_signer")


def _moto() -> Iterator[Store]:
    with (
        mock_aws(),
        override_settings(
            STORAGES={
                **settings.STORAGES,
                "uploads": MOTO,
                "uploads_signer": MOTO,
            }
        ),
    ):
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="slipway")
        yield _store("moto", "uploads_signer")


def _store(name: str, signer_alias: str) -> Store:
    bucket = get_bucket()
    signer: Any = storages[signer_alias]
    return Store(
        name=name,
        bucket=bucket,
        presigner=get_presigner(),
        download_presigner=get_download_presigner(),
        signer=Bucket(client=signer.connection.meta.client, name=bucket.name),
        key_prefix=f"uploads/{uuid.uuid4().hex}/",
        send=send_to_moto if name == "moto" else send_raw,
    )
