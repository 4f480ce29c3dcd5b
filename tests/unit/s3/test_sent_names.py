from __future__ import annotations

import pytest

from uploads.s3.sent_names import sent_name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("", ""),
        ("${filename}", ""),
        ("=?UTF-8?B?w7xiZXIudHh0?=", "über.txt"),
        ("=?UTF-8?Q?=C3=BCber.txt?=", "über.txt"),
        ("über.txt".encode().decode("latin-1"), "über.txt"),
        ("über.txt", "über.txt"),
        ("=?no-such-charset?B?w7xi?=", "=?no-such-charset?B?w7xi?="),
        ("=?UTF-8?B?!?=", ""),
        ("=?UTF-8?B?/w==?=", "=?UTF-8?B?/w==?="),
        ("x" * 10_000, "x" * 4096),
    ],
)
def test_name_is_decoded_from_all_formats_of_s3(value: str, name: str) -> None:
    assert sent_name({"filename": value}) == name


def test_missing_name_returns_an_empty_text() -> None:
    assert sent_name({"other": "a"}) == ""


def test_unknown_encoding_leaves_the_text_unchanged() -> None:
    assert (
        sent_name({"filename": "=?é?q?x?=".encode().decode("latin-1")}) == "=?é?q?x?="
    )
