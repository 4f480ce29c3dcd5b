"""Identities with missing or excessive permissions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config

from tests.doctor.conftest import MakeProxy, Site
from tests.doctor.proxy import Reply, Request, s3_error
from uploads.doctor import credentials
from uploads.s3.credentials import Credentials


def only_problem(site: Site) -> Any:
    """Return the only finding. Fails if there are more findings."""
    found = site.problems("credentials")
    assert len(found) == 1, sorted(found)
    return next(iter(found.values()))


def test_signer_with_read_and_delete_permissions_is_reported(site: Site) -> None:
    worker = site.server.worker
    other = site.server.setup
    site.use(
        alias="uploads_signer",
        access_key=other.access_key,
        secret_key=other.secret_key,
    )

    found = only_problem(site)

    assert worker != other
    assert found.name == "credentials.signer_limits"
    assert "GetObject, ListObjectsV2, DeleteObject" in found.fact
    assert "only s3:PutObject" in found.fix


@pytest.mark.parametrize("debug", [True, False])
def test_site_without_a_signer_is_reported(site: Site, debug: bool) -> None:
    site.settings.DEBUG = debug
    site.settings.STORAGES = {
        name: each
        for name, each in site.settings.STORAGES.items()
        if name != "uploads_signer"
    }

    found = site.problems("credentials")

    assert set(found) == (set() if debug else {"credentials.signer"})


@pytest.mark.parametrize(
    ("method", "words", "operation", "action"),
    [
        ("DELETE", "doctor/", "DeleteObject", "s3:DeleteObject"),
        ("GET", "list-type=2", "ListObjectsV2", "s3:ListBucket"),
        ("GET", "uploads", "ListMultipartUploads", "s3:ListBucketMultipartUploads"),
        ("GET", "versions", "ListObjectVersions", "s3:ListBucketVersions"),
    ],
)
def test_missing_permission_of_the_worker_is_named(
    site: Site,
    proxied: MakeProxy,
    method: str,
    words: str,
    operation: str,
    action: str,
) -> None:
    def refuse(request: Request) -> Reply | None:
        path, _, query = request.path.partition("?")
        names = query.split("&")
        is_plain = words in path and "uploadId" not in query
        is_it = is_plain if words == "doctor/" else words in names
        is_signed_url = "X-Amz-Signature" in query
        if request.method == method and is_it and not is_signed_url:
            return s3_error(403, "AccessDenied", "Access Denied")
        return None

    site.use(endpoint_url=proxied(before=refuse).url)

    found = only_problem(site)

    assert found.name == f"credentials.worker_rights.{operation}"
    assert action in found.fix


def test_provider_that_refuses_checksums_of_the_sdk_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    def refuse(request: Request) -> Reply | None:
        names = {name.lower() for name, _ in request.headers}
        if "x-amz-checksum-crc32" in names or "x-amz-trailer" in names:
            return s3_error(400, "BadDigest", "checksum not supported")
        return None

    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    site.use(endpoint_url=proxied(before=refuse).url, client_config=config)

    found = only_problem(site)

    assert found.name == "credentials.worker_rights.PutObject.sdk_checksums"
    assert "when_required" in found.fix


def test_credentials_that_expire_before_the_urls_are_reported() -> None:
    now = datetime.now(UTC)
    short = Credentials("key", "secret", "token", now + timedelta(seconds=600))
    long = Credentials("key", "secret", "token", now + timedelta(hours=1))

    assert credentials._lifetime(short, now).status == "WARN"
    assert credentials._lifetime(long, now).status == "OK"


def test_findings_show_no_secret_and_no_complete_key(site: Site) -> None:
    text = str(site.findings("credentials"))

    assert site.server.worker.secret_key not in text
    assert site.server.worker.access_key not in text
