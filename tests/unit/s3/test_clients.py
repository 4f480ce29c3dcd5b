"""Test the S3 clients of a process with several identities, forks and threads."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import pytest

from uploads.errors import (
    StorageUnavailable,
)
from uploads.s3.bucket import (
    Bucket,
    get_bucket,
    get_download_presigner,
    get_presigner,
)
from uploads.s3.connection import storage_options
from uploads.s3.once import OncePerProcess


def error(status: int, code: str) -> tuple[int, str]:
    return status, f"<Error><Code>{code}</Code><Message>no</Message></Error>"


def identity(access_key: str, **options: Any) -> dict[str, Any]:
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": storage_options(
            bucket="b",
            region="eu-west-1",
            endpoint_url="http://127.0.0.1:1",
            addressing_style="path",
            access_key=access_key,
            secret_key="secret",
            session_token="",
        )
        | options,
    }


def signed_by(presigner: Any) -> str:
    url = presigner.get_object(
        key="k",
        filename="f",
        content_type="a/b",
        disposition="attachment",
        expires_in=60,
    ).url
    return str(parse_qs(urlsplit(url).query)["X-Amz-Credential"][0].split("/")[0])


def test_signer_signs_uploads_and_worker_signs_downloads(settings: Any) -> None:
    settings.STORAGES = {
        "uploads": identity("worker"),
        "uploads_signer": identity("signer"),
    }

    assert signed_by(get_presigner()) == "signer"
    assert signed_by(get_download_presigner()) == "worker"


def test_one_identity_may_sign_uploads_and_downloads(settings: Any) -> None:
    settings.STORAGES = {"uploads": identity("worker")}

    assert signed_by(get_presigner()) == "worker"


def test_urls_for_browsers_use_the_public_endpoint(settings: Any) -> None:
    settings.STORAGES = {"uploads": identity("worker")}
    settings.S3_PUBLIC_ENDPOINT_URL = "https://s3.example.org"

    assert get_presigner().origin == "https://s3.example.org"
    assert get_bucket().client.meta.endpoint_url == "http://127.0.0.1:1"


def test_client_is_reused_until_the_settings_change(
    settings: Any,
) -> None:
    settings.STORAGES = {"uploads": identity("one")}
    before = get_bucket(), get_presigner()
    again = get_bucket(), get_presigner()

    settings.S3_EXPECTED_BUCKET_OWNER = "123456789012"

    assert again == before
    assert get_bucket() is not before[0]
    assert get_presigner() is not before[1]
    assert get_bucket().target["ExpectedBucketOwner"] == "123456789012"


@pytest.mark.parametrize("error", [RuntimeError("still expired"), OSError("no file")])
def test_missing_credentials_raise_storage_unavailable(
    error: Exception,
) -> None:
    client = Mock()
    client.head_bucket.side_effect = error

    with pytest.raises(StorageUnavailable):
        Bucket(client=client, name="slipway-tests").check()


@pytest.mark.parametrize("error", [NotImplementedError, RecursionError])
def test_programming_error_is_not_reported_as_a_storage_error(
    error: type[Exception],
) -> None:
    client = Mock()
    client.head_bucket.side_effect = error

    with pytest.raises(error):
        Bucket(client=client, name="slipway-tests").check()


def test_credentials_that_are_available_after_the_start_are_used(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The service for the credentials of a role may not answer at the start."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    found = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(found))
    settings.STORAGES = {"uploads": identity("", secret_key=None)}

    for make in (get_bucket, get_presigner, get_download_presigner):
        with pytest.raises(StorageUnavailable):
            make()
    found.write_text("[default]\naws_access_key_id = late\naws_secret_access_key = s\n")

    assert signed_by(get_presigner()) == signed_by(get_download_presigner()) == "late"
    assert (
        get_bucket()
        .client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
        .count("late")
    )


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_process_creates_its_own_client(settings: Any) -> None:
    settings.STORAGES = {"uploads": identity("worker")}
    client = get_bucket().client

    child = multiprocessing.get_context("fork").Process(
        target=lambda: exit(get_bucket().client is client)
    )
    child.start()
    child.join()

    assert get_bucket().client is client
    assert child.exitcode == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_process_forked_while_a_client_is_created_creates_another_client() -> None:
    making, forked = threading.Event(), threading.Event()

    @OncePerProcess
    def client() -> object:
        if threading.current_thread() is not threading.main_thread():
            making.set()
            assert forked.wait(120)
        return object()

    thread = threading.Thread(target=client)
    thread.start()
    assert making.wait(120)
    child = multiprocessing.get_context("fork").Process(target=client, daemon=True)
    child.start()
    child.join(120)
    forked.set()
    thread.join()

    assert child.exitcode == 0


def test_concurrent_threads_share_one_client() -> None:
    made: list[object] = []
    gate = threading.Barrier(8)

    @OncePerProcess
    def client() -> object:
        time.sleep(0.05)  # the other threads must wait for this client
        made.append(object())
        return made[-1]

    def ask() -> object:
        gate.wait(120)
        return client()

    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(ask) for _ in range(8)]

    assert {each.result() for each in results} == set(made)
    assert len(made) == 1
