from __future__ import annotations

import re
from io import StringIO

import pytest
from django.template.loader import render_to_string

from uploads.doctor import csp
from uploads.doctor.preflights import judge
from uploads.doctor.results import (
    Finding,
    Status,
    fail,
    group,
    is_green,
    note,
    ok,
    skip,
    warn,
)
from uploads.management.commands.doctor import Command
from uploads.s3.wire import Answer

OK, SKIP = ok("a", "A"), skip("b", "B", "why")
NOTE = note("c", "C", "fact")
WARN, FAIL = warn("d", "D", "f", "c", "x"), fail("e", "E", "f", "c", "x", "cors")


@pytest.mark.parametrize(
    ("children", "status"),
    [
        ([], Status.OK),
        ([OK, SKIP], Status.OK),
        ([SKIP, SKIP], Status.SKIP),
        ([OK, NOTE], Status.NOTE),
        ([NOTE, WARN, OK], Status.WARN),
        ([WARN, FAIL], Status.FAIL),
        ([OK, group("g", "G", [FAIL])], Status.FAIL),
    ],
)
def test_worst_status_of_the_findings_is_returned(
    children: list[object], status: Status
) -> None:
    top = group("top", "Top", children)  # type: ignore[arg-type]

    assert top.status == status
    assert is_green([top]) == (status not in {Status.WARN, Status.FAIL})


def test_findings_are_converted_to_plain_data() -> None:
    found = group("top", "Top", [FAIL]).as_dict()

    assert found["status"] == "FAIL"
    assert found["children"][0]["heals"] == ["cors"]


@pytest.mark.parametrize(
    ("headers", "faults"),
    [
        ([("access-control-allow-origin", "https://a.b")], ("method", "headers")),
        (
            [
                ("access-control-allow-origin", "*"),
                ("access-control-allow-origin", "*"),
            ],
            ("multiple", "method", "headers"),
        ),
        (
            [("access-control-allow-origin", "https://a.b, https://a.b")],
            ("multiple", "method", "headers"),
        ),
        (
            [("access-control-allow-origin", "https://a.b/")],
            ("origin", "method", "headers"),
        ),
        (
            [
                ("access-control-allow-origin", "*"),
                ("access-control-allow-methods", "*"),
                ("access-control-allow-headers", "*"),
            ],
            (),
        ),
        (
            [
                ("access-control-allow-origin", "*"),
                ("access-control-allow-methods", "GET, PUT"),
                ("access-control-allow-headers", "If-None-Match"),
            ],
            (),
        ),
    ],
)
def test_preflights_are_judged_as_browsers_judge_them(
    headers: list[tuple[str, str]], faults: tuple[str, ...]
) -> None:
    answer = Answer(200, headers, b"")

    judged = judge(answer, "https://a.b", "PUT", ["if-none-match"])

    assert judged.faults == faults


@pytest.mark.parametrize(
    ("source", "is_allowed"),
    [
        ("https://b.s3.eu-west-1.amazonaws.com", True),
        ("https://b.s3.eu-west-1.amazonaws.com:443", True),
        ("http://b.s3.eu-west-1.amazonaws.com", True),
        ("b.s3.eu-west-1.amazonaws.com", True),
        ("https://*.amazonaws.com", True),
        ("https://*.s3.amazonaws.com", False),
        ("https:", True),
        ("*", True),
        ("'self'", False),
        ("https://b.s3.eu-west-1.amazonaws.com:8443", False),
        ("'none'", False),
    ],
)
def test_sources_of_a_page_policy_match_as_in_browsers(
    source: str, is_allowed: bool
) -> None:
    bucket, page = "https://b.s3.eu-west-1.amazonaws.com", "https://files.example.org"

    assert csp.allows([source], bucket, page) == is_allowed


def test_page_policy_without_connect_src_uses_default_src() -> None:
    policy = "default-src 'self'; img-src *"

    assert csp.sources_of(policy, "connect-src") == ["'self'"]
    assert csp.sources_of("img-src *", "connect-src") is None


def test_report_names_the_expectation_and_the_observation_of_a_problem() -> None:
    out = StringIO()
    command = Command(stdout=out, no_color=True)

    for finding in (OK, SKIP, NOTE, FAIL):
        command._tell(finding, depth=1)

    lines = [line.strip() for line in out.getvalue().splitlines()]
    assert lines[:3] == ["OK   A", "SKIP B: why", "NOTE Expected: C. Found: fact"]
    assert lines[3] == "FAIL Expected: E. Found: f"


def test_admin_names_the_expectation_and_the_observation_of_a_problem() -> None:
    def shown(finding: Finding) -> str:
        page = render_to_string("admin/doctor_finding.html", {"finding": finding})
        return " ".join(re.sub(r"<[^>]+>", " ", page).split())

    assert shown(OK) == "OK A"
    assert shown(SKIP) == "SKIP B why"
    assert shown(FAIL) == "FAIL Expected: E Found: f c x"
    assert shown(group("g", "Group", [FAIL])).startswith("FAIL Group FAIL Expected: E")
