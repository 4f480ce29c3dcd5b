"""Defines the options of the app (the setting ``UPLOADS``): types and defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

MIB = 1024**2
GIB = 1024**3
MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60, 3600, 24 * 3600

ACCEPT, REFUSE = "accept", "refuse"
NEEDED, ALWAYS, NEVER = "needed", "always", "never"
CHECKSUMS = ("sha256", "crc64nvme")
"""The permitted values of UPLOADS_CHECKSUM. They are the values of states.Algorithm."""

_ENDPOINT = re.compile(
    r"https?://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::\d+)?"
    r"(?:/[\w.~%-]+)*/?",
    re.ASCII | re.IGNORECASE,
)
_PORTS = {"http": 80, "https": 443}

MAX_PARTS_PER_REQUEST = 100
"""Maximum number of parts in one request for URLs. The page uses the same maximum."""


def is_endpoint(url: str) -> bool:
    """Return whether ``url`` is a scheme and a host, with an optional port and path.

    The site writes ``url`` into the Content-Security-Policy. So the result is False if
    ``url`` contains a character such as ``;``. Non-ASCII host names need punycode.
    """
    try:
        return _ENDPOINT.fullmatch(url) is not None and urlsplit(url).port != 0
    except ValueError:
        return False


def masked(url: str) -> str:
    """Return ``url`` with its user name and password replaced by ``***``."""
    return re.sub(r"//[^/]*@", "//***@", url)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url.lower())
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


@dataclass(frozen=True)
class RateLimit:
    """Allows ``count`` requests, files or parts in ``seconds``, even in one burst."""

    UNITS = {
        "second": 1,
        "minute": MINUTE_SECONDS,
        "hour": HOUR_SECONDS,
        "day": DAY_SECONDS,
    }
    MAX_PER_SECOND = 1_000_000

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str, *, name: str) -> RateLimit | None:
        """Parse a limit such as ``6000/minute`` or ``5/15minutes``.

        Return None for "off" and "". Raises ImproperlyConfigured for other texts. The
        message of the error contains ``name``, the name of the setting.
        """
        if text.strip().lower() in {"", "off"}:
            return None
        found = re.fullmatch(
            r"(\d{1,12})\s*+/\s*+(\d{0,5})\s*+(second|minute|hour|day)s?",
            text.strip().lower(),
            re.ASCII,
        )
        if found is None:
            raise ImproperlyConfigured(
                f"{name} is {text!r}. Write a number and a period, such as 6000/minute "
                "or 5/15minutes. For no limit, write off."
            )
        limit = cls(int(found[1]), int(found[2] or 1) * cls.UNITS[found[3]])
        if not 1 <= limit.count <= limit.seconds * cls.MAX_PER_SECOND:
            raise ImproperlyConfigured(
                f"{name} is {text!r}. It must allow at least one request, and at most "
                f"{cls.MAX_PER_SECOND} requests per second. For no limit, write off."
            )
        return limit

    def __str__(self) -> str:
        unit, length = next(
            (unit, length)
            for unit, length in reversed(self.UNITS.items())
            if self.seconds % length == 0
        )
        number = self.seconds // length
        return f"{self.count} in {f'{number} {unit}s' if number > 1 else f'one {unit}'}"


@dataclass(frozen=True)
class Options:
    """Options for operators. docs/settings.md explains each option."""

    key_prefix: str = "uploads/"
    default_quota_bytes: int = 20 * 1000**3
    default_max_files: int = 100_000
    max_file_size: int = 10_000 * 5 * GIB  # S3's own limit: 10,000 parts of 5 GiB
    allowed_content_types: tuple[str, ...] = ("*/*",)
    min_part_bytes: int = 16 * MIB
    lifetime_seconds: int = 7 * DAY_SECONDS
    extension_seconds: int = DAY_SECONDS
    url_expiry_seconds: int = 900
    download_expiry_seconds: int = 300
    sweep_grace_seconds: int = 60
    orphan_grace_seconds: int = 3 * DAY_SECONDS
    max_open: int = 10_000
    # None means no limit. A user can upload and delete three folders of 10,000 files in
    # one minute without waiting. The limits per address are higher, because many people
    # in an office may share one address.
    rate_start: RateLimit | None = RateLimit(30_000, MINUTE_SECONDS)
    rate_start_per_address: RateLimit | None = RateLimit(300_000, MINUTE_SECONDS)
    rate_presign: RateLimit | None = RateLimit(30_000, MINUTE_SECONDS)
    rate_presign_per_address: RateLimit | None = RateLimit(300_000, MINUTE_SECONDS)
    rate_complete: RateLimit | None = RateLimit(30_000, MINUTE_SECONDS)
    rate_complete_per_address: RateLimit | None = RateLimit(300_000, MINUTE_SECONDS)
    rate_change: RateLimit | None = RateLimit(30_000, MINUTE_SECONDS)
    rate_change_per_address: RateLimit | None = RateLimit(300_000, MINUTE_SECONDS)
    rate_download: RateLimit | None = RateLimit(3_000, MINUTE_SECONDS)
    rate_download_per_address: RateLimit | None = RateLimit(30_000, MINUTE_SECONDS)
    # Reports of a page that cannot send to the bucket. A page sends at most one report
    # every few seconds.
    rate_report: RateLimit | None = RateLimit(30, MINUTE_SECONDS)
    rate_report_per_address: RateLimit | None = RateLimit(3_000, MINUTE_SECONDS)
    # Failed logins. Successful logins are not counted.
    rate_login: RateLimit | None = RateLimit(5, 5 * MINUTE_SECONDS)
    rate_login_per_address: RateLimit | None = RateLimit(100, HOUR_SECONDS)
    # New sessions. The first limit is for logins of one account from one address. The
    # second limit is for visitors from one address who are not logged in.
    rate_session: RateLimit | None = RateLimit(300, HOUR_SECONDS)
    rate_session_per_address: RateLimit | None = RateLimit(1_000, HOUR_SECONDS)
    # Mails with a link to set a new password. The first limit is for one mailbox, and
    # pages do not show whether it is reached. The second limit is for one IP address.
    rate_reset: RateLimit | None = RateLimit(5, DAY_SECONDS)
    rate_reset_per_address: RateLimit | None = RateLimit(60, HOUR_SECONDS)
    # Limits of inspections. The options ``inline_...`` are for all uploads of one
    # request. The options ``inspection_...`` are for one upload in the background.
    inline_inspection_bytes: int = 16 * MIB
    inline_inspection_reads: int = 120
    inline_inspection_seconds: float = 3
    inspection_bytes: int = 4 * GIB
    inspection_seconds: float = 120
    unfinished_inspection: str = ACCEPT
    read_back: str = NEEDED
    checksum: str = "sha256"
    quarantine_prefix: str = ""
    s3_public_endpoints: tuple[str, ...] = ()
    """Further S3 endpoints for browsers, in addition to S3_PUBLIC_ENDPOINT_URL."""

    def __post_init__(self) -> None:
        if not 1 <= self.url_expiry_seconds <= 900:
            raise ImproperlyConfigured(
                "UPLOADS_URL_EXPIRY_SECONDS must be 1 to 900. An upload URL that is "
                "valid for more than 15 minutes is a security risk."
            )
        if not 1 <= self.download_expiry_seconds <= 300:
            raise ImproperlyConfigured(
                "UPLOADS_DOWNLOAD_EXPIRY_SECONDS must be 1 to 300."
            )
        if not 5 * MIB <= self.min_part_bytes <= 5 * GIB:
            raise ImproperlyConfigured(
                f"UPLOADS_MIN_PART_BYTES must be {5 * MIB} (5 MiB) to {5 * GIB} "
                "(5 GiB), because S3 accepts no other part sizes."
            )
        if self.lifetime_seconds < self.url_expiry_seconds:
            raise ImproperlyConfigured(
                f"UPLOADS_LIFETIME_SECONDS is {self.lifetime_seconds}. It must not be "
                "smaller than UPLOADS_URL_EXPIRY_SECONDS, which is "
                f"{self.url_expiry_seconds}."
            )
        if self.extension_seconds < 0:
            raise ImproperlyConfigured("UPLOADS_EXTENSION_SECONDS must be 0 or more.")
        if self.max_open < 1:
            raise ImproperlyConfigured(
                "UPLOADS_MAX_OPEN must be 1 or more. Otherwise nobody can upload."
            )
        for name in ("rate_presign", "rate_presign_per_address"):
            limit: RateLimit | None = getattr(self, name)
            if limit is not None and limit.count < MAX_PARTS_PER_REQUEST:
                raise ImproperlyConfigured(
                    f"UPLOADS_{name.upper()} allows {limit}, but one request may ask "
                    f"for the URLs of {MAX_PARTS_PER_REQUEST} parts. Set a limit of at "
                    f"least {MAX_PARTS_PER_REQUEST}."
                )
        self._require_places_free()
        self._require_inspection_limits()
        self._require_quarantine_apart()
        self._require_endpoints()

    def _require_places_free(self) -> None:
        for name in ("incoming/", "doctor/"):
            if self.key_prefix.endswith(name):
                raise ImproperlyConfigured(
                    f"S3_KEY_PREFIX must not end with {name}, because the site uses a "
                    "folder of that name below the prefix."
                )

    def _require_inspection_limits(self) -> None:
        for name in (
            "inline_inspection_reads",
            "inline_inspection_seconds",
            "inspection_bytes",
            "inspection_seconds",
        ):
            if getattr(self, name) <= 0:
                raise ImproperlyConfigured(
                    f"UPLOADS_{name.upper()} must be more than 0."
                )
        if self.unfinished_inspection not in {ACCEPT, REFUSE}:
            raise ImproperlyConfigured(
                f"UPLOADS_UNFINISHED_INSPECTION is {self.unfinished_inspection!r}. Set "
                f"it to {ACCEPT} or {REFUSE}."
            )

        if self.checksum not in CHECKSUMS:
            raise ImproperlyConfigured(
                f"UPLOADS_CHECKSUM is {self.checksum!r}. Set it to "
                f"{' or '.join(CHECKSUMS)}."
            )
        if self.read_back not in {NEEDED, ALWAYS, NEVER}:
            raise ImproperlyConfigured(
                f"UPLOADS_READ_BACK is {self.read_back!r}. Set it to {NEEDED}, {ALWAYS} "
                f"or {NEVER}."
            )

    def _require_endpoints(self) -> None:
        for url in self.s3_public_endpoints:
            if not is_endpoint(url):
                raise ImproperlyConfigured(
                    f"UPLOADS_S3_PUBLIC_ENDPOINTS contains {masked(url)!r}, which is not "
                    "an endpoint. Write a scheme and a host, such as https://s3-b.example.com."
                )
        first = settings.S3_PUBLIC_ENDPOINT_URL or settings.S3_ENDPOINT_URL
        urls = [*filter(None, [first]), *self.s3_public_endpoints]
        if self.s3_public_endpoints and len(set(map(_origin, urls))) < len(urls):
            raise ImproperlyConfigured(
                "UPLOADS_S3_PUBLIC_ENDPOINTS contains an endpoint twice, or it repeats "
                f"the main endpoint {first}. Remove the repeated endpoint."
            )

    def _require_quarantine_apart(self) -> None:
        kept, quarantine = self.key_prefix, self.quarantine_prefix
        if not quarantine:
            return
        if not quarantine.endswith("/"):
            raise ImproperlyConfigured("UPLOADS_QUARANTINE_PREFIX must end in a slash.")
        if quarantine.startswith(kept) or kept.startswith(quarantine):
            raise ImproperlyConfigured(
                f"UPLOADS_QUARANTINE_PREFIX {quarantine!r} and S3_KEY_PREFIX {kept!r} "
                "overlap. Neither prefix may start with the other prefix."
            )


@lru_cache(maxsize=1)
def options() -> Options:
    """Return the current options.

    Raises ImproperlyConfigured for an unknown name or a value out of range.
    """
    given: dict[str, Any] = {
        name.lower(): value for name, value in settings.UPLOADS.items()
    }
    unknown = given.keys() - {field.name for field in fields(Options)}
    if unknown:
        raise ImproperlyConfigured(f"UPLOADS has unknown options: {sorted(unknown)}")
    for name in ("allowed_content_types", "s3_public_endpoints"):
        if name in given:
            given[name] = tuple(given[name])
    given |= {
        name: RateLimit.parse(value, name=f"UPLOADS_{name.upper()}")
        for name, value in given.items()
        if name.startswith("rate_")
    }
    return Options(**given)


def _forget_options(*, setting: str, **_: object) -> None:
    if setting == "UPLOADS":
        options.cache_clear()


setting_changed.connect(_forget_options)
