"""Finds out why S3 refuses a correct PUT.

It repeats the PUT with one changed header at a time. If S3 accepts the changed PUT, the
header is the cause.
"""

from __future__ import annotations

from collections.abc import Mapping

from uploads.doctor.answers import Cause, cause_of, not_s3
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, fail
from uploads.s3.checksums import SHA256
from uploads.s3.probe import CONTENT_TYPE, perform
from uploads.s3.wire import Answer

NAME, TITLE = "contract.put.right", "A correct PUT is stored and read back"
NO_UPLOADS = "Every upload fails."
ENCRYPTION = "x-amz-server-side-encryption"


def explained(examination: Examination, answer: Answer) -> Finding:
    """Return a finding with the reason why S3 refused a correct PUT."""
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
        "Grant the signer identity s3:PutObject for the keys below S3_KEY_PREFIX. "
        "manage.py iam_policy signer prints a policy that grants this. Check that the "
        "bucket policy has no Deny for this action.",
    )


def _kms(answer: Answer) -> Cause | None:
    text = answer.message.lower()
    if "kms" not in text and not answer.code.startswith("KMS."):
        return None
    return Cause(
        "kms",
        f"S3 answered {answer}",
        "The bucket encrypts objects with a KMS key. In the policy of this key, allow "
        "the actions kms:GenerateDataKey and kms:Decrypt for the identities signer and "
        "worker.",
    )


def _encryption(examination: Examination, answer: Answer) -> Cause | None:
    """Return a cause if the bucket policy requires an encryption header."""
    if answer.status != 403:
        return None
    for algorithm in ("AES256", "aws:kms"):
        if _put(examination, {ENCRYPTION: algorithm}).status == 200:
            return Cause(
                "encryption_demanded",
                f"S3 answered {_sentence(answer)} S3 accepts the same PUT with the "
                f"header {ENCRYPTION}: {algorithm}. So the bucket policy requires this "
                "header.",
                "In the bucket policy, remove the statement that requires this "
                "header. Set default encryption instead: manage.py setup_bucket "
                "--apply",
            )
    return None


def _header(examination: Examination, answer: Answer) -> Cause | None:
    """Return a cause if S3 accepts the PUT without one of the signed headers."""
    for name in _headers(b""):
        if _put(examination, {name: None}).status != 200:
            continue
        if answer.code in {"SignatureDoesNotMatch", "AccessDenied"}:
            return Cause(
                "header_changed",
                f"S3 answered {_sentence(answer)} Without {name}, S3 accepts the PUT. "
                "So a proxy in front of S3 removes or changes this header.",
                f"Configure the proxy to pass the header {name} unchanged (nginx: "
                "ignore_invalid_headers off).",
            )
        if name == "If-None-Match":
            return Cause(
                "condition_unknown",
                f"S3 answered {_sentence(answer)} Without If-None-Match, S3 accepts "
                "the PUT.",
                "This provider does not accept If-None-Match. Without this header, an "
                "upload can overwrite a file. Use another provider, or a newer version "
                "of this one.",
            )
        return Cause(
            "header_refused",
            f"S3 answered {_sentence(answer)} Without {name}, S3 accepts the PUT.",
            f"This provider does not accept {name}. Use another provider, or a newer "
            "version of this one.",
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
        "x-amz-checksum-sha256": SHA256.base64(body),
    }
