"""The self-test of the doctor's page names a missing rule in Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from tests.support.browser_errors import BrowserErrors
from tests.support.live_site import LiveSite
from uploads.lifecycle.capabilities import PROMISE
from uploads.models import BucketFact

HEADERS = [
    "content-type",
    "content-disposition",
    "if-none-match",
    "x-amz-checksum-sha256",
]


@pytest.fixture
def person(person: User) -> Iterator[User]:
    person.is_staff = person.is_superuser = True
    person.save()
    yield person
    # With the doctor's results, the pages of later tests would send small files by forms.
    BucketFact.objects.filter(name__startswith=PROMISE).delete()


def lines_of_the_self_test(page: Page) -> Locator:
    """Run the self-test and return its lines."""
    page.goto("/admin/doctor/")
    page.get_by_role("button", name="Test this browser").click()
    lines = page.locator("#self-test-findings > .finding")
    expect(lines).to_have_count(7)
    return lines


def test_self_test_passes_on_a_correct_site(
    signed_in: Page,
) -> None:
    folder = os.environ.get("SCREENSHOTS")
    for line in lines_of_the_self_test(signed_in).all():
        expect(line.locator(".finding__status").first).to_have_text("OK")
    for name in ("notifications", "settings", "site"):
        signed_in.locator(f"input[value={name}]").uncheck()

    signed_in.get_by_role("button", name="Examine").click()

    expect(signed_in.get_by_role("status")).to_contain_text("No problems were found.")
    expect(signed_in.get_by_role("main")).to_contain_text(
        "A second PUT to the same URL"
    )
    if folder:
        for scheme in ("light", "dark"):
            signed_in.emulate_media(color_scheme=scheme)
            for width in (1280, 390):
                signed_in.set_viewport_size({"width": width, "height": 900})
                signed_in.screenshot(
                    path=f"{folder}/{scheme}-{width}.png", full_page=True
                )


def test_cors_rule_for_another_origin_is_reported(
    signed_in: Page, rules: Any, browser_errors: BrowserErrors, live_site: LiveSite
) -> None:
    browser_errors.expect("CORS")
    rules(AllowedOrigins=["https://other.example.org"], AllowedHeaders=HEADERS)

    lines = lines_of_the_self_test(signed_in)

    expect(lines.first).to_contain_text(
        f"its CORS rule does not allow PUT from {live_site.url}"
    )
    expect(lines.first).to_contain_text("setup_bucket --apply")


def test_header_missing_in_the_cors_rule_is_reported(
    signed_in: Page, rules: Any, browser_errors: BrowserErrors, live_site: LiveSite
) -> None:
    browser_errors.expect("CORS")
    rules(AllowedOrigins=[live_site.url], AllowedHeaders=["content-type"])

    lines = lines_of_the_self_test(signed_in)

    expect(lines.first).to_contain_text("x-amz-checksum-sha256")
    expect(lines.nth(2).locator(".finding__status")).to_have_text("OK")


def test_content_security_policy_without_the_bucket_is_reported(
    signed_in: Page, browser_errors: BrowserErrors
) -> None:
    browser_errors.expect(
        "connect-src", "Policy broken", "violates", "Refused to connect"
    )

    def without_the_bucket(route: Any) -> None:
        answer = route.fetch()
        policy = answer.headers["content-security-policy"]
        parts = [p for p in policy.split(";") if "connect-src" not in p]
        headers = {
            **answer.headers,
            "content-security-policy": ";".join([*parts, " connect-src 'self'"]),
        }
        route.fulfill(response=answer, headers=headers)

    signed_in.route("**/admin/doctor/", without_the_bucket)

    lines = lines_of_the_self_test(signed_in)

    expect(lines.first).to_contain_text("Content-Security-Policy forbids")
