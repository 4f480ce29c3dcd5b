"""The client's network address is taken from trusted proxies only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client, RequestFactory

from uploads.access.addresses import client_address

if TYPE_CHECKING:
    from pytest_django import Settings

PROXY = "10.0.0.1"


def address(forwarded: str | None, remote: str = PROXY) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(
        RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers)
    )


@pytest.mark.parametrize(
    ("count", "forwarded", "expected"),
    [
        (0, None, PROXY),
        (0, "203.0.113.7", PROXY),
        (1, None, PROXY),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (1, "evil, 203.0.113.7", "203.0.113.7"),
        (2, "198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (2, "203.0.113.7", PROXY),
        (1, "198.51.100.1, unknown", PROXY),
        (1, "198.51.100.1, ", PROXY),
        (1, "198.51.100.1, 203.0.113.7:51824", "203.0.113.7"),
        (1, "[2001:db8::7]:51824", "2001:db8::7"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "2001:0DB8::0007", "2001:db8::7"),
        (1, "::ffff:203.0.113.7", "203.0.113.7"),
        (1, "203.0.113.7\x00", PROXY),
        (1, "203.0.113", PROXY),
        (1, "٢٠٣.0.113.7", PROXY),
        (-1, "203.0.113.7", PROXY),
    ],
)
def test_trusted_proxy_count_selects_the_clients_address_from_the_header(
    settings: Settings, count: int, forwarded: str | None, expected: str
) -> None:
    settings.TRUSTED_PROXY_COUNT = count

    assert address(forwarded) == expected


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_connected_address_is_normalised(remote: str, expected: str) -> None:
    assert address(None, remote) == expected


def test_log_names_the_clients_address(
    settings: Settings, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TRUSTED_PROXY_COUNT = 1

    client.get("/healthz", headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.7"})

    assert "'address': '203.0.113.7'" in caplog.text
