"""Finds the cause of a refusal in S3's answer to a signed request."""

from __future__ import annotations

import re
from dataclasses import dataclass

from uploads.s3.wire import Answer, NoAnswer

_REGION = re.compile(rb"<Region>\s*([\w-]+)\s*</Region>")
_EXPECTED_REGION = re.compile(
    r"(?:expecting|expected|should be)[^\w']*'?([a-z][\w-]+)'?", re.IGNORECASE
)
_INTERNAL = re.compile(
    r"HTTPS?Connection(?:Pool)?\([^)]*\): |\[Errno -?\d+\] |\[SSL: \w+\] "
    r"| \(_ssl\.c:\d+\)"
)
SKEW_CODES = {"RequestTimeTooSkewed", "RequestExpired", "RequestNotYetValid"}
TOKEN_CODES = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
REGION_CODES = {
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "IllegalLocationConstraintException",
    "InvalidRegion",
}


@dataclass(frozen=True)
class Cause:
    """Explains why a request failed.

    ``kind`` is a code that never changes. ``fact`` and ``fix`` are texts for operators.
    """

    kind: str
    fact: str
    fix: str


def cause_of(answer: Answer) -> Cause | None:
    """Return the cause that S3's error code or message shows, or None."""
    for ask in (_redirect, _region, _clock, _token, _key, _signature, _bucket, _size):
        if cause := ask(answer):
            return cause
    return None


def not_s3(answer: Answer) -> Cause | None:
    """Return a cause if a proxy, or another server, sent this error instead of S3.

    Returns None if the answer has an error code of S3, or if it is not an error.
    """
    if answer.status < 400 or answer.code:
        return None
    kind = answer.header("content-type") or "no Content-Type"
    return Cause(
        "not_s3",
        f"The answer to the test request is {answer.status} ({kind}): "
        f"{answer.message or 'an empty body'}",
        "Another server answered instead of S3. Check S3_ENDPOINT_URL, "
        "S3_PUBLIC_ENDPOINT_URL and the proxy in front of S3.",
    )


def unreachable(error: NoAnswer, name: str, url: str) -> Cause:
    """Return the reason why a request got no answer.

    ``name`` is the setting that contains ``url``. The fix mentions this setting.
    """
    advice = {
        "dns": f"DNS does not know the host of {url}. Correct {name}.",
        "tls": f"The certificate of {url} is for another host name, or this server "
        "does not trust the certificate. Install a certificate for the host name of "
        "this URL. If your own certificate authority signs the certificate, set "
        "AWS_CA_BUNDLE to the path of the authority's certificate.",
        "timeout": f"{url} did not answer in time. Check {name} and the firewall.",
        "refused": f"{url} refused the connection. Check {name}, and check whether S3 "
        "runs.",
        "broken": f"The connection to {url} was interrupted. Check {name} and the "
        "proxy in front of S3.",
    }
    return Cause(error.kind, f"{url}: {_plain(error.detail)}", advice[error.kind])


def _plain(detail: str) -> str:
    """Return the message of an exception without class names and error numbers."""
    return _INTERNAL.sub("", detail).strip()


def _redirect(answer: Answer) -> Cause | None:
    if not 300 <= answer.status < 400 and answer.code not in {
        "PermanentRedirect",
        "TemporaryRedirect",
    }:
        return None
    region = answer.header("x-amz-bucket-region")
    where = answer.header("location").split("?")[0]
    fix = "Set S3_PUBLIC_ENDPOINT_URL to a URL that answers without a redirect."
    if region:
        fix = (
            f"Set S3_REGION={region}. In S3_ENDPOINT_URL and S3_PUBLIC_ENDPOINT_URL, "
            "use only the endpoint of this region."
        )
    fact = (
        f"The answer to the test request is {answer.status}, a redirect to "
        f"{where or 'another URL'}"
    )
    return Cause("redirect", fact, fix)


def _region(answer: Answer) -> Cause | None:
    is_about_region = "region" in answer.message.lower()
    if answer.code not in REGION_CODES and not (
        answer.status == 400 and is_about_region
    ):
        return None
    found = _REGION.search(answer.body)
    region = found[1].decode() if found else ""
    if not region and (words := _EXPECTED_REGION.search(answer.message)):
        region = words[1]
    wanted = f"={region}" if region else " to the region of the bucket"
    fix = f"Set S3_REGION{wanted}."
    return Cause("region", str(answer), fix)


def _clock(answer: Answer) -> Cause | None:
    if answer.code not in SKEW_CODES:
        return None
    return Cause("clock", str(answer), "Set this server's clock with an NTP service.")


def _token(answer: Answer) -> Cause | None:
    if answer.code not in TOKEN_CODES:
        return None
    return Cause(
        "expired_token",
        str(answer),
        "The S3 credentials have expired. Set new credentials. If S3_SESSION_TOKEN "
        "still has an old value, replace or remove this value.",
    )


def _key(answer: Answer) -> Cause | None:
    if answer.code not in {"InvalidAccessKeyId", "InvalidAccessKey"}:
        return None
    return Cause(
        "access_key",
        str(answer),
        "S3 does not know the access key of the request. Correct S3_ACCESS_KEY_ID or "
        "S3_SIGNER_ACCESS_KEY_ID.",
    )


def _signature(answer: Answer) -> Cause | None:
    if answer.code != "SignatureDoesNotMatch":
        return None
    return Cause(
        "signature",
        str(answer),
        "Check S3_SECRET_ACCESS_KEY and S3_SIGNER_SECRET_ACCESS_KEY. Check that no "
        "proxy changes the Host header or the path.",
    )


def _bucket(answer: Answer) -> Cause | None:
    if answer.code != "NoSuchBucket":
        return None
    fix = "Create the bucket: manage.py setup_bucket --apply"
    return Cause("no_bucket", str(answer), fix)


def _size(answer: Answer) -> Cause | None:
    if answer.status != 413:
        return None
    return Cause(
        "body_limit",
        str(answer),
        "A proxy limits the size of a request. Raise the limit (nginx: "
        "client_max_body_size 0), or set S3_PUBLIC_ENDPOINT_URL to a URL of S3 that "
        "does not go through the proxy.",
    )
