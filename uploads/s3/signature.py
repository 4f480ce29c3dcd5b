"""Signature version 4 for URLs and POST policies: pure functions.

After the Amazon S3 API Reference, "Authenticating Requests: Using Query
Parameters". boto3 spends most of a presign on finding out what never changes
between two URLs. Here one signing key lives as long as its day, so a URL costs
two hashes. tests/unit/s3/test_presigner.py compares it with botocore's, byte for byte.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

from uploads.s3.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Scope:
    """Who signs, where and when; ``moment`` is like 20261121T072342Z."""

    credentials: Credentials
    region: str
    moment: str

    @property
    def day_and_service(self) -> str:
        """The part of the scope that the signing key is made for."""
        return f"{self.moment[:8]}/{self.region}/s3/aws4_request"

    @property
    def credential(self) -> str:
        """The value of X-Amz-Credential."""
        return f"{self.credentials.access_key}/{self.day_and_service}"

    def sign(self, text: str) -> str:
        """Return the signature of ``text``, in hex."""
        key = signing_key(self.credentials.secret_key, self.moment[:8], self.region)
        return hmac.digest(key, text.encode(), "sha256").hex()


@dataclass(frozen=True)
class Target:
    """The URL to be signed, in pieces; ``path`` is percent-encoded already.

    ``host`` is the Host header: like the origin's, but without a usual port.
    """

    origin: str
    host: str
    path: str


@lru_cache(maxsize=16)
def signing_key(secret_key: str, day: str, region: str) -> bytes:
    """Return the key that signs for S3 in ``region`` on ``day`` (like 20261121)."""
    key = f"AWS4{secret_key}".encode()
    for step in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return key


@lru_cache(maxsize=16)
def timestamp(moment: datetime) -> str:
    """Return a moment in UTC as S3 writes it, like 20261121T072342Z."""
    return f"{moment:%Y%m%dT%H%M%SZ}"


def encode_path(path: str) -> str:
    """Percent-encode a path as S3 wants it: all but slashes and A-Za-z0-9-._~."""
    return quote(path, safe="/~")


@lru_cache(maxsize=256)
def encode_value(value: str) -> str:
    """Percent-encode a value of a query: all but A-Za-z0-9-._~.

    Cached, since the parts of one upload differ in little but their numbers.
    """
    return quote(value, safe="~")


def presigned_url(
    *,
    method: str,
    target: Target,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    scope: Scope,
    expires_in: int,
) -> str:
    """Return a URL that permits ``method`` with exactly these ``headers``.

    Names in ``query`` need no encoding. Those of ``headers`` are lower case and
    leave out host, which is always signed.
    """
    signed = {**headers, "host": target.host}
    names = sorted(signed)
    signed_headers = ";".join(names)
    pairs = [
        *((name, encode_value(value)) for name, value in query),
        ("X-Amz-Algorithm", _ALGORITHM),
        ("X-Amz-Credential", encode_value(scope.credential)),
        ("X-Amz-Date", scope.moment),
        ("X-Amz-Expires", str(expires_in)),
        ("X-Amz-SignedHeaders", signed_headers.replace(";", "%3B")),
    ]
    if scope.credentials.token:
        pairs.append(("X-Amz-Security-Token", encode_value(scope.credentials.token)))
    canonical_request = "\n".join(
        (
            method,
            target.path,
            "&".join(f"{name}={value}" for name, value in sorted(pairs)),
            *(f"{name}:{' '.join(signed[name].split())}" for name in names),
            "",
            signed_headers,
            "UNSIGNED-PAYLOAD",
        )
    )
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    signature = scope.sign(
        f"{_ALGORITHM}\n{scope.moment}\n{scope.day_and_service}\n{digest}"
    )
    sent = "&".join(f"{name}={value}" for name, value in pairs)
    return f"{target.origin}{target.path}?{sent}&X-Amz-Signature={signature}"


def policy_fields(scope: Scope) -> dict[str, str]:
    """Return the form fields that name the signer; a policy pins them all."""
    fields = {
        "x-amz-algorithm": _ALGORITHM,
        "x-amz-credential": scope.credential,
        "x-amz-date": scope.moment,
    }
    if scope.credentials.token:
        fields["x-amz-security-token"] = scope.credentials.token
    return fields
