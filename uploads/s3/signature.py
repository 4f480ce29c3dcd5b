"""Computes signatures of version 4 for URLs and requests.

Source: the Amazon S3 API Reference, "Authenticating Requests: Using Query
Parameters". Everything here is a pure function or an immutable value.

For each URL, boto3 again computes values that are the same for all URLs. This takes
most of boto3's time. This module caches the signing key of a day, so one URL needs only
one SHA-256 and one HMAC. policies.py signs forms.
tests/unit/s3/test_presigner_and_botocore.py compares the URLs with botocore's, byte for
byte.
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

ALGORITHM = "AWS4-HMAC-SHA256"
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_BLOCK_BYTES = 64  # the block size of SHA-256
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))

SLOT = "\x00slot\x00"
"""Placeholder for the values that differ between the URLs or forms of one signer.

Its NUL characters never occur in a real value.
"""


@dataclass(frozen=True)
class Scope:
    """Contains the credentials, the region and the time of a signature.

    ``moment`` is a time in UTC, such as 20261121T072342Z.
    """

    credentials: Credentials
    region: str
    moment: str

    @property
    def day_and_service(self) -> str:
        """Return the credential scope: the day, the region and the service."""
        return f"{self.moment[:8]}/{self.region}/s3/aws4_request"

    @property
    def credential(self) -> str:
        """Return the value of X-Amz-Credential."""
        return f"{self.credentials.access_key}/{self.day_and_service}"

    @property
    def _key(self) -> bytes:
        return signing_key(self.credentials.secret_key, self.moment[:8], self.region)

    def sign(self, text: str) -> str:
        """Return the signature of ``text``, in hex."""
        return hmac.digest(self._key, text.encode(), "sha256").hex()

    def hmac_states(self) -> tuple[hashlib._Hash, hashlib._Hash]:
        """Return the inner and the outer hash of HMAC, after both have read the key.

        Callers copy both hashes for each text that they sign. So the key is processed
        once for all texts. Python's hmac.digest processes the key again for each
        text. Source: RFC 2104.
        """
        block = self._key.ljust(_BLOCK_BYTES, b"\0")
        return (
            hashlib.sha256(block.translate(_INNER_PAD)),
            hashlib.sha256(block.translate(_OUTER_PAD)),
        )


@dataclass(frozen=True)
class Target:
    """Contains the origin, the Host header and the path of the URL to sign.

    ``host`` is the value of the Host header. It has no port if the port is the
    default of the scheme. ``path`` is percent-encoded.
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
    """Return a time in UTC in the format of S3, such as 20261121T072342Z."""
    return f"{moment:%Y%m%dT%H%M%SZ}"


def encode_path(path: str) -> str:
    """Percent-encode all characters of a path, except slashes and A-Za-z0-9-._~."""
    return quote(path, safe="/~")


@lru_cache(maxsize=256)
def encode_value(value: str) -> str:
    """Percent-encode all characters of a query value, except A-Za-z0-9-._~.

    The results are cached, because most values are the same for all parts of an upload.
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

    Names in ``query`` contain only characters that need no percent-encoding. Names
    in ``headers`` are lower case. ``headers`` does not contain ``host``, because this
    function adds the host.
    """
    canonical_request, sent = _texts(
        method=method,
        target=target,
        query=query,
        headers=headers,
        scope=scope,
        expires_in=expires_in,
    )
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    return f"{sent}&X-Amz-Signature={scope.sign(_to_sign(scope) + digest)}"


class RequestSigner:
    """Signs requests to one host that have the same headers and no query and body.

    Computes the common values of all requests once. The signature covers all
    ``headers``, whose names are lower case. ``headers`` does not contain ``host``,
    because this class adds the host. All requests have the same time of signing.
    """

    def __init__(self, *, host: str, headers: Mapping[str, str], scope: Scope) -> None:
        self.headers = {**headers, "x-amz-content-sha256": _EMPTY_SHA256}
        signed = {**self.headers, "host": host}
        names = sorted(signed)
        lines = [f"{name}:{single_spaced(signed[name])}" for name in names]
        signed_headers = ";".join(names)
        self._after_path = "\n".join(["", *lines, "", signed_headers, _EMPTY_SHA256])
        self._scope = scope
        self._to_sign = _to_sign(scope)
        self._authorization = (
            f"{ALGORITHM} Credential={scope.credential}, "
            f"SignedHeaders={signed_headers}, Signature="
        )

    def authorization(self, method: str, path: str) -> str:
        """Return the Authorization header of a request. The path is percent-encoded."""
        canonical_request = f"{method}\n{path}\n{self._after_path}"
        digest = hashlib.sha256(canonical_request.encode()).hexdigest()
        return self._authorization + self._scope.sign(self._to_sign + digest)


class UrlSigner:
    """Signs many URLs that differ in a few values, and computes the rest once.

    The arguments are as in presigned_url, but SLOT replaces each value that differs.
    The URL has one SLOT, in the path or in the query. All URLs have the same time of
    signing.
    """

    def __init__(
        self,
        *,
        target: Target,
        headers: Mapping[str, str],
        scope: Scope,
        expires_in: int,
        query: Iterable[tuple[str, str]] = (),
    ) -> None:
        canonical_request, sent = _texts(
            method="PUT",
            target=target,
            query=query,
            headers=headers,
            scope=scope,
            expires_in=expires_in,
        )
        before, _, after = canonical_request.partition(SLOT)
        self._before = hashlib.sha256(before.encode())
        self._after = (SLOT + after).replace("%", "%%").replace(SLOT, "%s")
        self._url_before, self._url_after = sent.split(SLOT)
        self._url_after += "&X-Amz-Signature="
        self._inner, self._outer = scope.hmac_states()
        self._inner.update(_to_sign(scope).encode())

    def url(self, *values: str | int) -> str:
        """Return the URL for these values.

        The first value is in the URL and percent-encoded. The others are in headers, in
        the alphabetical order of the headers' names, and are results of single_spaced.
        """
        request = self._before.copy()
        request.update((self._after % values).encode())
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(request.hexdigest().encode())
        outer.update(inner.digest())
        return f"{self._url_before}{values[0]}{self._url_after}{outer.hexdigest()}"


def _texts(
    *,
    method: str,
    target: Target,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    scope: Scope,
    expires_in: int,
) -> tuple[str, str]:
    """Return the canonical request (the text that is hashed), and the unsigned URL."""
    signed = {**headers, "host": target.host}
    names = sorted(signed)
    signed_headers = ";".join(names)
    pairs = [
        *(
            (name, SLOT if value is SLOT else encode_value(value))
            for name, value in query
        ),
        ("X-Amz-Algorithm", ALGORITHM),
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
            *(f"{name}:{single_spaced(signed[name])}" for name in names),
            "",
            signed_headers,
            "UNSIGNED-PAYLOAD",
        )
    )
    sent = "&".join(f"{name}={value}" for name, value in pairs)
    return canonical_request, f"{target.origin}{target.path}?{sent}"


def _to_sign(scope: Scope) -> str:
    """Return the start of the text to sign.

    The caller appends the hash of the canonical request.
    """
    return f"{ALGORITHM}\n{scope.moment}\n{scope.day_and_service}\n"


def single_spaced(value: str) -> str:
    """Return the value of a header in the form that signatures cover."""
    return " ".join(value.split())
