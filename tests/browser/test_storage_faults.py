"""The page names the fault that blocks an upload, and continues after the repair."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from playwright.sync_api import BrowserContext, BrowserType, Page, Route, expect

from tests.browser.conftest import USE_FILE_INPUTS
from tests.browser.files import payload
from tests.browser.upload_page import UploadPage
from tests.doctor.proxy import (
    Proxy,
    Reply,
    Request,
    replaced,
    s3_error,
    unchanged_reply,
    unchanged_request,
)
from tests.support.browser_errors import BrowserErrors
from tests.support.live_site import LiveSite, serve
from tests.support.nginx import Nginx
from tests.support.sessions import new_session
from uploads.dev.ports import free_ports
from uploads.doctor.shared_faults import SHARED_SECONDS

if TYPE_CHECKING:
    from uploads.dev.s3_server import S3Server

logger = logging.getLogger(__name__)

HEADERS = [
    "content-type",
    "content-disposition",
    "if-none-match",
    "x-amz-checksum-sha256",
]
BLOCKED = ("CORS", "Policy broken", "connect-src", "Refused to connect", "violates")


@pytest.fixture(scope="module")
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    with Proxy(s3_server.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def site_behind(
    proxy: Proxy,
    site_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveSite]:
    """Run a site whose browsers reach S3 through the proxy."""
    environment = {**site_environment, "S3_PUBLIC_ENDPOINT_URL": proxy.url}
    with serve(environment, tmp_path_factory.mktemp("logs")) as site:
        yield site


@pytest.fixture(autouse=True)
def _reset_proxy(proxy: Proxy, browser_errors: BrowserErrors) -> Iterator[None]:
    # The site caches found causes for some seconds. Clear this cache between tests.
    cache.clear()
    browser_errors.expect(*BLOCKED)
    yield
    proxy.before, proxy.after = unchanged_request, unchanged_reply
    proxy.max_body = None


PUT_BYTES = 70_000
"""The page never sends a file of this size by a form."""


class BlockedUpload:
    """A page with a blocked upload, and the lines that the site has logged."""

    def __init__(self, upload_page: UploadPage, site: LiveSite) -> None:
        self.page = upload_page
        self.site = site
        self.log_began = len(site.log.read_text())
        self.began = 0.0

    def start(self, size: int = PUT_BYTES, name: str = "held.bin") -> None:
        self.page.choose(payload(name, os.urandom(size)))
        self.page.start()
        self.began = time.monotonic()

    def expect_reason(self, *words: str) -> None:
        """Wait until the page shows these words as the cause."""
        reason = self.page.upload_area.locator(".progress__reason")
        for each in words:
            expect(reason).to_contain_text(each)
        logger.info("Named after %.1f s.", time.monotonic() - self.began)
        expect(self.page.heading("The upload cannot continue")).to_be_visible()

    def expect_lines(self, *faults: str) -> None:
        """Check that the log has exactly one line for each of these causes."""
        text = self.site.log.read_text()[self.log_began :]
        lines = [line for line in text.splitlines() if '"storage.fault"' in line]
        assert sorted(json.loads(line)["fault"] for line in lines) == sorted(faults)

    def expect_arrival(self) -> None:
        """Wait until the upload has continued and ended without a click."""
        self.page.wait_until_uploaded(1)
        expect(self.page.upload_area.locator(".progress__reason")).to_be_hidden()


@pytest.fixture
def blocked(signed_in: Page, site_behind: LiveSite) -> BlockedUpload:
    page = UploadPage(signed_in, f"{site_behind.url}/")
    page.open()
    return BlockedUpload(page, site_behind)


Rules = Callable[..., None]


def refuse_preflights(request: Request) -> Reply | None:
    """Answer as AWS does for a bucket without rules.

    SeaweedFS would admit every origin.
    """
    if request.method == "OPTIONS":
        words = "CORSResponse: CORS is not enabled for this bucket."
        return s3_error(403, "AccessForbidden", words)
    return None


def test_missing_cors_rules_are_named(blocked: BlockedUpload, proxy: Proxy) -> None:
    proxy.before = refuse_preflights
    blocked.start()

    blocked.expect_reason(
        "The storage refuses requests from this site. Tell your administrator:",
        f"the bucket has no CORS rule for {blocked.site.url}",
    )
    blocked.expect_lines("cors_no_rule")

    proxy.before = unchanged_request
    blocked.expect_arrival()
    blocked.expect_lines("cors_no_rule")


def test_cors_rule_for_another_origin_is_named(
    blocked: BlockedUpload, rules: Rules
) -> None:
    rules(AllowedOrigins=["https://other.example.org"], AllowedHeaders=HEADERS)
    blocked.start()

    blocked.expect_reason(
        f"no CORS rule of the bucket allows the origin {blocked.site.url}."
    )
    blocked.expect_lines("cors_origin_missing")

    rules(AllowedOrigins=[blocked.site.url], AllowedHeaders=HEADERS)
    blocked.expect_arrival()


def test_cors_origin_with_a_trailing_slash_is_named(
    blocked: BlockedUpload, rules: Rules
) -> None:
    rules(AllowedOrigins=[f"{blocked.site.url}/"], AllowedHeaders=HEADERS)
    blocked.start()

    blocked.expect_reason("the CORS rule contains the origin in another spelling")
    blocked.expect_lines("cors_origin_differs")


def test_header_missing_in_the_cors_rule_is_named(
    blocked: BlockedUpload, rules: Rules
) -> None:
    rules(AllowedOrigins=[blocked.site.url], AllowedHeaders=HEADERS[:3])
    blocked.start()

    blocked.expect_reason(
        "CORS rule does not allow a header of the upload (AllowedHeaders)"
    )
    blocked.expect_lines("cors_headers")

    rules(AllowedOrigins=[blocked.site.url], AllowedHeaders=HEADERS)
    blocked.expect_arrival()


def test_method_missing_in_the_cors_rule_is_named(
    blocked: BlockedUpload, rules: Rules
) -> None:
    rules(
        AllowedOrigins=[blocked.site.url],
        AllowedHeaders=HEADERS,
        AllowedMethods=["GET", "POST"],
    )
    blocked.start()

    blocked.expect_reason("CORS rule does not allow the method PUT")
    blocked.expect_lines("cors_method")


def test_duplicate_cors_headers_of_a_proxy_are_named(
    blocked: BlockedUpload, proxy: Proxy
) -> None:
    def add(request: Request, reply: Reply) -> Reply:
        reply.headers.append(("Access-Control-Allow-Origin", blocked.site.url))
        return reply

    proxy.after = add
    blocked.start()

    blocked.expect_reason("the storage and a proxy both add CORS headers")
    blocked.expect_lines("cors_multiple")


def without_the_bucket(route: Route) -> None:
    """Remove the bucket from the page's Content-Security-Policy."""
    answer = route.fetch()
    policy = answer.headers["content-security-policy"]
    parts = [part for part in policy.split(";") if "connect-src" not in part]
    changed = ";".join([*parts, " connect-src 'self'"])
    headers = {**answer.headers, "content-security-policy": changed}
    route.fulfill(response=answer, headers=headers)


@pytest.fixture
def strict_page(signed_in: Page, site_behind: LiveSite) -> UploadPage:
    """Open and return the page of files with a policy that lacks the bucket."""
    url = f"{site_behind.url}/"
    signed_in.route(url, without_the_bucket)
    page = UploadPage(signed_in, url)
    page.open()
    return page


def test_content_security_policy_without_the_bucket_is_named(
    strict_page: UploadPage, site_behind: LiveSite
) -> None:
    blocked = BlockedUpload(strict_page, site_behind)
    blocked.start()

    blocked.expect_reason(
        "The browser blocks requests to the storage. Tell your administrator: the "
        "Content-Security-Policy of this page does not allow the bucket (connect-src).",
        "When the problem is fixed, reload this page.",
    )
    blocked.expect_lines("policy")


def test_two_simultaneous_causes_are_named(
    strict_page: UploadPage, site_behind: LiveSite, rules: Rules
) -> None:
    rules(AllowedOrigins=[site_behind.url], AllowedHeaders=HEADERS[:3])
    blocked = BlockedUpload(strict_page, site_behind)
    blocked.start()

    blocked.expect_reason(
        "Content-Security-Policy", "CORS rule does not allow a header"
    )
    blocked.expect_lines("policy", "cors_headers")


def test_body_limit_of_a_proxy_is_named(blocked: BlockedUpload, proxy: Proxy) -> None:
    """The proxy answers 413 without CORS headers, so the page cannot read it."""
    proxy.max_body = 2 * 1024 * 1024
    blocked.start(size=5 * 1024 * 1024)

    blocked.expect_reason(
        "A proxy refused a request, because the request was too large.", "(413)"
    )
    blocked.expect_lines("body_limit")

    proxy.max_body = None
    blocked.expect_arrival()


def test_unreachable_storage_is_named(blocked: BlockedUpload, proxy: Proxy) -> None:
    def break_off(request: Request) -> Reply | None:
        raise ConnectionAbortedError

    proxy.before = break_off
    blocked.start()

    blocked.expect_reason("the storage does not answer this site's server either")
    blocked.expect_lines("no_answer")

    proxy.before = unchanged_request
    blocked.expect_arrival()


def test_storage_reachable_only_from_the_server_is_named(
    blocked: BlockedUpload, proxy: Proxy, context: BrowserContext
) -> None:
    context.route(f"{proxy.url}/**", lambda route: route.abort("addressunreachable"))
    blocked.start()

    blocked.expect_reason(
        "this site's server reaches the storage, but this browser does not"
    )
    blocked.expect_lines("unreachable")

    context.unroute_all()
    blocked.expect_arrival()


def test_lost_network_is_not_reported_as_a_storage_fault(
    blocked: BlockedUpload, context: BrowserContext
) -> None:
    context.set_offline(True)
    blocked.start()

    waiting = re.compile("No network|Waiting for the network")
    expect(blocked.page.heading(waiting)).to_be_visible()
    blocked.page.page.wait_for_timeout(3000)
    expect(blocked.page.upload_area.locator(".progress__reason")).to_be_hidden()

    context.set_offline(False)
    blocked.expect_arrival()
    blocked.expect_lines()


@pytest.mark.parametrize(
    ("status", "code", "words", "fault"),
    [
        (
            403,
            "AccessDenied",
            "the storage denies access to the signer identity",
            "denied",
        ),
        (403, "SignatureDoesNotMatch", "the signature is wrong", "signature"),
        (
            403,
            "RequestTimeTooSkewed",
            "the clocks of this site's server and of the storage differ",
            "clock",
        ),
        (413, "EntityTooLarge", "limits the size of a request (413)", "body_limit"),
        (404, "NoSuchBucket", "the bucket does not exist", "no_bucket"),
    ],
)
def test_refusal_of_s3_is_named_with_its_code(
    blocked: BlockedUpload, proxy: Proxy, status: int, code: str, words: str, fault: str
) -> None:
    def refuse(request: Request, reply: Reply) -> Reply:
        if request.method == "PUT":
            return Reply(status, reply.headers, s3_error(status, code).body)
        return reply

    proxy.after = refuse
    blocked.start()

    failed = blocked.page.upload_area.get_by_role("listitem")
    expect(failed).to_contain_text(words)
    expect(failed).to_contain_text(f"S3 answered {status} {code}.")
    blocked.expect_lines(fault)

    proxy.after = unchanged_reply
    failed.get_by_role("button", name="Try again").click()
    blocked.expect_arrival()


def test_wrong_clock_is_named_instead_of_the_refusal(
    blocked: BlockedUpload, proxy: Proxy
) -> None:
    def later(request: Request, reply: Reply) -> Reply:
        when = datetime.now(UTC) + timedelta(hours=1)
        reply.headers = replaced(reply.headers, "Date", format_datetime(when, True))
        if request.method == "PUT":
            reply.status, reply.body = 403, s3_error(403, "AccessDenied").body
        return reply

    proxy.after = later
    blocked.start()

    failed = blocked.page.upload_area.get_by_role("listitem")
    expect(failed).to_contain_text(
        "the clocks of this site's server and of the storage differ"
    )
    blocked.expect_lines("clock")


def test_pages_share_one_examination(
    blocked: BlockedUpload, proxy: Proxy, person: User
) -> None:
    preflights: list[str] = []

    def refuse(request: Request) -> Reply | None:
        agent = dict(request.headers).get("User-Agent", "")
        asked = dict(request.headers).get("Access-Control-Request-Method")
        if (request.method, asked, agent) == ("OPTIONS", "PUT", "slipway-doctor"):
            preflights.append(request.path)
        return refuse_preflights(request)

    proxy.before = refuse
    blocked.start()
    blocked.expect_reason("no CORS rule")
    other = UploadPage(blocked.page.page.context.new_page(), blocked.page.url)
    other.open()
    second = BlockedUpload(other, blocked.site)
    second.start(name="other.bin")
    second.expect_reason("no CORS rule")

    # If the pages did not share one result, each page would cause a preflight. The site
    # may examine again after 10 s.
    elapsed = time.monotonic() - blocked.began
    assert len(preflights) <= 1 + elapsed // SHARED_SECONDS
    blocked.expect_lines("cors_no_rule")


@pytest.fixture
def encrypted_site(
    s3_server: S3Server,
    site_environment: dict[str, str],
    tmp_path: Path,
) -> Iterator[tuple[LiveSite, Nginx]]:
    """Run a site behind nginx with TLS, whose bucket has an http URL."""
    nginx = Nginx(tmp_path, target=free_ports(1)[0], names=("files.example.test",))
    environment = {
        **site_environment,
        "S3_PUBLIC_ENDPOINT_URL": f"http://s3.example.test:{s3_server.port}",
        "ALLOWED_HOSTS": "files.example.test,127.0.0.1",
        "CSRF_TRUSTED_ORIGINS": nginx.url,
    }
    with serve(environment, tmp_path) as site:
        nginx.target = int(site.url.rpartition(":")[2])
        with nginx:
            yield site, nginx


def test_mixed_content_is_named(
    encrypted_site: tuple[LiveSite, Nginx],
    person: User,
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
) -> None:
    site, nginx = encrypted_site
    names = "--host-resolver-rules=MAP *.example.test 127.0.0.1"
    arguments = [*browser_type_launch_args["args"], names]
    options = {**browser_type_launch_args, "args": arguments}
    browser = browser_type.launch(**options)
    try:
        context = browser.new_context(ignore_https_errors=True)
        context.add_init_script(USE_FILE_INPUTS)
        name, value = settings.SESSION_COOKIE_NAME, new_session(person)
        context.add_cookies([{"name": name, "value": value, "url": nginx.url}])
        page = UploadPage(context.new_page(), f"{nginx.url}/")
        page.open()
        blocked = BlockedUpload(page, site)
        blocked.start()

        blocked.expect_reason(
            "The browser blocks requests to the storage.",
            "this page uses https, but the storage uses http",
        )
        blocked.expect_lines("mixed_content")
    finally:
        browser.close()
