"""Finds out why browsers cannot upload to the bucket.

A page reports how its uploads failed. The server then sends requests to the endpoint in
its own settings. The report of a page contains no URL, so a page cannot make the server
send requests to other hosts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from uploads.conf import options
from uploads.doctor.answers import (
    REGION_CODES,
    SKEW_CODES,
    TOKEN_CODES,
    cause_of,
)
from uploads.doctor.connection import SKEW_LIMIT, skew_of
from uploads.doctor.cors import explained
from uploads.doctor.examination import Examination
from uploads.doctor.preflights import Judgement, preflight
from uploads.s3.probe import put_request
from uploads.s3.signed import SignedRequest
from uploads.s3.wanted.documents import headers_sent
from uploads.s3.wire import Answer, NoAnswer, announce

ANSWER_SECONDS = 2.0


class Fault(StrEnum):
    """Names a reason why browsers cannot upload. The API returns these values."""

    CORS_NO_RULE = "cors_no_rule"
    CORS_ORIGIN_MISSING = "cors_origin_missing"
    CORS_ORIGIN_DIFFERS = "cors_origin_differs"
    CORS_HEADERS = "cors_headers"
    CORS_METHOD = "cors_method"
    CORS_MULTIPLE = "cors_multiple"
    CORS_UNSUPPORTED = "cors_unsupported"
    CORS_NOT_PASSED_ON = "cors_not_passed_on"
    POLICY = "policy"
    MIXED_CONTENT = "mixed_content"
    BODY_LIMIT = "body_limit"
    CLOCK = "clock"
    REGION = "region"
    REDIRECT = "redirect"
    NO_BUCKET = "no_bucket"
    ACCESS_KEY = "access_key"
    SIGNATURE = "signature"
    EXPIRED_CREDENTIALS = "expired_credentials"
    DENIED = "denied"
    REFUSED = "refused"
    STORAGE_ERROR = "storage_error"
    CERTIFICATE = "certificate"
    UNKNOWN_HOST = "unknown_host"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"


OUT_OF_REACH = {Fault.CERTIFICATE, Fault.UNKNOWN_HOST, Fault.NO_ANSWER}
"""Causes that the site reports only if the browser also got no answer from S3.

If the browser got an answer, only this server cannot reach S3. For example, the server
may use other DNS servers than the browser.
"""

SYMPTOMS_OF_SKEW = {Fault.DENIED, Fault.SIGNATURE, Fault.REFUSED}

_OF_CORS = {
    "no_rule": Fault.CORS_ORIGIN_MISSING,
    "origin": Fault.CORS_ORIGIN_DIFFERS,
    "headers": Fault.CORS_HEADERS,
    "method": Fault.CORS_METHOD,
    "multiple": Fault.CORS_MULTIPLE,
    "unsupported": Fault.CORS_UNSUPPORTED,
    "not_passed_on": Fault.CORS_NOT_PASSED_ON,
}
_OF_ANSWER = {
    "redirect": Fault.REDIRECT,
    "region": Fault.REGION,
    "clock": Fault.CLOCK,
    "expired_token": Fault.EXPIRED_CREDENTIALS,
    "access_key": Fault.ACCESS_KEY,
    "signature": Fault.SIGNATURE,
    "no_bucket": Fault.NO_BUCKET,
    "body_limit": Fault.BODY_LIMIT,
}
_OF_SILENCE = {"dns": Fault.UNKNOWN_HOST, "tls": Fault.CERTIFICATE}

_OF_CODE = {
    **dict.fromkeys(SKEW_CODES, Fault.CLOCK),
    **dict.fromkeys(TOKEN_CODES, Fault.EXPIRED_CREDENTIALS),
    **dict.fromkeys(REGION_CODES, Fault.REGION),
    **dict.fromkeys(("InvalidAccessKeyId", "InvalidAccessKey"), Fault.ACCESS_KEY),
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled"), Fault.DENIED),
    **dict.fromkeys(("PermanentRedirect", "TemporaryRedirect"), Fault.REDIRECT),
    "SignatureDoesNotMatch": Fault.SIGNATURE,
    "NoSuchBucket": Fault.NO_BUCKET,
}


def fault_of_refusal(status: int, storage_code: str) -> Fault:
    """Return the cause that S3's error answer to a browser shows."""
    if status == 413:
        return Fault.BODY_LIMIT
    return _OF_CODE.get(storage_code, Fault.REFUSED)


def faults_of_origin(origin: str) -> list[Fault]:
    """Send the CORS preflight of a page of ``origin``, and return the causes found.

    Raises StorageUnavailable if this server has no valid credentials to sign a URL.
    """
    request = _request()
    try:
        judged = preflight(
            request.url,
            origin,
            "PUT",
            headers_sent(options().checksum),
            timeout=ANSWER_SECONDS,
        )
        found = _judged(judged, origin, request) if judged.faults else []
    except NoAnswer as error:
        return [_OF_SILENCE.get(error.kind, Fault.NO_ANSWER)]
    skew = skew_of(judged.answer, datetime.now(UTC))
    if skew is not None and abs(skew) >= SKEW_LIMIT:
        found.append(Fault.CLOCK)
    return list(dict.fromkeys(found))


def _judged(judged: Judgement, origin: str, request: SignedRequest) -> list[Fault]:
    answer = judged.answer
    cause = cause_of(answer)
    if cause is not None:
        return [_OF_ANSWER[cause.kind]]
    if answer.status >= 500 and answer.status != 501:
        return [Fault.STORAGE_ERROR]
    if _says_that_there_is_no_rule(answer):
        return [Fault.CORS_NO_RULE]
    kind = explained(judged, origin, request).name.rpartition(".")[2]
    return [_OF_CORS[kind]]


def _says_that_there_is_no_rule(answer: Answer) -> bool:
    return "CORS is not enabled" in answer.message


def faults_of_size(byte_size: int) -> list[Fault]:
    """Return BODY_LIMIT if a proxy refuses uploads of this size.

    Sends only the headers of an upload, and no body.
    """
    request = _request()
    try:
        status = announce(request.url, request.headers, byte_size)
    except NoAnswer:
        return []
    return [Fault.BODY_LIMIT] if status == 413 else []


def proved(seen: Sequence[str], found: Sequence[Fault]) -> list[Fault]:
    """Return the causes that the results of the browser and the server prove.

    ``found`` contains the server's results. ``seen`` contains the browser's results:

    - blocked: S3 answers, but the browser blocks the upload.
    - unreachable: The browser gets no answer.
    - refused: S3 has answered the upload with an error.
    - policy, mixed_content: The browser itself has named this cause.
    """
    is_silent = "unreachable" in seen
    own = [Fault(sign) for sign in seen if sign in {Fault.POLICY, Fault.MIXED_CONTENT}]
    held = [fault for fault in found if is_silent or fault not in OUT_OF_REACH]
    if is_silent and not own and not held:
        held = [Fault.UNREACHABLE]
    if "refused" in seen:
        # The page could read S3's answer, so the CORS rules allow this page.
        held = [fault for fault in held if not fault.startswith("cors_")]
    if Fault.CLOCK in held:
        held = [fault for fault in held if fault not in SYMPTOMS_OF_SKEW]
    return list(dict.fromkeys([*own, *held]))


def _request() -> SignedRequest:
    examination = Examination()
    # The callers send no body with this request, so S3 stores no object.
    return put_request(examination.uploads, examination.new_key("page"), b"page")
