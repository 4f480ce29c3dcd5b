"""Tests CORS with the requests of a browser, and the Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from uploads.conf import options
from uploads.doctor import csp
from uploads.doctor.cors_forms import ask_form
from uploads.doctor.examination import Examination
from uploads.doctor.preflights import Judgement, origin_faults, preflight
from uploads.doctor.results import Finding, fail, ok, skip, warn
from uploads.s3.probe import put_request
from uploads.s3.signed import SignedRequest
from uploads.s3.wanted.documents import CORS_METHODS, headers_sent
from uploads.s3.wire import NoAnswer, send

BLOCKED = "Browsers block every upload from the site's pages."
NOT_PASSED_ON = {400, 404, 405, 501}
"""Statuses with which a proxy refuses OPTIONS requests.

S3 sends the same statuses, but always with an error code in the body.
"""
UNKNOWN_CODES = {"NotImplemented", "MethodNotAllowed"}
STRANGER = "https://stranger.invalid"


def _headers() -> list[str]:
    return headers_sent(options().checksum)


def ask_cors(examination: Examination) -> Iterator[Finding]:
    """Yield the findings about CORS and the CSP header, for each origin of the site."""
    try:
        origins = examination.facts.origins
    except ValueError as error:
        yield fail(
            "cors.origins",
            "The site's origins are known",
            str(error),
            "The site does not know which pages the bucket's CORS rule must allow.",
            "Correct CSRF_TRUSTED_ORIGINS, or correct --origin of manage.py doctor.",
        )
        return
    if not origins:
        yield warn(
            "cors.origins",
            "The site's origins are known",
            "CSRF_TRUSTED_ORIGINS and ALLOWED_HOSTS name no origin.",
            "The doctor cannot test CORS.",
            "Set CSRF_TRUSTED_ORIGINS, or run manage.py doctor --origin "
            "https://files.example.com",
        )
        return
    for origin in origins:
        try:
            yield from _ask_origin(origin, examination)
        except NoAnswer as error:
            yield fail(
                "cors.answers",
                f"S3 answers preflights of {origin}",
                str(error),
                BLOCKED,
                "Check that the proxy passes OPTIONS requests to S3.",
            )
        yield ask_form(origin, examination)
    yield from _strangers(examination)


def _ask_origin(origin: str, examination: Examination) -> Iterator[Finding]:
    body = examination.random_bytes()
    request = put_request(examination.uploads, examination.new_key("cors"), body)
    title = f"Pages of {origin} may upload"
    judged = preflight(request.url, origin, "PUT", _headers())
    if judged.faults:
        yield explained(judged, origin, request)
    else:
        yield ok("cors.preflight", title)
        yield _other_methods(origin, request)
        yield _actual_request(origin, request, body)
    yield _page_policy(origin, examination)


def explained(judged: Judgement, origin: str, request: SignedRequest) -> Finding:
    """Return a finding with the reason why the preflight of a PUT failed.

    To find the reason, sends preflights with similar origins, with fewer headers, and
    with the method GET. Raises NoAnswer.
    """
    title = f"Pages of {origin} may upload"
    seen = f"The answer to the preflight was {judged.answer.status}"
    if "multiple" in judged.faults:
        return _multiple("cors.preflight.multiple", title, judged)
    if other := _admitted_variant(origin, request.url):
        return fail(
            "cors.preflight.origin",
            title,
            f"The CORS rule allows {other}, but the page's origin is {origin}.",
            BLOCKED,
            f"Write exactly {origin} into the CORS rule, without a final slash.",
            "cors",
        )
    if missing := _refused_headers(origin, request.url):
        return fail(
            "cors.preflight.headers",
            title,
            f"{seen}: the CORS rule does not allow the headers {', '.join(missing)}.",
            BLOCKED,
            f"Add {', '.join(missing)} to AllowedHeaders in the CORS rule.",
            "cors",
        )
    if not preflight(request.url, origin, "GET").faults:
        return fail(
            "cors.preflight.method",
            title,
            f"{seen}: the CORS rule allows GET but does not allow PUT.",
            BLOCKED,
            "Add PUT to AllowedMethods in the CORS rule. For Backblaze B2, add the "
            "operation s3_put with the command line of B2, because the web interface "
            "cannot add this operation.",
            "cors",
        )
    if judged.answer.status in NOT_PASSED_ON and not judged.answer.code:
        return fail(
            "cors.preflight.not_passed_on",
            title,
            f"{seen}. S3 did not send this answer, so OPTIONS requests do not reach S3.",
            BLOCKED,
            "Configure the proxy in front of S3 to pass OPTIONS requests.",
        )
    if judged.answer.code in UNKNOWN_CODES or judged.answer.status in {405, 501}:
        return fail(
            "cors.preflight.unsupported",
            title,
            f"{seen} {judged.answer.code}: this storage supports no CORS rules for "
            "single buckets.",
            BLOCKED,
            f"Allow the origin {origin} for all buckets of the S3 server. For MinIO: "
            f"mc admin config set ALIAS api cors_allow_origin={origin}",
        )
    return fail(
        "cors.preflight.no_rule",
        title,
        f"{seen} {judged.answer.code}: no CORS rule of the bucket allows this origin.",
        BLOCKED,
        "Apply the site's CORS rule: manage.py setup_bucket --apply",
        "cors",
    )


def _multiple(name: str, title: str, judged: Judgement) -> Finding:
    values = judged.answer.header("access-control-allow-origin")
    return fail(
        name,
        title,
        f"Access-Control-Allow-Origin has multiple values: {values}",
        BLOCKED,
        "S3 and a proxy both add CORS headers. Configure the proxy not to add these "
        "headers.",
    )


def _admitted_variant(origin: str, url: str) -> str:
    """Return a similar origin that the CORS rule allows, or an empty text."""
    parts = urlsplit(origin)
    other = "http" if parts.scheme == "https" else "https"
    for near in (f"{origin}/", f"{other}://{parts.netloc}", parts.netloc):
        judged = preflight(url, near, "PUT", _headers())
        values = judged.answer.header_list("access-control-allow-origin")
        if 200 <= judged.answer.status < 300 and near in values:
            return near
    return ""


def _refused_headers(origin: str, url: str) -> list[str]:
    """Return the headers that the CORS rule does not allow.

    Returns an empty list if S3 also refuses a preflight without headers. In this case,
    the headers are not the reason.
    """
    if preflight(url, origin, "PUT").faults:
        return []
    return [name for name in _headers() if preflight(url, origin, "PUT", [name]).faults]


def _other_methods(origin: str, request: SignedRequest) -> Finding:
    name = "cors.methods"
    title = f"Pages of {origin} may download files from S3 and send forms to S3"
    refused = [
        method
        for method in CORS_METHODS
        if method != "PUT" and preflight(request.url, origin, method).faults
    ]
    if not refused:
        return ok(name, title)
    return warn(
        name,
        title,
        f"The CORS rule does not allow the methods {', '.join(refused)}.",
        "Scripts of the site's pages cannot download files or send forms.",
        f"Add {', '.join(refused)} to AllowedMethods in the CORS rule.",
        "cors",
    )


def _actual_request(origin: str, request: SignedRequest, body: bytes) -> Finding:
    """Upload a file, and check the CORS headers of the answer, as browsers do."""
    name, title = "cors.answer", f"The answer to a PUT has the CORS header for {origin}"
    headers = {**request.headers, "Origin": origin}
    answer = send(request.method, request.url, headers=headers, body=body)
    faults = origin_faults(answer, origin)
    if not faults:
        return ok(name, title)
    if answer.status >= 400:
        return skip(name, title, f"The answer to the PUT was {answer}")
    if "multiple" in faults:
        return _multiple(f"{name}.multiple", title, Judgement(answer, ("multiple",)))
    return fail(
        f"{name}.missing",
        title,
        f"S3 allows the preflight, but the answer to the PUT ({answer.status}) has no "
        "header Access-Control-Allow-Origin for this origin.",
        "The file arrives, but the browser reports a failure.",
        "Configure the proxy not to remove S3's header Access-Control-Allow-Origin.",
        "cors",
    )


def _strangers(examination: Examination) -> Iterator[Finding]:
    name, title = "cors.strangers", "Pages of other sites are not allowed to upload"
    request = put_request(examination.uploads, examination.new_key("cors"), b"x")
    try:
        judged = preflight(request.url, STRANGER, "PUT", _headers())
    except NoAnswer:
        return
    if judged.faults:
        yield ok(name, title)
        return
    yield warn(
        name,
        title,
        "S3 allows uploads from pages of all sites.",
        "A page of another site can upload a file if the page gets a signed URL.",
        "Apply the site's CORS rule: manage.py setup_bucket --apply. If the storage "
        "supports no CORS rules for single buckets, restrict the allowed origins of "
        "the whole S3 server.",
        "cors",
    )


def _page_policy(origin: str, examination: Examination) -> Finding:
    name = "cors.csp"
    title = f"The Content-Security-Policy of {origin} allows requests to the bucket"
    bucket = examination.uploads.origin
    policies = _policies(origin)
    for policy in policies:
        sources = csp.sources_of(policy, "connect-src")
        if sources is not None and not csp.allows(sources, bucket, origin):
            return _blocked_by_policy(name, title, sources, bucket)
    if policies:
        return ok(name, title)
    return skip(name, title, "The page has no Content-Security-Policy.")


def _policies(origin: str) -> list[str]:
    """Return the Content-Security-Policies of the login page.

    If the page cannot be read, returns the policy in Django's settings.
    """
    try:
        answer = send("GET", f"{origin}{reverse('account_login')}")
    except NoAnswer:
        answer = None
    if answer is not None and answer.status == 200:
        return answer.header_list("content-security-policy")
    directives: dict[str, Any] = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    sources = " ".join(map(str, directives.get("connect-src", [])))
    return [f"connect-src {sources}"] if sources else []


def _blocked_by_policy(
    name: str, title: str, sources: list[str], bucket: str
) -> Finding:
    near = next((s for s in sources if "s3.amazonaws.com" in s), "")
    regional = f" {near} does not match the regional host." if near else ""
    return fail(
        name,
        title,
        f"connect-src is {' '.join(sources)}, but the bucket's origin is {bucket}."
        f"{regional}",
        "Browsers block every request from the site's pages to the bucket.",
        f"Add {bucket} to connect-src in the header Content-Security-Policy. Either "
        "the site or a proxy sets this header.",
    )
