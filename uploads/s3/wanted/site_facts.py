"""Contains the facts about a site that its wanted bucket settings depend on.

The worker is the identity that makes the calls of the site. Setup is the identity that
configures the bucket.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from uploads.conf import DAY_SECONDS, Options
from uploads.s3.keys import DOCTOR, INCOMING


@dataclass(frozen=True)
class Network:
    """Names the networks from which the worker and setup may call S3.

    If both the addresses and the endpoints are empty, all networks are allowed.
    Two statements of the bucket policy enforce these networks. The statements do not
    limit presigned URLs, because browsers in any network use these URLs. ``principals``
    are the ARNs of the identities that the statements limit.
    """

    source_addresses: tuple[str, ...] = ()
    vpc_endpoints: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.source_addresses or self.vpc_endpoints)


@dataclass(frozen=True)
class SiteFacts:
    """Contains all facts about a site that the wanted documents depend on.

    ``endpoint_urls`` are the S3 endpoints that the server and browsers use. An empty
    URL means AWS. If ``kms_key`` is empty, S3 encrypts with its own keys (SSE-S3).
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
        """Return the key prefix of objects that forms without JavaScript send."""
        return f"{self.key_prefix}{INCOMING}"

    @property
    def doctor_prefix(self) -> str:
        """Return the key prefix of probe objects, which setup and the doctor create."""
        return f"{self.key_prefix}{DOCTOR}"

    @property
    def bucket_arn(self) -> str:
        """Return the ARN of the bucket."""
        return f"arn:{self.partition}:s3:::{self.bucket}"

    def objects_arn(self, prefix: str = "") -> str:
        """Return the ARN of all objects below ``prefix``."""
        return f"{self.bucket_arn}/{prefix}*"

    @property
    def is_local(self) -> bool:
        """Return whether every endpoint without TLS is on this machine."""
        return all(is_loopback(urlsplit(url).hostname) for url in self.open_endpoints)

    @property
    def open_endpoints(self) -> tuple[str, ...]:
        """Return the endpoints that use HTTP without TLS."""
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
    """Return the age in days at which S3 deletes the parts of an incomplete upload.

    No upload of the site can last this long.
    """
    longest = options.lifetime_seconds + options.extension_seconds
    return -(-longest // DAY_SECONDS) + 1


def partition_of(region: str) -> str:
    """Return the AWS partition of a region, for example ``aws-cn``. ARNs contain it."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def is_loopback(host: str | None) -> bool:
    """Return whether ``host`` names this machine, such as localhost or 127.0.0.1."""
    name = (host or "").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _require_origin(origin: str) -> None:
    if "*" in origin:
        raise ValueError(
            f"With the origin {origin} in its CORS rule, the bucket would also allow "
            "requests from pages of other sites. Name each origin in full, without *."
        )
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            f"{origin!r} is not an origin. Write the scheme and the host, for example "
            "https://files.example.com."
        )
    if origin != f"{parts.scheme}://{parts.netloc}" or parts.username is not None:
        raise ValueError(
            f"{origin!r} is not an origin. Write {parts.scheme}://"
            f"{parts.netloc.rpartition('@')[2]} without a path, a final slash or a "
            "user name, as browsers do."
        )
