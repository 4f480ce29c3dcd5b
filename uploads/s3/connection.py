"""Returns the options with which the site connects to the bucket.

config/settings.py imports this module, so it must not need Django's apps or settings.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from botocore.config import Config

AddressingStyle = Literal["path", "virtual"]


def storage_options(
    *,
    bucket: str,
    region: str,
    endpoint_url: str,
    addressing_style: AddressingStyle,
    access_key: str,
    secret_key: str,
    session_token: str,
) -> dict[str, Any]:
    """Return the OPTIONS of django-storages' S3 storage for one pair of credentials.

    If the credentials are empty, boto3 searches for credentials, for example in a
    profile or a role.
    """
    return {
        "bucket_name": bucket,
        "region_name": region,
        "endpoint_url": endpoint_url or None,
        "access_key": access_key or None,
        "secret_key": secret_key or None,
        "security_token": session_token or None,
        "addressing_style": addressing_style,
        "signature_version": "s3v4",
        "default_acl": None,
        "file_overwrite": False,
        "client_config": Config(
            signature_version="s3v4",
            s3={"addressing_style": addressing_style},
            # By default, boto3 adds checksums that some S3-compatible servers refuse.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=50,
        ),
    }


def browser_origin(
    *, bucket: str, region: str, endpoint_url: str, addressing_style: str
) -> str:
    """Return the origin of upload URLs, for the page's Content-Security-Policy."""
    if not endpoint_url:
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        endpoint_url = f"https://s3.{region}.{suffix}"
    parts = urlsplit(endpoint_url)
    host = parts.netloc
    if addressing_style == "virtual":
        host = f"{bucket}.{host}"
    return f"{parts.scheme}://{host}"
