"""Provide identities, endpoints and a time for tests of the presigner."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from uploads.s3.connection import AddressingStyle
from uploads.s3.credentials import Credentials
from uploads.s3.presigner import Presigner
from uploads.s3.signed import SignedPost

Endpoint = tuple[AddressingStyle, str, str]
NOW = datetime(2026, 11, 21, 7, 23, 42, 987_654, tzinfo=UTC)
CHECKSUM = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

# Each entry has the addressing style, the URL and the region. The last three URLs have
# an IP address, so the bucket's name cannot be a part of the host.
ENDPOINTS: list[Endpoint] = [
    ("virtual", "https://s3.eu-west-1.amazonaws.com", "eu-west-1"),
    ("virtual", "https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("virtual", "https://s3.example.org:9443", "auto"),
    ("virtual", "https://s3.example.org:443", "us-east-1"),
    ("path", "http://s3.example.org:80", "us-east-1"),
    ("path", "http://localhost:8333", "us-east-1"),
    ("path", "https://gateway.example.org/s3", "us-east-1"),
    ("path", "http://127.0.0.1:8333", "us-east-1"),
    ("virtual", "http://127.0.0.1:8333", "us-east-1"),
    ("path", "http://[::1]:8333", "us-east-1"),
]

IDENTITIES = [
    Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    Credentials("AKID/odd+key", "schlüssel", "IQoJb3JpZ2luX2VjE//+=&token=="),
]


@lru_cache(maxsize=64)
def botocore_client(endpoint: Endpoint, identity: Credentials) -> Any:
    style, endpoint_url, region = endpoint
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=identity.access_key,
        aws_secret_access_key=identity.secret_key,
        aws_session_token=identity.token or None,
        config=Config(signature_version="s3v4", s3={"addressing_style": style}),
    )


def presigner_at(
    endpoint: Endpoint = ENDPOINTS[0],
    identity: Credentials = IDENTITIES[0],
    now: datetime = NOW,
) -> Presigner:
    style, endpoint_url, region = endpoint
    return Presigner(
        bucket_name="my-bucket",
        region=region,
        endpoint_url=endpoint_url,
        addressing_style=style,
        credentials=lambda: identity,
        clock=lambda: now,
    )


def presign_form(
    presigner: Presigner, *, key: str = "uploads/a", expires_in: int = 900
) -> SignedPost:
    return presigner.post_object(
        key=key,
        byte_size=5,
        content_type="text/plain",
        checksum_sha256=CHECKSUM,
        expires_in=expires_in,
    )
