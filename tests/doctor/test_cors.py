"""Broken CORS rules and policies, each with the cause that the doctor names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doctor.conftest import SITE, MakeProxy, Site, configure_cors
from tests.doctor.proxy import Reply, Request, replaced, s3_error
from uploads.s3.bucket import get_bucket


def trouble(site: Site) -> Any:
    """Return the one trouble: no other cause may be named beside it."""
    found = site.troubles("cors")
    assert len(found) == 1, sorted(found)
    return next(iter(found.values()))


def test_1_no_rule_imitated(site: Site, proxied: MakeProxy) -> None:
    """SeaweedFS admits every origin where AWS refuses."""

    def refuse(request: Request) -> Reply | None:
        if request.method == "OPTIONS":
            return s3_error(403, "AccessForbidden", "CORSResponse: CORS is not enabled")
        return None

    site.behind(proxied(before=refuse))

    found = trouble(site)

    assert found.name == "cors.preflight.no_rule"
    assert found.heals == ("cors",)
    assert "setup_bucket --apply" in found.fix


def test_no_rule_on_a_server_that_then_admits_every_origin(site: Site) -> None:
    get_bucket().client.delete_bucket_cors(Bucket=get_bucket().name)

    found = trouble(site)

    assert (found.name, found.status) == ("cors.strangers", "WARN")
    assert found.heals == ("cors",)


def test_1_a_rule_for_another_site(site: Site) -> None:
    configure_cors(get_bucket(), ["https://other.example.org"])

    assert trouble(site).name == "cors.preflight.no_rule"


@pytest.mark.parametrize(
    "stored",
    [f"{SITE}/", SITE.replace("http:", "https:"), SITE.removeprefix("http://")],
    ids=["2 slash", "2 scheme", "3 no scheme"],
)
def test_an_origin_that_is_nearly_right(site: Site, stored: str) -> None:
    configure_cors(get_bucket(), [stored])

    found = trouble(site)

    assert found.name == "cors.preflight.origin"
    assert f"The rule allows {stored}, but the page's origin is {SITE}." in found.fact


def test_4_a_header_that_is_not_allowed(site: Site) -> None:
    headers = ["content-type", "content-disposition", "if-none-match"]
    configure_cors(get_bucket(), [SITE], AllowedHeaders=headers)

    found = trouble(site)

    assert found.name == "cors.preflight.headers"
    assert "x-amz-checksum-sha256" in found.fix
    assert "content-type" not in found.fix


def test_5_a_provider_without_rules_for_a_bucket_imitated(
    site: Site, proxied: MakeProxy
) -> None:
    def unknown(request: Request) -> Reply | None:
        if request.method == "OPTIONS":
            return s3_error(501, "NotImplemented", "not implemented")
        return None

    site.behind(proxied(before=unknown))

    found = trouble(site)

    assert found.name == "cors.preflight.unsupported"
    assert f"cors_allow_origin={SITE}" in found.fix


def test_6_a_rule_without_put(site: Site) -> None:
    configure_cors(get_bucket(), [SITE], AllowedMethods=["GET", "HEAD", "POST"])

    found = trouble(site)

    assert found.name == "cors.preflight.method"
    assert "s3_put" in found.fix


@pytest.mark.parametrize("where", ["OPTIONS", "PUT"])
def test_7_a_proxy_that_adds_the_headers_a_second_time(
    site: Site, proxied: MakeProxy, where: str
) -> None:
    def add(request: Request, reply: Reply) -> Reply:
        if request.method == where:
            reply.headers.append(("Access-Control-Allow-Origin", SITE))
        return reply

    site.behind(proxied(after=add))

    found = trouble(site)

    assert found.name.endswith(".multiple")
    assert "multiple values" in found.fact


def test_a_proxy_that_drops_the_headers_of_the_answer(
    site: Site, proxied: MakeProxy
) -> None:
    def drop(request: Request, reply: Reply) -> Reply:
        if request.method == "PUT":
            name = "Access-Control-Allow-Origin"
            reply.headers = replaced(reply.headers, name, None)
        return reply

    site.behind(proxied(after=drop))

    assert trouble(site).name == "cors.answer.missing"


def test_8_a_policy_of_the_page_without_the_bucket(site: Site) -> None:
    site.name_in_policy("'self'")

    found = trouble(site)

    assert found.name == "cors.csp"
    assert f"Add {site.server.endpoint_url} to connect-src" in found.fix


def test_9_a_policy_with_a_wildcard_of_the_global_host(site: Site) -> None:
    site.name_in_policy("'self'", "https://*.s3.amazonaws.com")

    found = trouble(site)

    assert found.name == "cors.csp"
    assert "does not match the regional host" in found.fact


def test_a_proxy_that_refuses_preflights_is_not_taken_for_s3(
    site: Site, proxied: MakeProxy
) -> None:
    def refuse(request: Request) -> Reply | None:
        return Reply(405) if request.method == "OPTIONS" else None

    site.behind(proxied(before=refuse))

    assert trouble(site).name == "cors.preflight.not_passed_on"


def test_an_origin_of_the_settings_that_no_browser_sends(site: Site) -> None:
    site.settings.CSRF_TRUSTED_ORIGINS = [f"{SITE}/"]

    found = trouble(site)

    assert found.name == "cors.origins"
    assert f"Write {SITE} without" in found.fact
    assert "CSRF_TRUSTED_ORIGINS" in found.fix
