"""The options of the app: the ``UPLOADS`` setting, typed and with its defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

GIB = 1024**3
DAY_SECONDS = 24 * 3600

ACTIVE_CONTENT_TYPES = frozenset(
    {
        "application/ecmascript",
        "application/hta",
        "application/javascript",
        "application/mathml+xml",
        "application/rss+xml",
        "application/x-ecmascript",
        "application/x-httpd-php",
        "application/x-javascript",
        "application/x-mimearchive",
        "application/x-shockwave-flash",
        "application/xhtml+xml",
        "application/xml",
        "application/xslt+xml",
        "image/svg+xml",
        "message/rfc822",
        "multipart/related",
        "multipart/x-mixed-replace",
        "text/ecmascript",
        "text/html",
        "text/javascript",
        "text/javascript1.0",
        "text/javascript1.1",
        "text/javascript1.2",
        "text/javascript1.3",
        "text/javascript1.4",
        "text/javascript1.5",
        "text/jscript",
        "text/livescript",
        "text/vbscript",
        "text/x-ecmascript",
        "text/x-javascript",
        "text/xml",
        "text/xsl",
    }
)
"""Types a browser may run. No wildcard admits them: only their own name does."""


@dataclass(frozen=True)
class Options:
    """What an operator can choose; docs/settings.md explains each."""

    key_prefix: str = "uploads/"
    default_quota_bytes: int = 20 * 1000**3
    default_max_files: int = 100_000
    max_file_size: int = 10_000 * 5 * GIB  # S3's own limit: 10,000 parts of 5 GiB
    allowed_content_types: tuple[str, ...] = ("*/*",)
    lifetime_seconds: int = 7 * DAY_SECONDS
    url_expiry_seconds: int = 900
    download_expiry_seconds: int = 300
    sweep_grace_seconds: int = 60
    orphan_grace_seconds: int = 3 * DAY_SECONDS

    def __post_init__(self) -> None:
        if not 1 <= self.url_expiry_seconds <= 900:
            raise ImproperlyConfigured(
                "UPLOADS_URL_EXPIRY_SECONDS must be 1 to 900: an upload URL that "
                "lives longer than 15 minutes is a key left under the mat."
            )
        if not 1 <= self.download_expiry_seconds <= 300:
            raise ImproperlyConfigured(
                "UPLOADS_DOWNLOAD_EXPIRY_SECONDS must be 1 to 300."
            )
        if self.lifetime_seconds < self.url_expiry_seconds:
            raise ImproperlyConfigured(
                "UPLOADS_LIFETIME_SECONDS is shorter than the life of one URL."
            )


@lru_cache(maxsize=1)
def options() -> Options:
    """Return the options in force.

    Raises ImproperlyConfigured for an unknown name or a value out of range.
    """
    given: dict[str, Any] = {
        name.lower(): value for name, value in settings.UPLOADS.items()
    }
    unknown = given.keys() - {field.name for field in fields(Options)}
    if unknown:
        raise ImproperlyConfigured(f"UPLOADS has unknown options: {sorted(unknown)}")
    if "allowed_content_types" in given:
        given["allowed_content_types"] = tuple(given["allowed_content_types"])
    return Options(**given)


def _forget_options(*, setting: str, **_: object) -> None:
    if setting == "UPLOADS":
        options.cache_clear()


setting_changed.connect(_forget_options)
