"""Tests whether a page may send forms. Browsers send no preflight before a form."""

from __future__ import annotations

from uploads.conf import options
from uploads.doctor.examination import Examination
from uploads.doctor.preflights import origin_faults
from uploads.doctor.results import Finding, note, ok
from uploads.s3.checksums import SHA256
from uploads.s3.probe import CONTENT_TYPE, EXPIRES_IN
from uploads.s3.probe_presigner import ProbePresigner
from uploads.s3.wire import NoAnswer, send_form

NAME = "cors.form"
BY_PUT = "The page sends small files by PUT, which takes one more round trip per file."


def ask_form(origin: str, examination: Examination) -> Finding:
    """Send a form over each host of the bucket, and check the headers of the answer."""
    title = f"Pages of {origin} may send forms and read the answers"
    further = map(examination.uploads_over, options().s3_public_endpoints)
    for presigner in (examination.uploads, *further):
        if fact := _fault(presigner, origin, examination):
            return note(NAME, title, f"{presigner.origin}: {fact}", BY_PUT)
    return ok(NAME, title)


def _fault(presigner: ProbePresigner, origin: str, examination: Examination) -> str:
    body = examination.random_bytes()
    signed = presigner.post_object(
        key=examination.new_key("cors"),
        byte_size=len(body),
        content_type=CONTENT_TYPE,
        checksum_sha256=SHA256.base64(body),
        expires_in=EXPIRES_IN,
    )
    try:
        answer = send_form(signed.url, signed.fields, body, headers={"Origin": origin})
    except NoAnswer as error:
        return str(error)
    if answer.status >= 300:
        return f"S3 answered {answer}"
    faults = origin_faults(answer, origin)
    if "multiple" in faults:
        return "Access-Control-Allow-Origin has multiple values."
    if faults:
        return (
            "The answer to a form has no header Access-Control-Allow-Origin for this "
            "origin."
        )
    return ""
