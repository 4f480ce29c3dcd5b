"""libcurl serves only boto3 clients whose settings it can apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.raw_server import RawServer, reply
from tests.unit.s3.test_transfers import (
    _close_senders,
    body_of,
    bucket_at,
    get,
    hang_up,
    one_outcome,
    serve,
    uses_curl,
)
from uploads.s3 import transfer_options
from uploads.s3.transfer_options import settings_of

__all__ = ["_close_senders", "serve"]  # fixtures

OLD_WAY = {
    "proxy": {"proxies": {"http": "http://127.0.0.1:1"}},
    "client certificate": {"client_cert": "certificate.pem"},
    "no read timeout": {"read_timeout": None},
}


@pytest.mark.parametrize("options", OLD_WAY.values(), ids=OLD_WAY)
def test_client_with_a_rare_setting_sends_its_requests_itself(
    options: dict[str, Any],
) -> None:
    assert not uses_curl(bucket_at("http://127.0.0.1:1", **options))


@pytest.mark.parametrize("verify", [False, "/missing/bundle.pem"])
def test_client_without_verification_sends_its_requests_itself(verify: Any) -> None:
    assert not uses_curl(bucket_at("https://127.0.0.1:1", verify=verify))


def test_site_works_without_pycurl(
    serve: Callable[..., RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer_options, "curl", lambda: None)
    server = serve(reply())
    bucket = bucket_at(server.url)

    assert not uses_curl(bucket)
    outcomes = bucket.requests.send_many(get(20))
    assert [body_of(one) for one in outcomes] == [b"0123"] * 20
    server.answer = lambda wire, _: wire.sendall(reply(b"", "403 Forbidden"))
    assert isinstance(one_outcome(bucket), ClientError)
    server.answer = hang_up
    assert one_outcome(bucket) is None


def test_default_client_uses_libcurl() -> None:
    client = boto3.client("s3", region_name="eu-west-1")

    assert settings_of(client, "https://b.s3.eu-west-1.amazonaws.com") is not None


@pytest.mark.parametrize("is_bypassed", [True, False])
def test_variables_for_proxies_count_as_for_boto3(
    serve: Callable[..., RawServer],
    monkeypatch: pytest.MonkeyPatch,
    is_bypassed: bool,
) -> None:
    server, proxy = serve(reply(b"server")), serve(reply(b"proxy"))
    for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1" if is_bypassed else "")
    bucket = bucket_at(server.url)

    expected = b"server" if is_bypassed else b"proxy"
    assert body_of(one_outcome(bucket)) == expected
    assert body_of(bucket.requests.send("GetObject", "k", max_bytes=9)) == expected


def test_variables_that_change_later_are_ignored_as_by_boto3(
    serve: Callable[..., RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = bucket_at(serve(reply()).url)
    proxy = serve(reply(b"proxy"))
    monkeypatch.setenv("http_proxy", proxy.url)

    assert body_of(one_outcome(bucket)) == b"0123"
    assert uses_curl(bucket)
    assert proxy.heads == []
