"""Names in ZIP archives that leave the folder are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support import archives
from tests.support.archives import Raw, raw, unicode_path
from tests.support.zip_files import inspect_archive

FORBIDDEN_NAMES = (
    b"../x",
    b"../../etc/cron.d/x",
    b"a/../../x",
    b"a\\..\\..\\x",
    b"a\\b/../../x",  # on Unix, a backslash is an ordinary character
    b".. /x",
    b"a/.. ./.. /x",
    b" ../x",
    b"..",
    b"..\\x",
    b"/etc/passwd",
    b"//server/x",
    b"\\\\server\\x",
    b"\\x",
    b" /x",
    b"C:/Windows/x.dll",
    b"C:x",
    b"./C:x",
    b"c:\\x",
    b"..\x00/x",
    b"\xc0\xae\xc0\xae/x",
    b"..\xc0\xafx",
)

PLAIN_NAMES = (
    b"/",
    b"./",
    b"./a",
    b"a//b",
    b"a/../b",
    b"...",
    b"..a/b..",
    b"a..b",
    b"B::Deparse.3pm",
    b"caf\xc3\xa9:x",
    b"\xc0 la carte.txt",
    b"back\\slash.txt",
    b"NUL",
    b"aux.txt",
    b"a\x00\x00",
)


@pytest.mark.parametrize("name", FORBIDDEN_NAMES)
def test_name_that_leaves_the_folder_is_refused_in_any_field(name: bytes) -> None:
    for place, entry in {
        "list": Raw(name, local_name=b"a"),
        "local header": Raw(b"a", local_name=name),
        "Unicode path in the list": Raw(b"a", extra=unicode_path(name)),
        "Unicode path in the local header": Raw(b"a", local_extra=unicode_path(name)),
        "after another field": Raw(b"a", extra=b"xx\x02\x00yy" + unicode_path(name)),
    }.items():
        for system in (archives.UNIX, archives.FAT):
            verdict = inspect_archive(raw(Raw(b"first"), replace(entry, system=system)))
            assert not verdict.accepted, place
            assert "outside of the target folder" in verdict.reason


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_name_that_stays_in_the_folder_is_accepted(name: bytes) -> None:
    assert inspect_archive(raw(Raw(name, extra=unicode_path(name)), Raw(b"b"))).accepted
