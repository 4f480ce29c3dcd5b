"""Questions about CORS, with a browser's requests, and about the page's policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from uploads.doctor import csp
from uploads.doctor.examination import Examination
from uploads.doctor.preflights import Judgement, origin_faults, preflight
from uploads.doctor.results import Finding, fail, ok, skip, warn
from uploads.s3.probe import put_request
from uploads.s3.signed import SignedRequest
from uploads.s3.wanted.documents import CORS_HEADERS, CORS_METHODS
from uploads.s3.wire import NoAnswer, send

BLOCKED = "Browsers of that page block every upload before it begins."
NOT_PASSED_ON = {400, 404, 405, 501}
"""Statuses with which proxies refuse OPTIONS. S3 adds an error code to them."""
UNKNOWN_CODES = {"NotImplemented", "MethodNotAllowed"}
STRANGER = "https://stranger.invalid"


def ask_cors(examination: Examination) -> Iterator[Finding]:
    """Answer the questions for each origin of the site."""
    try:
        origins = examination.facts.origins
    except ValueError as error:
        yield fail(
            "cors.origins",
            "The site's origins are known",
            str(error),
            "The bucket cannot know which pages may send to it.",
            "Correct CSRF_TRUSTED_ORIGINS, or give --origin.",
        )
        return
    if not origins:
        yield warn(
            "cors.origins",
            "The site's origins are known",
            "Neither CSRF_TRUSTED_ORIGINS nor ALLOWED_HOSTS names one.",
            "The doctor cannot send a browser's requests.",
            "Set CSRF_TRUSTED_ORIGINS, or give --origin https://files.example.com.",
        )
        return
    for origin in origins:
        try:
            yield from _ask_origin(origin, examination)
        except NoAnswer as error:
            yield fail(
                "cors.answers",
                f"Preflights of {origin} are answered",
                str(error),
                BLOCKED,
                "Let OPTIONS requests through to S3.",
            )
    yield from _strangers(examination)


def _ask_origin(origin: str, examination: Examination) -> Iterator[Finding]:
    body = examination.random_bytes()
    request = put_request(examination.uploads, examination.new_key("cors"), body)
    title = f"Pages of {origin} may send"
    judged = preflight(request.url, origin, "PUT", CORS_HEADERS)
    if judged.faults:
        yield explained(judged, origin, request)
    else:
        yield ok("cors.preflight", title)
        yield _other_methods(origin, request)
        yield _actual_request(origin, request, body)
    yield _page_policy(origin, examination)


def explained(judged: Judgement, origin: str, request: SignedRequest) -> Finding:
    """Return why a preflight of a PUT failed; sends simpler preflights to find out.

    Raises NoAnswer.
    """
    title = f"Pages of {origin} may send"
    seen = f"The preflight was answered {judged.answer.status}"
    if "multiple" in judged.faults:
        return _multiple("cors.preflight.multiple", title, judged)
    if other := _admitted_variant(origin, request.url):
        return fail(
            "cors.preflight.origin",
            title,
            f"The rule admits {other}, the page's origin is {origin}.",
            BLOCKED,
            f"Write the exact origin {origin} into the rule: scheme, host and port, "
            "no slash at the end.",
            "cors",
        )
    if missing := _refused_headers(origin, request.url):
        return fail(
            "cors.preflight.headers",
            title,
            f"{seen}: the rule does not allow {', '.join(missing)}.",
            BLOCKED,
            f"Add {', '.join(missing)} to AllowedHeaders.",
            "cors",
        )
    if not preflight(request.url, origin, "GET").faults:
        return fail(
            "cors.preflight.method",
            title,
            f"{seen}: the rule allows GET and not PUT.",
            BLOCKED,
            "Add PUT to AllowedMethods. On Backblaze B2 add the operation s3_put to "
            "the rule with their command line; the web interface cannot.",
            "cors",
        )
    if judged.answer.status in NOT_PASSED_ON and not judged.answer.code:
        return fail(
            "cors.preflight.not_passed_on",
            title,
            f"{seen}, and not by S3, so OPTIONS requests do not reach S3.",
            BLOCKED,
            "Let the proxy before S3 pass OPTIONS requests on.",
        )
    if judged.answer.code in UNKNOWN_CODES or judged.answer.status in {405, 501}:
        return fail(
            "cors.preflight.unsupported",
            title,
            f"{seen} {judged.answer.code}: S3 does not support CORS rules per bucket.",
            BLOCKED,
            f"Allow {origin} for the whole server. MinIO: mc admin config set ALIAS "
            f"api cors_allow_origin={origin}",
        )
    return fail(
        "cors.preflight.no_rule",
        title,
        f"{seen} {judged.answer.code}: no rule allows this origin.",
        BLOCKED,
        "Apply the rule: manage.py setup_bucket --apply",
        "cors",
    )


def _multiple(name: str, title: str, judged: Judgement) -> Finding:
    values = judged.answer.header("access-control-allow-origin")
    return fail(
        name,
        title,
        f"Access-Control-Allow-Origin has multiple values: {values}",
        BLOCKED,
        "S3 and a proxy both add CORS headers. Let only one of them add them.",
    )


def _admitted_variant(origin: str, url: str) -> str:
    """Return a similar origin that the rule allows, or an empty text."""
    parts = urlsplit(origin)
    other = "http" if parts.scheme == "https" else "https"
    for near in (f"{origin}/", f"{other}://{parts.netloc}", parts.netloc):
        judged = preflight(url, near, "PUT", CORS_HEADERS)
        values = judged.answer.header_list("access-control-allow-origin")
        if 200 <= judged.answer.status < 300 and near in values:
            return near
    return ""


def _refused_headers(origin: str, url: str) -> list[str]:
    """Return the headers that S3 refuses, if S3 allows the method without headers."""
    if preflight(url, origin, "PUT").faults:
        return []
    return [
        name for name in CORS_HEADERS if preflight(url, origin, "PUT", [name]).faults
    ]


def _other_methods(origin: str, request: SignedRequest) -> Finding:
    name, title = "cors.methods", f"Pages of {origin} may fetch and send forms"
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
        f"The rule does not allow {', '.join(refused)}.",
        "Programs in the page cannot read files back or use the form.",
        f"Add {', '.join(refused)} to AllowedMethods.",
        "cors",
    )


def _actual_request(origin: str, request: SignedRequest, body: bytes) -> Finding:
    """Check the answer to the upload itself: browsers check its CORS headers too."""
    name, title = "cors.answer", f"The answer to an upload admits {origin}"
    headers = {**request.headers, "Origin": origin}
    answer = send(request.method, request.url, headers=headers, body=body)
    faults = origin_faults(answer, origin)
    if not faults:
        return ok(name, title)
    if answer.status >= 400:
        return skip(name, title, f"The upload was answered {answer}")
    if "multiple" in faults:
        return _multiple(f"{name}.multiple", title, Judgement(answer, ("multiple",)))
    return fail(
        f"{name}.missing",
        title,
        f"The preflight passes, but the answer {answer.status} to the PUT does not "
        "name the origin.",
        "The file arrives, but the browser reports a failure.",
        "Let the proxy keep S3's Access-Control-Allow-Origin.",
        "cors",
    )


def _strangers(examination: Examination) -> Iterator[Finding]:
    name, title = "cors.strangers", "Pages of other sites may not send"
    request = put_request(examination.uploads, examination.new_key("cors"), b"x")
    try:
        judged = preflight(request.url, STRANGER, "PUT", CORS_HEADERS)
    except NoAnswer:
        return
    if judged.faults:
        yield ok(name, title)
        return
    yield warn(
        name,
        title,
        "S3 allows every origin.",
        "A page of another site can send a file if it has a signed URL.",
        "Apply the rule: manage.py setup_bucket --apply. If the provider has no rules "
        "for a bucket, restrict the server's rules.",
        "cors",
    )


def _page_policy(origin: str, examination: Examination) -> Finding:
    name, title = "cors.csp", f"The policy of {origin} names the bucket"
    bucket = examination.uploads.origin
    policies = _policies(origin)
    for policy in policies:
        sources = csp.sources_of(policy, "connect-src")
        if sources is not None and not csp.allows(sources, bucket, origin):
            return _blocked_by_policy(name, title, sources, bucket)
    return ok(name, title) if policies else skip(name, title, "The page has no policy.")


def _policies(origin: str) -> list[str]:
    """Return the policies of the login page, or the policies of the settings."""
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
        f"connect-src is {' '.join(sources)}, the bucket is {bucket}.{regional}",
        "Browsers refuse to connect, because the page's policy forbids it.",
        f"Add {bucket} to connect-src, where the site or a proxy sets the header.",
    )
