"""Tests each endpoint of S3 with one signed request.

If S3 refuses a request, this module finds the cause, such as a wrong region, Host
header, path or key. The requests have the credentials of the worker, the identity that
makes the calls of the site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from uploads.doctor.answers import Cause, cause_of, not_s3, unreachable
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, fail, note, ok
from uploads.errors import StorageError
from uploads.s3.probe import perform
from uploads.s3.probe_presigner import ProbePresigner
from uploads.s3.wire import Answer, NoAnswer

NO_UPLOADS = "No browser can upload or download."


@dataclass(frozen=True)
class Route:
    """Describes one endpoint of S3.

    ``setting`` is the setting that contains its URL. ``presigner`` signs URLs for it.
    """

    name: str
    title: str
    setting: str
    presigner: ProbePresigner


def ask_signed(examination: Examination) -> Iterator[Finding]:
    """Request an object that does not exist from each endpoint, and yield findings.

    S3 checks the signature first, so a 404 means that the request is correct.
    """
    try:
        routes = list(_routes(examination))
    except StorageError as error:
        yield fail(
            "connection.signed",
            "A signed request is accepted",
            error.detail,
            NO_UPLOADS,
            "Set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or configure a role.",
        )
        return
    for route in routes:
        yield _finding(route, examination)


def public_endpoint_setting() -> str:
    """Return the name of the setting with the endpoint that browsers use."""
    if settings.S3_PUBLIC_ENDPOINT_URL:
        return "S3_PUBLIC_ENDPOINT_URL"
    return "S3_ENDPOINT_URL"


def _routes(examination: Examination) -> Iterator[Route]:
    yield Route(
        "connection.signed",
        "A signed request is accepted",
        public_endpoint_setting(),
        examination.downloads,
    )
    if examination.server_downloads.origin != examination.downloads.origin:
        yield Route(
            "connection.signed_server",
            "S3 accepts the server's own requests",
            "S3_ENDPOINT_URL",
            examination.server_downloads,
        )


def _finding(route: Route, examination: Examination) -> Finding:
    try:
        answer = _get(route.presigner, examination)
    except NoAnswer as error:
        return _fail(route, unreachable(error, route.setting, route.presigner.origin))
    except StorageError as error:
        fix = "Set valid credentials: S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or a role."
        return _fail(route, Cause("expired_token", error.detail, fix))
    if _is_served(answer):
        return _path_prefix(route) or ok(route.name, route.title)
    cause = _explained(answer, route, examination)
    if cause is None and answer.status == 403:
        return note(
            route.name,
            route.title,
            "The doctor requested an object that does not exist. Instead of 404, S3 "
            f"answered {str(answer).rstrip('.')}. So the worker identity has no "
            "permission to list objects. manage.py iam_policy worker prints a policy "
            "with this permission.",
        )
    return _fail(route, cause or Cause("other", f"S3 answered {answer}", _UNKNOWN))


_UNKNOWN = "Find this error in the provider's documentation."


def _get(presigner: ProbePresigner, examination: Examination) -> Answer:
    return perform(presigner.any_request("GET", examination.new_key("missing")))


def _is_served(answer: Answer) -> bool:
    return answer.status == 404 and answer.code == "NoSuchKey"


def _explained(answer: Answer, route: Route, examination: Examination) -> Cause | None:
    """Return the cause that the answer and the site's settings show, or None."""
    cause = cause_of(answer) or not_s3(answer)
    if cause is not None and cause.kind in {"signature", "no_bucket", "not_s3"}:
        return (
            _bucket_twice(answer)
            or _rewritten_host(route, examination)
            or _prefixed(answer)
            or cause
        )
    return cause


def _urls() -> Iterator[tuple[str, str]]:
    for name in ("S3_PUBLIC_ENDPOINT_URL", "S3_ENDPOINT_URL"):
        if url := getattr(settings, name):
            yield name, url


def _bucket_twice(answer: Answer) -> Cause | None:
    bucket = settings.S3_BUCKET
    for name, url in _urls():
        if (urlsplit(url).hostname or "").startswith(f"{bucket}."):
            return Cause(
                "bucket_twice",
                f"{name} is {url}, which contains the bucket's name. The site itself "
                f"adds this name to its URLs. S3 answered {answer}",
                f"Remove the bucket's name from {name}.",
            )
    return None


def _rewritten_host(route: Route, examination: Examination) -> Cause | None:
    """Return a cause if a proxy replaces the Host header, and None otherwise.

    Sends requests that are signed for other hosts. If S3 accepts such a request, a
    proxy has changed the Host header to this other host.
    """
    for host in _other_hosts(route.presigner.origin):
        try:
            answer = _get(route.presigner.for_host(host), examination)
        except (NoAnswer, StorageError):
            return None
        if _is_served(answer):
            return Cause(
                "host",
                f"A proxy in front of S3 changes the Host header to {host}. So S3 "
                "accepts only signatures for this host.",
                "Configure the proxy to pass the Host header unchanged (nginx: "
                "proxy_set_header Host $http_host).",
            )
    return None


def _other_hosts(origin: str) -> Iterable[str]:
    own = urlsplit(origin)
    candidates = [own.hostname or "", "localhost", "127.0.0.1"]
    if settings.S3_ENDPOINT_URL:
        candidates.insert(0, urlsplit(settings.S3_ENDPOINT_URL).netloc)
    return [host for host in dict.fromkeys(candidates) if host != own.netloc]


def _prefixed(answer: Answer) -> Cause | None:
    for name, url in _urls():
        path = urlsplit(url).path.strip("/")
        if path:
            return Cause(
                "path",
                f"{name} has the path /{path}, which S3 does not expect. "
                f"S3 answered {answer}",
                "Serve S3 without a path, at a host name that only S3 uses. Then set "
                f"{name} to this URL.",
            )
    return None


def _path_prefix(route: Route) -> Finding | None:
    url = getattr(settings, route.setting)
    path = urlsplit(url).path.strip("/") if url else ""
    if not path:
        return None
    return note(
        route.name,
        route.title,
        f"{route.setting} has the path /{path}. Signed requests work with this path.",
    )


def _fail(route: Route, cause: Cause) -> Finding:
    heals = ("bucket",) if cause.kind == "no_bucket" else ()
    return fail(
        f"{route.name}.{cause.kind}",
        route.title,
        cause.fact,
        NO_UPLOADS,
        cause.fix,
        *heals,
    )
