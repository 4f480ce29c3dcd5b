"""System checks: offline and fast. What needs the network is doctor's."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from uploads.conf import options
from uploads.inspection.pipeline import inspectors


@checks.register("uploads")
def check_options(**_: Any) -> list[checks.CheckMessage]:
    """Report options that are unknown or out of range."""
    try:
        options()
    except (ImproperlyConfigured, TypeError) as error:
        return [
            checks.Error(
                str(error),
                hint="docs/settings.md lists the options and their ranges.",
                id="uploads.E001",
            )
        ]
    return []


@checks.register("uploads")
def check_storage(**_: Any) -> list[checks.CheckMessage]:
    """Report a missing or unsafe configuration of the bucket's storage."""
    storages: dict[str, Any] = settings.STORAGES
    storage = storages.get("uploads")
    if storage is None:
        return [
            checks.Error(
                'STORAGES has no "uploads".',
                hint="Add django-storages' S3Storage under that name.",
                id="uploads.E002",
            )
        ]
    if storage.get("OPTIONS", {}).get("signature_version") != "s3v4":
        return [
            checks.Error(
                'STORAGES["uploads"] does not set signature_version to "s3v4".',
                hint="boto3 still presigns with SigV2 unless told otherwise, "
                "and SigV2 ignores most of what an upload URL must pin.",
                id="uploads.E003",
            )
        ]
    return []


@checks.register("uploads")
def check_inspectors(**_: Any) -> list[checks.CheckMessage]:
    """Report inspectors that cannot be made; before the first upload meets them."""
    try:
        found = inspectors()
    except ImproperlyConfigured as error:
        return [
            checks.Error(
                str(error),
                hint="docs/inspection.md lists the inspectors and their options.",
                id="uploads.E005",
            )
        ]
    if not found:
        return [
            checks.Warning(
                "INSPECTORS is empty: every content is accepted.",
                hint="Leave out of it what you do not want, not everything.",
                id="uploads.W001",
            )
        ]
    return []


@checks.register("uploads")
def check_endpoint(**_: Any) -> list[checks.CheckMessage]:
    """Report an endpoint that no bucket name can be put in front of."""
    url = settings.S3_PUBLIC_ENDPOINT_URL or settings.S3_ENDPOINT_URL
    if settings.S3_ADDRESSING_STYLE == "virtual" and _is_address(
        urlsplit(url).hostname
    ):
        return [
            checks.Error(
                f"S3_ADDRESSING_STYLE is virtual, but {url} is an IP address.",
                hint="Set S3_ADDRESSING_STYLE to path, or give the endpoint a name.",
                id="uploads.E004",
            )
        ]
    return []


@checks.register("uploads", deploy=True)
def check_proxies(**_: Any) -> list[checks.CheckMessage]:
    """Report a proxy that all visitors would be taken for."""
    if settings.BEHIND_TLS_PROXY and settings.TRUSTED_PROXY_COUNT < 1:
        return [
            checks.Warning(
                "BEHIND_TLS_PROXY is on, but TRUSTED_PROXY_COUNT is 0: every request "
                "seems to come from the proxy, and all visitors share its limits.",
                hint="Set TRUSTED_PROXY_COUNT to the number of proxies that add to "
                "X-Forwarded-For.",
                id="uploads.W005",
            )
        ]
    return []


def _is_address(host: str | None) -> bool:
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return True
