"""Defines system checks of the settings. Only ``manage.py doctor`` tests the bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.http.request import validate_host

from uploads.conf import options
from uploads.inspection.detection import detect_type, is_detector_missing
from uploads.inspection.pipeline import inspectors
from uploads.lifecycle.capabilities import capabilities, place
from uploads.s3.connection import browser_origin
from uploads.text.hosts import is_address, is_loopback, is_unencrypted, site_of

MIN_SECRET_LENGTH = 20


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
    """Report if STORAGES does not contain the bucket, or sets an unsafe signature."""
    storages: dict[str, Any] = settings.STORAGES
    storage = storages.get("uploads")
    if storage is None:
        return [
            checks.Error(
                'STORAGES has no entry "uploads".',
                hint='Add an entry "uploads" with the S3Storage of django-storages.',
                id="uploads.E002",
            )
        ]
    if storage.get("OPTIONS", {}).get("signature_version") != "s3v4":
        return [
            checks.Error(
                'STORAGES["uploads"] does not set signature_version to "s3v4".',
                hint='Set it to "s3v4" in OPTIONS. Otherwise, boto3 presigns with '
                "SigV2. SigV2 does not sign the headers that upload URLs depend on.",
                id="uploads.E003",
            )
        ]
    return []


@checks.register("uploads")
def check_detector(**_: Any) -> list[checks.CheckMessage]:
    """Report that libmagic cannot be started."""
    detect_type(b"%PDF-1.7")
    if not is_detector_missing():
        return []
    return [
        checks.Error(
            "libmagic cannot be started, so no content type can be detected. Install "
            "python-magic and pylibmagic.",
            hint="docs/inspection.md explains how libmagic is started.",
            id="uploads.E009",
        )
    ]


@checks.register(checks.Tags.database)
def check_bucket_is_certified(
    databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Report a bucket that the doctor has never tested. `migrate` runs this check."""
    try:
        is_certified = not databases or capabilities().is_certified
    except Error:
        return []  # The table does not exist before the first migration.
    if is_certified:
        return []
    return [
        checks.Warning(
            f"manage.py doctor has never tested the bucket {place()}. So the site "
            "reads every object back and compares its checksum itself.",
            hint="Run `manage.py doctor`. docs/providers.md explains the results.",
            id="uploads.W010",
        )
    ]


@checks.register("uploads")
def check_inspectors(**_: Any) -> list[checks.CheckMessage]:
    """Report inspectors that cannot be created, and an empty list of inspectors."""
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
                "INSPECTORS is empty, so the site accepts files with any content.",
                hint="Keep at least one inspector in the list.",
                id="uploads.W001",
            )
        ]
    return []


@checks.register("uploads")
def check_endpoint(**_: Any) -> list[checks.CheckMessage]:
    """Report virtual-hosted addressing if the endpoint is an IP address."""
    is_virtual = settings.S3_ADDRESSING_STYLE == "virtual"
    return [
        checks.Error(
            f"S3_ADDRESSING_STYLE=virtual does not work with the IP address in {url}.",
            hint="Set S3_ADDRESSING_STYLE=path, or use an endpoint with a host name.",
            id="uploads.E004",
        )
        for url in _public_endpoints()
        if is_virtual and is_address(urlsplit(url).hostname)
    ]


def _public_endpoints() -> list[str]:
    further = settings.UPLOADS.get("S3_PUBLIC_ENDPOINTS", ())
    return [settings.S3_PUBLIC_ENDPOINT_URL or settings.S3_ENDPOINT_URL, *further]


@checks.register("uploads", deploy=True)
def check_proxies(**_: Any) -> list[checks.CheckMessage]:
    """Report a proxy setup in which all requests seem to come from the proxy."""
    if settings.BEHIND_TLS_PROXY and settings.TRUSTED_PROXY_COUNT < 1:
        return [
            checks.Warning(
                "BEHIND_TLS_PROXY is on, but TRUSTED_PROXY_COUNT is 0. Every request "
                "seems to come from the proxy, so all visitors share one rate limit.",
                hint="Set TRUSTED_PROXY_COUNT to the number of proxies that add to "
                "X-Forwarded-For.",
                id="uploads.W005",
            )
        ]
    return []


@checks.register("uploads")
def check_variables(**_: Any) -> list[checks.CheckMessage]:
    """Report environment variables that are unknown or contradict each other."""
    return [
        checks.Warning(
            complaint,
            hint="docs/settings.md lists the variables.",
            id="uploads.W011",
        )
        for complaint in getattr(settings, "VARIABLES_TO_CHECK", ())
    ]


@checks.register("uploads")
def check_metrics_secret(**_: Any) -> list[checks.CheckMessage]:
    """Report a METRICS_SECRET that is too short."""
    secret: str = settings.METRICS_SECRET
    if not secret or len(secret) >= MIN_SECRET_LENGTH:
        return []
    return [
        checks.Error(
            f"METRICS_SECRET has {len(secret)} characters; the minimum is "
            f"{MIN_SECRET_LENGTH}.",
            hint="Create a longer secret: "
            "python -c 'import secrets; print(secrets.token_urlsafe())'",
            id="uploads.E010",
        )
    ]


@checks.register("uploads")
def check_site_url(**_: Any) -> list[checks.CheckMessage]:
    """Report an invalid SITE_URL, or a missing one if ALLOWED_HOSTS has wildcards."""
    url: str = settings.SITE_URL
    if url:
        return _check_site_url_value(url)
    open_hosts = [
        host for host in settings.ALLOWED_HOSTS if host.startswith(("*", "."))
    ]
    if not open_hosts or settings.DEBUG:
        return []
    return [
        checks.Warning(
            f"ALLOWED_HOSTS has {open_hosts[0]}, and SITE_URL is not set. Links in "
            "mails contain the request's host name, which any client can choose.",
            hint="Set SITE_URL to the URL of this site.",
            id="uploads.W008",
        )
    ]


def _check_site_url_value(url: str) -> list[checks.CheckMessage]:
    try:
        parts = urlsplit(url)
        is_origin = parts.port != 0 and url == f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        is_origin = False
    if not is_origin or parts.scheme not in {"http", "https"} or not parts.hostname:
        return [
            checks.Error(
                f"SITE_URL is {url!r}. It must contain only a scheme and a host.",
                hint="Write a URL such as https://files.example.com.",
                id="uploads.E007",
            )
        ]
    if not validate_host(parts.hostname, settings.ALLOWED_HOSTS):
        return [
            checks.Error(
                f"SITE_URL is {url}, but ALLOWED_HOSTS does not contain its host.",
                hint=f"Add {parts.hostname} to ALLOWED_HOSTS.",
                id="uploads.E008",
            )
        ]
    if is_unencrypted(url) and not settings.DEBUG:
        return [
            checks.Warning(
                f"SITE_URL is {url}, so links to set a new password do not use TLS.",
                hint="Set SITE_URL to an https:// URL.",
                id="uploads.W009",
            )
        ]
    return []


@checks.register("uploads")
def check_endpoint_is_encrypted(**_: Any) -> list[checks.CheckMessage]:
    """Report endpoints to which files would be sent unencrypted."""
    if settings.DEBUG:
        return []
    found: list[checks.CheckMessage] = [
        checks.Error(
            f"Browsers would send files to {url} over a connection without TLS.",
            hint="Use https:// URLs in S3_PUBLIC_ENDPOINT_URL and "
            "UPLOADS_S3_PUBLIC_ENDPOINTS. An https page cannot send files to http://.",
            id="uploads.E006",
        )
        for url in filter(is_unencrypted, _public_endpoints())
    ]
    server = settings.S3_ENDPOINT_URL
    if is_unencrypted(server) and server not in _public_endpoints():
        found.append(
            checks.Warning(
                f"The server reads files from {server} over a connection without TLS.",
                hint="Set S3_ENDPOINT_URL to an https:// URL. If server and bucket "
                "share a private network, you may ignore this warning.",
                id="uploads.W006",
            )
        )
    return found


@checks.register("uploads")
def check_bucket_is_another_site(**_: Any) -> list[checks.CheckMessage]:
    """Report a bucket that browsers treat as the same site as this app.

    The check may be wrong, because it uses no list of public suffixes. It compares the
    last two labels of the host names, or three labels for a suffix such as ``co.uk``.
    """
    origin = browser_origin(
        bucket=settings.S3_BUCKET,
        region=settings.S3_REGION,
        endpoint_url=settings.S3_PUBLIC_ENDPOINT_URL or settings.S3_ENDPOINT_URL,
        addressing_style=settings.S3_ADDRESSING_STYLE,
    )
    bucket_host = urlsplit(origin).hostname or ""
    hosts = [host.strip(".[]").lower() for host in settings.ALLOWED_HOSTS]
    same = [host for host in hosts if site_of(host) == site_of(bucket_host)]
    if is_loopback(bucket_host) or not same:
        return []
    return [
        checks.Warning(
            f"The bucket's host {bucket_host} is on the same site as {same[0]}. If a "
            "browser opens a file of the bucket, scripts in the file can set cookies for "
            "this site, and the browser adds this site's cookies to their requests.",
            hint="Serve the bucket from another domain (S3_PUBLIC_ENDPOINT_URL).",
            id="uploads.W007",
        )
    ]
