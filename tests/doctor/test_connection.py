"""Faults of the connection to the bucket, and the causes that the doctor reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.doctor.conftest import WITHOUT_SITE, MakeProxy, Site, configure_cors
from tests.doctor.proxy import Reply, Request, replaced, s3_error
from uploads.doctor import addresses, connection
from uploads.doctor.results import Status
from uploads.s3.bucket import get_bucket

pytestmark = pytest.mark.django_db


def only_problem(site: Site, family: str = "connection") -> Any:
    """Return the only finding. Fails if there are more findings."""
    found = site.problems(family)
    assert len(found) == 1, sorted(found)
    return next(iter(found.values()))


def test_correct_site_has_no_finding(site: Site) -> None:
    assert site.problems(*WITHOUT_SITE) == {}


def test_correct_site_behind_a_proxy_has_no_finding(
    site: Site, proxied: MakeProxy
) -> None:
    site.behind(proxied())

    assert site.problems(*WITHOUT_SITE) == {}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3.example.com", "does not begin with http"),
        ("http://", "contains no valid host"),
        ("http://127.0.0.1:nine", "Port"),
        ("http://me:secret@127.0.0.1:9", "user name"),
        ("http://127.0.0.1:9/?a=b", "no query"),
    ],
)
def test_malformed_url_is_reported_with_its_value(
    site: Site, url: str, words: str
) -> None:
    site.use(endpoint_url=url)

    found = only_problem(site)

    assert found.name == "connection.settings"
    assert words in found.fact
    assert "S3_ENDPOINT_URL" in found.fact
    assert "secret" not in found.fact


def test_internal_host_name_for_browsers_is_reported(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "resolved", lambda host: ["127.0.0.1"])
    site.use(endpoint_url="http://minio:9000")

    found = site.problems("connection")["connection.public_name"]

    assert "minio" in found.fact
    assert "S3_PUBLIC_ENDPOINT_URL" in found.fix


def test_unknown_host_name_is_reported(site: Site) -> None:
    site.settings.S3_PUBLIC_ENDPOINT_URL = "http://nowhere.localhost.invalid:9000"

    assert only_problem(site).name == "connection.dns"


def test_broken_further_host_is_named(site: Site) -> None:
    port = site.server.endpoint_url.rpartition(":")[2]
    good, bad = f"http://localhost:{port}", "http://127.0.0.1:9"
    site.settings.UPLOADS = {**site.settings.UPLOADS, "S3_PUBLIC_ENDPOINTS": [good]}
    assert "connection.further_host" not in site.problems("connection")

    site.settings.UPLOADS = {
        **site.settings.UPLOADS,
        "S3_PUBLIC_ENDPOINTS": [good, bad],
    }
    found = only_problem(site)

    assert found.name == "connection.further_host"
    assert bad in found.fact
    assert "UPLOADS_S3_PUBLIC_ENDPOINTS" in found.fact
    assert "UPLOADS_S3_PUBLIC_ENDPOINTS" in found.fix


def test_cors_rule_without_crc64nvme_is_enough_for_a_further_host(site: Site) -> None:
    headers = ["content-type", "content-disposition", "if-none-match"]
    configure_cors(
        get_bucket(),
        site.settings.CSRF_TRUSTED_ORIGINS,
        AllowedHeaders=[*headers, "x-amz-checksum-sha256"],
    )
    port = site.server.endpoint_url.rpartition(":")[2]
    further = f"http://localhost:{port}"
    site.settings.UPLOADS = {**site.settings.UPLOADS, "S3_PUBLIC_ENDPOINTS": [further]}

    assert "connection.further_host" not in site.problems("connection")


def test_bucket_without_tls_for_a_page_with_tls_is_reported(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "resolved", lambda host: ["127.0.0.1"])
    site.settings.CSRF_TRUSTED_ORIGINS = ["https://files.example.org"]
    site.settings.S3_PUBLIC_ENDPOINT_URL = "http://s3.example.org"

    found = only_problem(site)

    assert found.name == "connection.mixed_content"
    assert "TLS" in found.fix


def test_path_removed_by_a_proxy_is_reported(site: Site, proxied: MakeProxy) -> None:
    def strip(request: Request) -> None:
        request.path = request.path.removeprefix("/storage")

    proxy = proxied(before=strip)
    site.settings.S3_PUBLIC_ENDPOINT_URL = f"{proxy.url}/storage"

    found = only_problem(site)

    assert found.name == "connection.signed.path"
    assert "/storage" in found.fact


def test_bucket_name_in_the_path_of_the_url_is_reported(site: Site) -> None:
    site.settings.S3_PUBLIC_ENDPOINT_URL = f"{site.server.endpoint_url}/slipway"

    found = only_problem(site)

    assert found.name == "connection.settings"
    assert "names the bucket slipway" in found.fact
    assert "S3_PUBLIC_ENDPOINT_URL" in found.fix


def test_bucket_name_in_the_host_of_the_url_is_reported(site: Site) -> None:
    site.use(addressing_style="virtual")
    site.settings.S3_PUBLIC_ENDPOINT_URL = "http://slipway.s3.nowhere.invalid"

    found = only_problem(site)

    assert "has the bucket's name twice" in found.fact


@pytest.mark.parametrize(
    "browsers_only", [True, False], ids=["browsers only", "server too"]
)
def test_host_replaced_by_a_proxy_is_reported(
    site: Site, proxied: MakeProxy, browsers_only: bool
) -> None:
    def replace(request: Request) -> None:
        request.headers = replaced(request.headers, "Host", "127.0.0.1")

    site.behind(proxied(before=replace), browsers_only=browsers_only)

    found = only_problem(site)

    assert found.name == "connection.signed.host"
    assert "Host header" in found.fix


def test_wrong_secret_is_not_reported_as_a_proxy_fault(site: Site) -> None:
    site.use(secret_key="not-the-secret")

    found = only_problem(site)

    assert found.name == "connection.signed.signature"
    assert "not-the-secret" not in str(found)


def test_unknown_access_key_is_reported(site: Site) -> None:
    site.use(access_key="AKIAUNKNOWN")

    assert only_problem(site).name == "connection.signed.access_key"


def test_private_bucket_for_a_public_page_is_reported(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolved(host: str) -> list[str]:
        return ["93.184.215.14"] if host == "files.example.org" else ["127.0.0.1"]

    monkeypatch.setattr(addresses, "resolved", resolved)
    site.settings.CSRF_TRUSTED_ORIGINS = ["http://files.example.org"]

    found = only_problem(site)

    assert (found.name, found.status) == ("connection.network", Status.WARN)
    assert "Chrome" in found.consequence


def test_redirect_of_a_global_endpoint_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    def redirect(request: Request) -> Reply:
        reply = s3_error(307, "TemporaryRedirect", "Please re-send this request")
        reply.headers += [
            ("Location", "https://slipway.s3.eu-central-1.amazonaws.com/x"),
            ("x-amz-bucket-region", "eu-central-1"),
        ]
        return reply

    site.behind(proxied(before=redirect))

    found = only_problem(site)

    assert found.name == "connection.signed.redirect"
    assert "S3_REGION=eu-central-1" in found.fix


@pytest.mark.parametrize(
    "reply",
    [
        s3_error(
            400,
            "AuthorizationHeaderMalformed",
            "the region 'us-east-1' is wrong; expecting 'garage'",
            "<Region>garage</Region>",
        ),
        s3_error(
            400,
            "AuthorizationQueryParametersError",
            "Error parsing the X-Amz-Credential parameter; the region 'us-east-1' is "
            "wrong; expecting 'garage'",
        ),
    ],
    ids=["header", "query"],
)
def test_wrong_region_is_reported(site: Site, proxied: MakeProxy, reply: Reply) -> None:
    site.behind(proxied(before=lambda request: reply))

    found = only_problem(site)

    assert found.name == "connection.signed.region"
    assert "S3_REGION=garage" in found.fix


@pytest.mark.parametrize(
    ("difference", "status"),
    [
        (timedelta(minutes=20), Status.FAIL),
        (timedelta(minutes=-20), Status.FAIL),
        (timedelta(minutes=3), Status.WARN),
    ],
)
def test_wrong_clock_is_reported(
    site: Site, proxied: MakeProxy, difference: timedelta, status: Status
) -> None:
    def later(request: Request, reply: Reply) -> Reply:
        date = format_datetime(datetime.now(UTC) + difference, usegmt=True)
        reply.headers = replaced(reply.headers, "Date", date)
        return reply

    site.behind(proxied(after=later))

    found = only_problem(site)

    assert (found.name, found.status) == ("connection.clock", status)
    assert "NTP" in found.fix


def test_expired_credentials_are_reported(site: Site, proxied: MakeProxy) -> None:
    reply = s3_error(400, "ExpiredToken", "The provided token has expired.")
    site.behind(proxied(before=lambda request: reply))

    found = only_problem(site)

    assert found.name == "connection.signed.expired_token"


def test_server_that_is_not_s3_is_reported(site: Site, proxied: MakeProxy) -> None:
    page = Reply(404, [("Content-Type", "text/html")], b"<h1>Welcome to nginx!</h1>")
    site.behind(proxied(before=lambda request: page))

    found = only_problem(site)

    assert found.name == "connection.signed.not_s3"
    assert "Welcome to nginx!" in found.fact


def test_error_of_a_gateway_is_reported_with_its_first_line(
    site: Site, proxied: MakeProxy
) -> None:
    bad = Reply(502, [("Content-Type", "text/plain")], b"upstream gone\nmore")
    site.behind(proxied(before=lambda request: bad))

    found = only_problem(site)

    assert "upstream gone" in found.fact
    assert "more" not in found.fact


def test_refused_connection_is_reported(site: Site) -> None:
    site.settings.S3_PUBLIC_ENDPOINT_URL = "http://127.0.0.1:9"

    found = only_problem(site)

    assert found.name == "connection.answers"
    assert found.fact == (
        "http://127.0.0.1:9: Failed to establish a new connection: Connection refused"
    )
    assert "refused the connection" in found.fix


def test_missing_bucket_is_reported_and_can_be_created(site: Site) -> None:
    site.settings.S3_BUCKET = "slipway-missing"
    site.use(bucket_name="slipway-missing")

    found = only_problem(site)

    assert found.name == "connection.signed.no_bucket"
    assert found.heals == ("bucket",)


def test_worker_without_list_permission_has_no_connection_finding(
    site: Site, proxied: MakeProxy
) -> None:
    reply = s3_error(403, "AccessDenied", "Access Denied")
    site.behind(
        proxied(before=lambda r: reply if "X-Amz-Signature" in r.path else None)
    )

    assert site.problems("connection") == {}


def test_limit_for_the_clock_is_the_limit_of_s3() -> None:
    assert connection.SKEW_LIMIT == 900
