"""The facts about a site that determine its bucket's settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from uploads.conf import DAY_SECONDS, Options
from uploads.s3.keys import DOCTOR, INCOMING


@dataclass(frozen=True)
class Network:
    """The networks from which the worker and setup may call. Empty: no condition.

    The signer and downloads are not limited to a network, because browsers in any
    network use the URLs.
    """

    source_addresses: tuple[str, ...] = ()
    vpc_endpoints: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.source_addresses or self.vpc_endpoints)


@dataclass(frozen=True)
class SiteFacts:
    """All facts that the wanted documents are made from.

    ``endpoint_urls`` are the URLs of S3 that the server and browsers use. An empty
    URL means AWS. An empty ``kms_key`` means SSE-S3.
    """

    bucket: str
    origins: tuple[str, ...]
    endpoint_urls: tuple[str, ...] = ()
    key_prefix: str = "uploads/"
    quarantine_prefix: str = ""
    abort_after_days: int = 9
    quarantine_days: int = 30
    noncurrent_days: int = 7
    kms_key: str = ""
    queue_arn: str = ""
    organisation: str = ""
    network: Network = Network()
    partition: str = "aws"

    def __post_init__(self) -> None:
        for origin in self.origins:
            _require_origin(origin)

    @property
    def incoming_prefix(self) -> str:
        """The prefix of objects that plain forms send."""
        return f"{self.key_prefix}{INCOMING}"

    @property
    def doctor_prefix(self) -> str:
        """The prefix of probe objects."""
        return f"{self.key_prefix}{DOCTOR}"

    @property
    def bucket_arn(self) -> str:
        """The ARN of the bucket."""
        return f"arn:{self.partition}:s3:::{self.bucket}"

    def objects_arn(self, prefix: str = "") -> str:
        """Return the ARN of all objects below ``prefix``."""
        return f"{self.bucket_arn}/{prefix}*"

    @property
    def is_local(self) -> bool:
        """Whether S3 is reached without TLS on this machine only."""
        return all(is_loopback(urlsplit(url).hostname) for url in self.open_endpoints)

    @property
    def open_endpoints(self) -> tuple[str, ...]:
        """The endpoints that are not encrypted."""
        return tuple(
            url for url in self.endpoint_urls if urlsplit(url).scheme == "http"
        )


def site_facts(
    options: Options,
    *,
    bucket: str,
    origins: Sequence[str],
    endpoint_urls: Sequence[str] = (),
    region: str = "",
) -> SiteFacts:
    """Return the facts of a site with these options.

    Raises ValueError for an invalid origin.
    """
    return SiteFacts(
        bucket=bucket,
        origins=tuple(dict.fromkeys(origins)),
        endpoint_urls=tuple(dict.fromkeys(endpoint_urls)),
        key_prefix=options.key_prefix,
        quarantine_prefix=options.quarantine_prefix,
        abort_after_days=abort_after_days(options),
        partition=partition_of(region),
    )


def abort_after_days(options: Options) -> int:
    """Return a number of whole days that is longer than any upload can last."""
    longest = options.lifetime_seconds + options.extension_seconds
    return -(-longest // DAY_SECONDS) + 1


def partition_of(region: str) -> str:
    """Return the partition of an AWS region, for ARNs."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def is_loopback(host: str | None) -> bool:
    """Return whether ``host`` is a loopback name or address."""
    name = (host or "").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _require_origin(origin: str) -> None:
    if "*" in origin:
        raise ValueError(f"{origin} allows pages of other sites. Name each origin.")
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            f"{origin!r} is not an origin. Write scheme and host, as in "
            "https://files.example.com."
        )
    if origin != f"{parts.scheme}://{parts.netloc}" or parts.username is not None:
        raise ValueError(
            f"{origin!r} is not an origin: browsers send {parts.scheme}://"
            f"{parts.netloc.rpartition('@')[2]}, without a path, a slash at the end, or a user name."
        )
