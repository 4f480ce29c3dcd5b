"""Tests the further endpoints of S3 for browsers (UPLOADS_S3_PUBLIC_ENDPOINTS)."""

from __future__ import annotations

from collections.abc import Iterator

from uploads.conf import options
from uploads.doctor.answers import Cause, cause_of, not_s3, unreachable
from uploads.doctor.examination import Examination
from uploads.doctor.preflights import preflight
from uploads.doctor.results import Finding, fail, ok
from uploads.s3.probe import perform, put_request
from uploads.s3.signed import SignedRequest
from uploads.s3.wanted.documents import headers_sent
from uploads.s3.wire import NoAnswer

SETTING = "UPLOADS_S3_PUBLIC_ENDPOINTS"
NAME = "connection.further_host"


def ask_further_hosts(examination: Examination) -> Iterator[Finding]:
    """Upload an object over each further endpoint, and yield a finding about it."""
    for url in options().s3_public_endpoints:
        title = f"Uploads over {url} arrive in the bucket"
        cause = _problem(examination, url)
        if cause is None:
            yield ok(NAME, title)
            continue
        yield fail(
            NAME,
            title,
            f"{SETTING} contains {url}. {cause.fact}",
            "The site signs some of its upload URLs for this host. Requests to these "
            "URLs fail.",
            cause.fix,
        )


def _problem(examination: Examination, url: str) -> Cause | None:
    body, key = examination.random_bytes(), examination.new_key("host")
    presigner = examination.uploads_over(url)
    request = put_request(presigner, key, body)
    try:
        answer = perform(request, body)
    except NoAnswer as error:
        return unreachable(error, SETTING, presigner.origin)
    if answer.status != 200:
        unknown = Cause("other", f"S3 answered {answer}.", f"Correct {SETTING}.")
        return cause_of(answer) or not_s3(answer) or unknown
    stored = examination.worker.head_object(key)
    if stored is None or stored.byte_size != len(body):
        return Cause(
            "other_bucket",
            "A probe object that was sent to this host did not arrive in the site's "
            "bucket.",
            f"Remove this URL from {SETTING}, or configure this host so that it serves "
            "the same bucket as the host in S3_ENDPOINT_URL.",
        )
    return _refused_origin(examination, request)


def _refused_origin(examination: Examination, request: SignedRequest) -> Cause | None:
    try:
        origins = examination.facts.origins
    except ValueError:
        return None  # ask_cors reports the invalid origin
    headers = headers_sent(options().checksum)
    for origin in origins:
        if preflight(request.url, origin, "PUT", headers).faults:
            return Cause(
                "cors",
                f"At this host, S3 refuses CORS preflights from {origin}.",
                "Configure the proxy of this host to forward OPTIONS requests, and to "
                "return S3's headers unchanged. If the proxy is correct, test the CORS "
                "rule: manage.py doctor --only cors",
            )
    return None
