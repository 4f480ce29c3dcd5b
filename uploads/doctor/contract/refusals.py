"""Finds out why S3 refuses a correct PUT: changes one property at a time."""

from __future__ import annotations

from collections.abc import Mapping

from uploads.doctor.answers import Cause, cause_of, not_s3
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, fail
from uploads.s3.probe import CONTENT_TYPE, perform, sha256
from uploads.s3.wire import Answer

NAME, TITLE = "contract.put.right", "The right bytes are stored and read back"
NO_UPLOADS = "Every upload fails."
ENCRYPTION = "x-amz-server-side-encryption"


def explained(examination: Examination, answer: Answer) -> Finding:
    """Return the finding for a PUT that S3 answered with an error."""
    cause = (
        _kms(answer)
        or _encryption(examination, answer)
        or _header(examination, answer)
        or cause_of(answer)
        or not_s3(answer)
        or _right(answer)
    )
    name = f"{NAME}.{cause.kind}"
    return fail(name, TITLE, cause.fact, NO_UPLOADS, cause.fix)


def _sentence(answer: Answer) -> str:
    return f"{str(answer).rstrip('.')}."


def _right(answer: Answer) -> Cause:
    return Cause(
        "refused",
        f"S3 answered {answer}",
        "Grant the signer s3:PutObject below S3_KEY_PREFIX (manage.py iam_policy "
        "signer), and look for a Deny in the bucket policy.",
    )


def _kms(answer: Answer) -> Cause | None:
    text = answer.message.lower()
    if "kms" not in text and not answer.code.startswith("KMS."):
        return None
    return Cause(
        "kms",
        f"S3 answered {answer}",
        "Grant the signer and the worker kms:GenerateDataKey and kms:Decrypt in the "
        "policy of the key that the bucket encrypts with.",
    )


def _encryption(examination: Examination, answer: Answer) -> Cause | None:
    """Does the bucket policy demand a header that says how to encrypt?"""
    if answer.status != 403:
        return None
    for algorithm in ("AES256", "aws:kms"):
        if _put(examination, {ENCRYPTION: algorithm}).status == 200:
            return Cause(
                "encryption_demanded",
                f"S3 answered {_sentence(answer)} With {ENCRYPTION}: {algorithm} it accepts the "
                "same PUT, so a policy demands that header.",
                "Remove that statement from the bucket policy and set default "
                "encryption instead: manage.py setup_bucket --apply",
            )
    return None


def _header(examination: Examination, answer: Answer) -> Cause | None:
    """Leave one signed header out at a time, to find the header that S3 refuses."""
    for name in _headers(b""):
        if _put(examination, {name: None}).status != 200:
            continue
        if answer.code in {"SignatureDoesNotMatch", "AccessDenied"}:
            return Cause(
                "header_changed",
                f"S3 answered {_sentence(answer)} Without {name} it accepts the PUT, so a proxy "
                "before S3 drops or changes this header.",
                f"Let the proxy pass {name} on (nginx: ignore_invalid_headers off).",
            )
        if name == "If-None-Match":
            return Cause(
                "condition_unknown",
                f"S3 answered {_sentence(answer)} Without If-None-Match it accepts the PUT.",
                "This provider cannot refuse an overwrite. Use another provider, or a newer "
                "version.",
            )
        return Cause(
            "header_refused",
            f"S3 answered {_sentence(answer)} Without {name} it accepts the PUT.",
            f"This provider does not accept {name}. Use another one, or a newer version.",
        )
    return None


def _put(examination: Examination, changes: Mapping[str, str | None]) -> Answer:
    body = examination.random_bytes()
    headers = {**_headers(body), **changes}
    request = examination.uploads.any_request(
        "PUT",
        examination.new_key("put"),
        headers={name: value for name, value in headers.items() if value is not None},
        byte_size=len(body),
    )
    return perform(request, body)


def _headers(body: bytes) -> dict[str, str]:
    return {
        "Content-Type": CONTENT_TYPE,
        "Content-Disposition": "attachment",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": sha256(body),
    }
