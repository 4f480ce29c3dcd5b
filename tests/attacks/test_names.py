"""Hostile names in keys, headers, pages and the audit trail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User

from tests.attacks.people import HELLO, Person, assert_problem, declaration
from uploads.states import State

if TYPE_CHECKING:
    from uploads.s3.bucket import Bucket

KEY = re.compile(r"uploads/[0-9a-f/]*[0-9a-f]{2}/[0-9a-f]{40}")
CONTROL = re.compile(
    "[\x00-\x1f\x7f\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
XSS = [
    "<script>alert(1)</script>.txt",
    '"><img src=x onerror=alert(1)>.txt',
    "' onmouseover='alert(1).txt",
    "</title><script>alert(1)</script>",
    "{{ settings.SECRET_KEY }}{% debug %}.txt",
    "</script><script>alert(1)//.txt",
    "javascript:alert(1)//.txt",
]
NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "....//....//x.txt": "x.txt",
    "a\\..\\..\\x.txt": "a_.._.._x.txt",
    "/etc/cron.d/x": "x",
    "C:\\Windows\\evil.exe": "evil.exe",
    "..": "unnamed",
    "/": "unnamed",
    " ": "unnamed",
    "\u202e": "unnamed",
    "\u200b": "unnamed",
    "\u3164": "unnamed",
    "a.h\u200bta": "a.hta",
    "C:evil.exe": "C_evil.exe",
    "nul.txt": "_nul.txt",
    "invoice\u202egnp.exe": "invoicegnp.exe",
    "a\r\nX-Evil: 1\r\n\r\n.txt": "aX-Evil: 1.txt",
    "a\x00.png.exe": "a.png.exe",
    "a\x1b[31m.txt": "a[31m.txt",
    "line\u2028break.txt": "linebreak.txt",
}


def test_key_has_no_part_of_the_name(alice: Person, subtests: pytest.Subtests) -> None:
    # A key made from the name could collide, contain `..`, or reveal the file's
    # subject.
    for sent in (*NAMES, *XSS, "report${filename}"):
        with subtests.test(sent=sent):
            first = alice.start(filename=sent, relative_path=sent)
            second = alice.start(filename=sent, relative_path=sent)
            assert KEY.fullmatch(first.row.key), first.row.key
            assert first.row.key != second.row.key
            assert len(first.row.key) <= 255


def test_name_is_cleaned_at_the_start(alice: Person, subtests: pytest.Subtests) -> None:
    # The site cleans a name once, so that API, pages and downloads use the same name.
    for sent, kept in NAMES.items():
        with subtests.test(sent=sent):
            assert alice.start(filename=sent).received["filename"] == kept


def test_path_is_cleaned_at_the_start(alice: Person, subtests: pytest.Subtests) -> None:
    # With such a path, a client that downloads folders would write files outside of its
    # target folder.
    for sent in ("../../x", "/etc/", "a/./b/../c", "\u202ea/\r\nb", "\x00"):
        with subtests.test(sent=sent):
            kept = alice.start(relative_path=sent).received["relative_path"]
            assert not kept.startswith("/")
            assert {".", ".."}.isdisjoint(kept.split("/"))
            assert not CONTROL.search(kept)


def test_rename_to_an_invalid_name_is_refused(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # A rename must not clean a name that a person has typed. It must refuse an invalid
    # name.
    started = alice.start(filename="a.txt")

    for sent in NAMES:
        with subtests.test(sent=sent):
            answer = alice.call("PATCH", f"/uploads/{started.id}", {"filename": sent})
            received = assert_problem(answer, 422, "invalid_request")
            # Check that the extension is not the reason for the refusal.
            [words] = received["errors"]["filename"]
            assert words.startswith(("A name cannot", "Give the file", "Windows"))
            assert started.row.filename == "a.txt"


DISPOSITION = r"attachment; filename=\"([^\"\\%\r\n]*)\"; filename\*=UTF-8''([^;\"\s]*)"
HEADER_NAMES = [
    'a"; filename="evil.exe',
    'a\\".txt',
    "a; filename*=UTF-8''evil.exe",
    "a%22%0d%0aX-Evil: 1.txt",
    "a%00.txt",
    "naïve ☂ 文件.txt",
    "😀" * 255,
    "=?utf-8?q?evil?=.txt",
    "a" * 300 + ".exe",
]


def test_name_cannot_inject_into_the_download_header(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # S3 returns the name in a header, where a quote in the name could end the value.
    for sent in HEADER_NAMES:
        with subtests.test(sent=sent):
            started = alice.upload(
                filename=sent, content_type="application/octet-stream"
            )
            answer = alice.download(started)
            disposition = answer.headers["Content-Disposition"]
            assert (answer.status, answer.body) == (200, HELLO)
            match = re.fullmatch(DISPOSITION, disposition)
            assert match, disposition
            assert unquote(match[2]) == started.received["filename"]
            assert "X-Evil" not in answer.headers


def test_name_is_escaped_on_every_page(alice: Person, seaweed_bucket: Bucket) -> None:
    # A page without escaping would run the attacker's script in the sessions of its
    # readers.
    files = [alice.upload(filename="a.txt") for _ in XSS]
    for started, sent in zip(files, XSS, strict=True):
        name = sent.replace("/", "")
        renamed = alice.call("PATCH", f"/uploads/{started.id}", {"filename": name})
        assert renamed.status_code == 200, renamed.content
    operator = Person(User.objects.create_superuser("operator"))
    admin = "/admin/uploads/upload/"
    ids = [started.id for started in files]
    pages = [
        operator.browser.get(admin),
        operator.browser.get(f"{admin}?q=a"),
        operator.browser.get("/admin/uploads/auditevent/"),
        operator.browser.post(admin, {"action": "remove", "_selected_action": ids}),
        operator.browser.post(
            admin, {"action": "verify_again", "_selected_action": ids}, follow=True
        ),
    ]
    for started in files:
        pages += [
            alice.browser.get(f"/uploads/{started.id}/"),
            operator.browser.get(f"{admin}{started.id}/change/"),
            alice.browser.post(f"/uploads/{started.id}/delete/", follow=True),
        ]

    for page in pages:
        text = page.content.decode()
        assert page.status_code == 200
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "' onmouseover='" not in text
        assert "development-only" not in text
        assert "script-src 'self'" in page["Content-Security-Policy"]
        assert "unsafe" not in page["Content-Security-Policy"]
    assert {started.row.state for started in files} == {State.DELETED}


@pytest.mark.parametrize(
    "name", ["<b>bold", "</script><script>alert(1)//", "a\u202eb", "{{7*7}}"]
)
def test_user_name_is_escaped_on_every_page(name: str) -> None:
    # The sign-up form refuses such names, but an import of accounts may contain them.
    person = Person(User.objects.create_user(name))
    page = person.browser.get("/").content.decode()

    assert "<b>bold" not in page
    assert "</script><script>alert" not in page
    assert "49" not in re.findall(r'account__name">([^<]*)<', page)


@pytest.mark.parametrize(
    "path", [*XSS, "%0d%0aX-Evil:1", "..%2f..%2fetc%2fpasswd", "a" * 2000]
)
def test_error_page_does_not_repeat_the_path(alice: Person, path: str) -> None:
    # If the 404 page showed the path, an attacker's link could put any text on the
    # page.
    for place in ("", "accounts/", "api/v1/", "uploads/", "static/"):
        answer = alice.browser.get(f"/{place}{path}")

        assert answer.status_code == 404
        assert b"alert(1)" not in answer.content
        assert "X-Evil" not in answer.headers


def test_search_words_are_escaped_in_the_admin() -> None:
    # A link can set the search words of the page.
    operator = Person(User.objects.create_superuser("operator"))
    for page in ("upload", "auditevent", "storagequota", "apitoken"):
        answer = operator.browser.get(f"/admin/uploads/{page}/", {"q": " ".join(XSS)})
        assert "<script>alert" not in answer.content.decode()
        assert "<img src=x" not in answer.content.decode()


def test_documentation_of_the_api_does_not_repeat_the_query(alice: Person) -> None:
    # A link can set the query of the page.
    page = alice.browser.get("/api/v1/docs?q=<script>alert(1)</script>#x")

    assert page.status_code == 200
    assert b"alert(1)" not in page.content


@pytest.mark.parametrize("size", [1025, 100_000])
def test_overlong_name_is_refused(alice: Person, size: int) -> None:
    # The site stores, logs, signs and shows names, so their length must be limited.
    answer = alice.call("POST", "/uploads", declaration(HELLO, filename="a" * size))

    assert_problem(answer, 422, "invalid_request")
