"""Wrong CORS rules and page policies, each with the cause that the doctor reports."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doctor.conftest import SITE, MakeProxy, Site, configure_cors
from tests.doctor.proxy import Reply, Request, replaced, s3_error
from uploads.doctor import cors
from uploads.doctor.cors_forms import BY_PUT
from uploads.doctor.results import Status
from uploads.s3.bucket import get_bucket
from uploads.s3.wire import NoAnswer


def only_problem(site: Site) -> Any:
    """Return the only finding. Fails if there are more findings."""
    found = site.problems("cors")
    assert len(found) == 1, sorted(found)
    return next(iter(found.values()))


def test_missing_cors_rules_on_aws_are_reported(site: Site, proxied: MakeProxy) -> None:
    """Without rules, AWS refuses every origin and SeaweedFS admits every origin."""

    def refuse(request: Request) -> Reply | None:
        if request.method == "OPTIONS":
            return s3_error(403, "AccessForbidden", "CORSResponse: CORS is not enabled")
        return None

    site.behind(proxied(before=refuse))

    found = only_problem(site)

    assert found.name == "cors.preflight.no_rule"
    assert found.heals == ("cors",)
    assert "setup_bucket --apply" in found.fix


def test_missing_cors_rules_on_seaweed_admit_every_origin(site: Site) -> None:
    get_bucket().client.delete_bucket_cors(Bucket=get_bucket().name)

    found = only_problem(site)

    assert (found.name, found.status) == ("cors.strangers", "WARN")
    assert found.heals == ("cors",)


def test_cors_rule_for_another_site_is_reported(site: Site) -> None:
    configure_cors(get_bucket(), ["https://other.example.org"])

    assert only_problem(site).name == "cors.preflight.no_rule"


@pytest.mark.parametrize(
    "stored",
    [f"{SITE}/", SITE.replace("http:", "https:"), SITE.removeprefix("http://")],
    ids=["trailing slash", "wrong scheme", "no scheme"],
)
def test_malformed_origin_in_a_cors_rule_is_reported(site: Site, stored: str) -> None:
    configure_cors(get_bucket(), [stored])

    found = only_problem(site)

    assert found.name == "cors.preflight.origin"
    assert (
        f"The CORS rule allows {stored}, but the page's origin is {SITE}." in found.fact
    )


def test_header_missing_in_the_cors_rule_is_reported(site: Site) -> None:
    headers = ["content-type", "content-disposition", "if-none-match"]
    configure_cors(get_bucket(), [SITE], AllowedHeaders=headers)

    found = only_problem(site)

    assert found.name == "cors.preflight.headers"
    assert "x-amz-checksum-sha256" in found.fix
    assert "content-type" not in found.fix


def test_provider_without_cors_rules_is_reported(
    site: Site, proxied: MakeProxy
) -> None:
    def unknown(request: Request) -> Reply | None:
        if request.method == "OPTIONS":
            return s3_error(501, "NotImplemented", "not implemented")
        return None

    site.behind(proxied(before=unknown))

    found = only_problem(site)

    assert found.name == "cors.preflight.unsupported"
    assert f"cors_allow_origin={SITE}" in found.fix


def test_cors_rule_without_put_is_reported(site: Site) -> None:
    configure_cors(get_bucket(), [SITE], AllowedMethods=["GET", "HEAD", "POST"])

    found = only_problem(site)

    assert found.name == "cors.preflight.method"
    assert "s3_put" in found.fix


@pytest.mark.parametrize("where", ["OPTIONS", "PUT"])
def test_duplicate_cors_headers_of_a_proxy_are_reported(
    site: Site, proxied: MakeProxy, where: str
) -> None:
    def add(request: Request, reply: Reply) -> Reply:
        if request.method == where:
            reply.headers.append(("Access-Control-Allow-Origin", SITE))
        return reply

    site.behind(proxied(after=add))

    found = only_problem(site)

    assert found.name.endswith(".multiple")
    assert "multiple values" in found.fact


def test_cors_headers_removed_by_a_proxy_are_reported(
    site: Site, proxied: MakeProxy
) -> None:
    def drop(request: Request, reply: Reply) -> Reply:
        if request.method == "PUT":
            name = "Access-Control-Allow-Origin"
            reply.headers = replaced(reply.headers, name, None)
        return reply

    site.behind(proxied(after=drop))

    assert only_problem(site).name == "cors.answer.missing"


def test_page_policy_without_the_bucket_is_reported(site: Site) -> None:
    site.name_in_policy("'self'")

    found = only_problem(site)

    assert found.name == "cors.csp"
    assert f"Add {site.server.endpoint_url} to connect-src" in found.fix


def test_page_policy_with_a_wildcard_of_the_global_host_is_reported(site: Site) -> None:
    site.name_in_policy("'self'", "https://*.s3.amazonaws.com")

    found = only_problem(site)

    assert found.name == "cors.csp"
    assert "does not match the regional host" in found.fact


def test_preflight_refused_by_a_proxy_is_not_attributed_to_s3(
    site: Site, proxied: MakeProxy
) -> None:
    def refuse(request: Request) -> Reply | None:
        return Reply(405) if request.method == "OPTIONS" else None

    site.behind(proxied(before=refuse))

    assert only_problem(site).name == "cors.preflight.not_passed_on"


def test_origin_setting_with_a_slash_is_reported(site: Site) -> None:
    site.settings.CSRF_TRUSTED_ORIGINS = [f"{SITE}/"]

    found = only_problem(site)

    assert found.name == "cors.origins"
    assert f"Write {SITE} without" in found.fact
    assert "CSRF_TRUSTED_ORIGINS" in found.fix


def form_finding(site: Site) -> Any:
    [found] = [each for each in site.findings("cors") if each.name == "cors.form"]
    return found


def test_pages_may_send_forms_and_read_the_answers(site: Site) -> None:
    found = form_finding(site)

    assert (found.status, found.title) == (
        Status.OK,
        f"Pages of {SITE} may send forms and read the answers",
    )


@pytest.mark.parametrize("hosts", ["first", "further"])
@pytest.mark.parametrize("fault", ["missing", "double", "refused"])
def test_form_whose_answer_browsers_hide_is_reported(
    site: Site, proxied: MakeProxy, settings: Any, fault: str, hosts: str
) -> None:
    """No preflight shows this fault, because browsers send none before a form."""

    def before(request: Request) -> Reply | None:
        is_form = request.method == "POST"
        return s3_error(405, "MethodNotAllowed", "no") if is_form else None

    def after(request: Request, reply: Reply) -> Reply:
        if request.method == "POST":
            name = "Access-Control-Allow-Origin"
            value = f"{SITE}, {SITE}" if fault == "double" else None
            reply.headers = replaced(reply.headers, name, value)
        return reply

    proxy = proxied(before=before) if fault == "refused" else proxied(after=after)
    if hosts == "first":
        site.behind(proxy)
    else:
        settings.UPLOADS = {**settings.UPLOADS, "S3_PUBLIC_ENDPOINTS": [proxy.url]}

    found = form_finding(site)

    assert (found.status, found.consequence) == (Status.NOTE, BY_PUT)
    assert found.fact.startswith(proxy.url)
    assert {"refused": "405", "double": "multiple"}.get(
        fault, "no header"
    ) in found.fact


def test_cors_rule_without_post_allows_no_forms(site: Site) -> None:
    configure_cors(get_bucket(), [SITE], AllowedMethods=["GET", "HEAD", "PUT"])

    assert form_finding(site).status == Status.NOTE


def test_forms_are_tested_even_if_preflights_get_no_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the site would keep the result of an earlier run, or of one origin."""

    def no_answer(*_: Any) -> None:
        raise NoAnswer("timeout", "no answer")

    monkeypatch.setattr(cors, "preflight", no_answer)

    names = [each.name for each in site.findings("cors")]

    assert {"cors.answers", "cors.form"} <= set(names)
