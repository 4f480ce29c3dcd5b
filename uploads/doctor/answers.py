"""Explains an answer of S3 to a signed request."""

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
    """An explanation: ``kind`` is a stable code, the other fields are texts for people."""

    kind: str
    fact: str
    fix: str


def cause_of(answer: Answer) -> Cause | None:
    """Return the cause that an answer names, or None."""
    for ask in (_redirect, _region, _clock, _token, _key, _signature, _bucket, _size):
        if cause := ask(answer):
            return cause
    return None


def not_s3(answer: Answer) -> Cause | None:
    """Return a cause if a server other than S3 answered, else None."""
    if answer.status < 400 or answer.code:
        return None
    kind = answer.header("content-type") or "no type"
    return Cause(
        "not_s3",
        f"Answered {answer.status} with {kind}: {answer.message or 'an empty body'}",
        "A server before S3 answers. Check the proxy and the endpoint's URL.",
    )


def unreachable(error: NoAnswer, name: str, url: str) -> Cause:
    """Return the cause of a request without an answer; ``name`` is the setting."""
    advice = {
        "dns": f"The name server does not know this host. Correct {name}.",
        "tls": "The certificate does not fit or is not trusted. Give the endpoint a "
        "certificate for its name. For your own authority, set AWS_CA_BUNDLE.",
        "timeout": f"Nothing answers in time. Check {name} and the firewall.",
        "refused": f"Nothing listens there. Check {name} and whether S3 runs.",
        "broken": f"The connection was interrupted. Check {name} and the proxy.",
    }
    return Cause(error.kind, f"{url}: {_plain(error.detail)}", advice[error.kind])


def _plain(detail: str) -> str:
    """Return the message of an exception without names of classes and error numbers."""
    return _INTERNAL.sub("", detail).strip()


def _redirect(answer: Answer) -> Cause | None:
    if not 300 <= answer.status < 400 and answer.code not in {
        "PermanentRedirect",
        "TemporaryRedirect",
    }:
        return None
    region = answer.header("x-amz-bucket-region")
    where = answer.header("location").split("?")[0]
    fix = "Set S3_PUBLIC_ENDPOINT_URL to the address that answers without a redirect."
    if region:
        fix = f"Set S3_REGION={region} and use the endpoint of that region."
    return Cause("redirect", f"Answered {answer.status} to {where or 'elsewhere'}", fix)


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
    fix = f"Set S3_REGION={region}." if region else "Set S3_REGION to its region."
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
        "The credentials have expired. Get new credentials from the role or the service "
        "that issues them, and remove an old S3_SESSION_TOKEN.",
    )


def _key(answer: Answer) -> Cause | None:
    if answer.code not in {"InvalidAccessKeyId", "InvalidAccessKey"}:
        return None
    return Cause(
        "access_key",
        str(answer),
        "S3 does not know the access key. Correct S3_ACCESS_KEY_ID or "
        "S3_SIGNER_ACCESS_KEY_ID.",
    )


def _signature(answer: Answer) -> Cause | None:
    if answer.code != "SignatureDoesNotMatch":
        return None
    return Cause(
        "signature",
        str(answer),
        "The secret key is wrong, or a proxy changes the Host header or the path.",
    )


def _bucket(answer: Answer) -> Cause | None:
    if answer.code != "NoSuchBucket":
        return None
    return Cause("no_bucket", str(answer), "Create it: manage.py setup_bucket --apply")


def _size(answer: Answer) -> Cause | None:
    if answer.status != 413:
        return None
    return Cause(
        "body_limit",
        str(answer),
        "A proxy limits the size of a body. Raise the limit (nginx: "
        "client_max_body_size 0), or send browsers past it.",
    )
