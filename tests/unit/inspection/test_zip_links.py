"""Links in ZIP archives are accepted or refused by their targets."""

from __future__ import annotations

import time

import pytest

from tests.support import archives
from tests.support.archives import Raw, link, raw
from tests.support.zip_files import DEFLATED, inspect_archive

LEADING_LINKS = {
    "absolute": [link(b"link", b"/etc/passwd")],
    "to the parent folder": [link(b"link", b"..")],
    "two folders up": [link(b"a/link", b"../../x")],
    "to a drive of Windows": [link(b"link", b"C:\\x")],
    "with Windows separators": [link(b"a/link", b"..\\..\\x")],
    "made on Atari": [link(b"link", b"/etc", system=archives.ATARI)],
    "made on FAT": [link(b"link", b"/etc", system=archives.FAT)],
    "made on an unknown system": [link(b"link", b"/etc", system=200)],
    "compressed": [link(b"link", b"/etc" * 50, method=DEFLATED)],
    "with a zero byte": [link(b"link", b"/etc\x00")],
    "through a link to a folder": [link(b"a", b"."), link(b"b", b"a/..")],
    "through a link, other case": [link(b"A", b"."), link(b"b", b"a/..")],
    "through a later link": [link(b"b", b"a/.."), link(b"a", b".")],
    "a chain of links": [link(b"a", b"b"), link(b"b", b"c"), link(b"c", b"../x")],
    "below a link": [
        link(b"a/b/c/d", b"x"),
        link(b"e", b"a/b/c"),
        link(b"e/f", b"../../x"),
    ],
    "below a link, if links are made last": [
        Raw(b"a/b/c", b"c"),
        link(b"e", b"a/b"),
        link(b"e/f", b"../.."),
    ],
    "two links of one name": [
        link(b"a", b"b/c/d"),
        link(b"a", b"."),
        link(b"e", b"a/.."),
    ],
    "a name with .. through a link": [link(b"a", b"."), Raw(b"a/../b", b"b")],
}


@pytest.mark.parametrize("entries", LEADING_LINKS.values(), ids=LEADING_LINKS.keys())
def test_link_that_leads_outside_is_refused(entries: list[Raw]) -> None:
    verdict = inspect_archive(raw(*entries))

    assert not verdict.accepted
    assert "link" in verdict.reason
    assert inspect_archive(raw(*entries), allow_symlinks=True).accepted


STAYING_LINKS = {
    "to a file in the same folder": [link(b"a/link", b"b")],
    "to the archive's folder": [link(b"a/link", b"..")],
    "a framework of macOS": [
        Raw(b"F.framework/Versions/A/F", b"f"),
        link(b"F.framework/Versions/Current", b"A"),
        link(b"F.framework/F", b"Versions/Current/F"),
        link(b"F.framework/Resources", b"Versions/Current/Resources"),
    ],
    "node_modules": [
        link(b"node_modules/.bin/tsc", b"../typescript/bin/tsc"),
        link(b"node_modules/a", b".store/a@1/node_modules/a"),
        link(b"node_modules/.store/a@1/node_modules/b", b"../../b@2/node_modules/b"),
    ],
    "two links to each other": [link(b"a", b"b"), link(b"b", b"a")],
    "to itself": [link(b"a", b"a/x")],
    "an entry below a link": [link(b"a", b"b"), Raw(b"a/c", b"c")],
    "to an empty target": [link(b"a", b"")],
    "encrypted": [link(b"a", b"xxxxxxxxxxxxxxxx", flags=1)],
}


@pytest.mark.parametrize("entries", STAYING_LINKS.values(), ids=STAYING_LINKS.keys())
def test_link_that_stays_inside_is_accepted(entries: list[Raw]) -> None:
    verdict = inspect_archive(raw(*entries))

    assert verdict.accepted, verdict.reason


def test_many_harmless_links_are_accepted() -> None:
    entries = [
        link(b"m/%d/node_modules/dep" % n, b"../../%d/lib" % (n + 1))
        for n in range(2000)
    ]

    assert inspect_archive(raw(*entries)).accepted


def test_chain_of_links_with_exponentially_many_paths_is_refused_quickly() -> None:
    entries = [
        link(b"%d" % n, b"/".join([b"%d" % (n + 1), b".."] * 9)) for n in range(30)
    ]

    started = time.monotonic()
    verdict = inspect_archive(raw(*entries))

    assert not verdict.accepted
    assert time.monotonic() - started < 2
