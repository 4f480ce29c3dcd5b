"""Tests the connection to the bucket: URLs, host names, TLS, clock and region.

The worker is the identity that makes the calls of the site.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from django.conf import settings

from uploads.conf import masked
from uploads.doctor import addresses
from uploads.doctor.answers import not_s3, unreachable
from uploads.doctor.examination import Examination
from uploads.doctor.further_hosts import ask_further_hosts
from uploads.doctor.results import Finding, fail, ok, skip, warn
from uploads.doctor.signed import ask_signed, public_endpoint_setting
from uploads.errors import StorageError
from uploads.s3.wanted.site_facts import is_loopback
from uploads.s3.wire import Answer, NoAnswer, send

SKEW_WARNING = 60
SKEW_LIMIT = 15 * 60
"""S3 refuses a request if the clocks differ by more than this number of seconds."""

NO_UPLOADS = "No browser can upload or download."


def ask_connection(examination: Examination) -> Iterator[Finding]:
    """Yield a finding for each question about the connection.

    Stops after a failure that would make all later questions fail, too.
    """
    malformed = list(_malformed())
    if malformed:
        yield from malformed
        return
    yield ok("connection.settings", "The URLs of S3 are well formed")
    try:
        origin = examination.downloads.origin
    except StorageError as error:
        yield fail(
            "connection.credentials",
            "The worker identity has credentials",
            error.detail,
            NO_UPLOADS,
            "Set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or configure a role.",
        )
        return
    names = list(_names(examination, origin))
    yield from names
    if any(finding.status == "FAIL" for finding in names):
        return
    answer = yield from _unsigned(origin)
    if answer is None:
        return
    yield _clock(answer, datetime.now(UTC))
    yield from ask_signed(examination)
    yield from ask_further_hosts(examination)


def _malformed() -> Iterator[Finding]:
    for name in ("S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL"):
        url = getattr(settings, name)
        if url and (wrong := _wrong_with(url)):
            yield fail(
                "connection.settings",
                "The URLs of S3 are well formed",
                f"{name} is {masked(url)!r}: {wrong}",
                NO_UPLOADS,
                f"Set {name} to a scheme and a host, such as https://s3.example.com.",
            )


def _wrong_with(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in {"http", "https"}:
        return "it does not begin with http:// or https://."
    if not parts.hostname or any(character.isspace() for character in url):
        return "it contains no valid host name."
    if settings.S3_BUCKET in parts.path.split("/"):
        return (
            f"it names the bucket {settings.S3_BUCKET}. Remove this name, because the "
            "site adds it to every URL."
        )
    if parts.query or parts.fragment or parts.username is not None:
        return "it must have no query, fragment or user name."
    return ""


def _names(examination: Examination, origin: str) -> Iterator[Finding]:
    host = addresses.host_of(origin)
    yield _known_to_browsers(examination, host)
    yield _mixed_content(examination, origin)
    yield _resolves("connection.dns", "DNS knows the bucket's host", origin)
    server = settings.S3_ENDPOINT_URL
    if server and addresses.host_of(server) != host:
        title = "DNS knows the host of S3_ENDPOINT_URL"
        yield _resolves("connection.dns_server", title, server)
    yield _reachable_network(examination, host)


def _known_to_browsers(examination: Examination, host: str) -> Finding:
    name, title = "connection.public_name", "Browsers can resolve the bucket's host"
    visited = [addresses.host_of(origin) for origin in _origins(examination)]
    is_shared = any(addresses.is_internal_name(each) for each in visited)
    if not addresses.is_internal_name(host) or is_shared:
        return ok(name, title, host)
    return fail(
        name,
        title,
        f"The site signs URLs for the host {host}, but only an internal network knows "
        "this name.",
        "Browsers cannot find the bucket, so uploads fail with a DNS error.",
        "Set S3_PUBLIC_ENDPOINT_URL to a URL of S3 that browsers can reach.",
    )


def _mixed_content(examination: Examination, origin: str) -> Finding:
    name = "connection.mixed_content"
    title = "If the pages use HTTPS, the bucket uses HTTPS, too"
    encrypted = [each for each in _origins(examination) if each.startswith("https:")]
    is_blocked = origin.startswith("http:") and not is_loopback(
        addresses.host_of(origin)
    )
    if not (encrypted and is_blocked):
        return ok(name, title)
    return fail(
        name,
        title,
        f"The page {encrypted[0]} uses HTTPS, but the bucket {origin} uses HTTP.",
        "Browsers block all uploads, because pages with HTTPS must not send requests "
        "over HTTP (mixed content).",
        "Set up TLS for S3, and set S3_PUBLIC_ENDPOINT_URL to its https:// URL.",
    )


def _resolves(name: str, title: str, url: str) -> Finding:
    host = addresses.host_of(url)
    found = addresses.resolved(host)
    if found:
        return ok(name, title, f"{host}: {', '.join(found)}")
    if host.startswith(f"{settings.S3_BUCKET}.{settings.S3_BUCKET}."):
        return fail(
            name,
            title,
            f"{host} has the bucket's name twice. DNS does not know this host.",
            NO_UPLOADS,
            "Remove the bucket's name from S3_ENDPOINT_URL and S3_PUBLIC_ENDPOINT_URL.",
        )
    return fail(
        name,
        title,
        f"DNS does not know {host}.",
        NO_UPLOADS,
        "Correct S3_ENDPOINT_URL or S3_PUBLIC_ENDPOINT_URL. If DNS knows this host "
        "only without the bucket's name (s3.example.com, but not "
        "bucket.s3.example.com), set S3_ADDRESSING_STYLE=path.",
    )


def _reachable_network(examination: Examination, host: str) -> Finding:
    name = "connection.network"
    title = "If the site has a public IP address, the bucket has a public one, too"
    ours = addresses.resolved(host)
    if not ours:
        return skip(name, title, f"DNS has no address for {host}.")
    public_pages = [
        origin
        for origin in _origins(examination)
        if any(map(addresses.is_public, addresses.resolved(addresses.host_of(origin))))
    ]
    if not public_pages or any(map(addresses.is_public, ours)):
        return ok(name, title)
    return warn(
        name,
        title,
        f"{public_pages[0]} has a public IP address, but {host} has the private IP "
        f"address {ours[0]}.",
        "People outside of the bucket's network cannot reach the bucket. Inside "
        "the network, Chrome 142 and later ask the user for permission before an "
        "upload.",
        "Give the bucket a public IP address, or allow local network access in the "
        "policies that your organization sets for its browsers.",
    )


def _unsigned(origin: str) -> Generator[Finding, None, Answer | None]:
    """Send an unsigned request, yield a finding, and return S3's answer.

    Returns None if S3 did not answer.
    """
    name, title = "connection.answers", "S3 answers"
    try:
        answer = send("GET", f"{origin}/")
    except NoAnswer as error:
        cause = unreachable(error, public_endpoint_setting(), origin)
        kind = "connection.tls" if error.kind == "tls" else name
        yield fail(kind, title, cause.fact, NO_UPLOADS, cause.fix)
        return None
    foreign = not_s3(answer)
    if answer.status >= 500 and foreign is not None:
        yield fail(name, title, foreign.fact, NO_UPLOADS, foreign.fix)
        return None
    yield ok(name, title, f"{origin} answers {answer.status}")
    return answer


def skew_of(answer: Answer, now: datetime) -> int | None:
    """Return the number of seconds that this server's clock is ahead of S3's clock.

    Returns a negative number if this server's clock is behind S3's. Returns None if
    S3's answer has no valid Date header.
    """
    try:
        theirs = parsedate_to_datetime(answer.header("date"))
        return round((now - theirs).total_seconds())
    except (TypeError, ValueError):
        return None


def _clock(answer: Answer, now: datetime) -> Finding:
    name, title = "connection.clock", "This server's clock agrees with S3's clock"
    seconds = skew_of(answer, now)
    if seconds is None:
        return skip(name, title, "S3's answer has no Date header.")
    if abs(seconds) <= SKEW_WARNING:
        return ok(name, title, f"The clocks differ by {abs(seconds)} s.")
    side = "ahead of" if seconds > 0 else "behind"
    fact = f"This server's clock is {abs(seconds)} s {side} S3's clock."
    fix = "Set this server's clock with an NTP service."
    if abs(seconds) < SKEW_LIMIT:
        return warn(
            name, title, fact, "URLs expire earlier or later than they should.", fix
        )
    return fail(name, title, fact, f"S3 refuses every request. {NO_UPLOADS}", fix)


def _origins(examination: Examination) -> tuple[str, ...]:
    try:
        return examination.facts.origins
    except ValueError:
        return ()  # ask_cors reports the invalid origin.
