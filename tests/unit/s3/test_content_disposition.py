from __future__ import annotations

from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.s3.content_disposition import content_disposition
from uploads.text.filenames import clean_filename


@pytest.mark.parametrize(
    ("filename", "fallback", "encoded"),
    [
        ("report.pdf", "report.pdf", "report.pdf"),
        ("a b;c,d.txt", "a b;c,d.txt", "a%20b%3Bc%2Cd.txt"),
        ("naïve.txt", "na_ve.txt", "na%C3%AFve.txt"),
        ("日本.png", "__.png", "%E6%97%A5%E6%9C%AC.png"),
        ("100%.txt", "100_.txt", "100%25.txt"),
        ("../../etc/passwd", "passwd", "passwd"),
        ("..\\..\\x.exe", "x.exe", "x.exe"),
        ('a "b".txt', "a _b_.txt", "a%20%22b%22.txt"),
        ('a"; filename="b.exe', "a_; filename=_b.exe", "a%22%3B%20filename%3D%22b.exe"),
        (".env", ".env", ".env"),
        (" a.txt", " a.txt", "%20a.txt"),
        ("it's (1)*.txt", "it's (1)*.txt", "it%27s%20%281%29%2A.txt"),
        ("a\u200e\u200f\ufeff\u200bb.txt", "ab.txt", "ab.txt"),
        ("invoice\u202egnp.exe", "invoicegnp.exe", "invoicegnp.exe"),
        ("a\r\nSet-Cookie: x", "aSet-Cookie: x", "aSet-Cookie%3A%20x"),
        ("report${filename}", "report${filename}", "report$%7Bfilename%7D"),
        ("", "unnamed", "unnamed"),
        ("..", "unnamed", "unnamed"),
        ("a/", "unnamed", "unnamed"),
        ("\ud800.txt", ".txt", ".txt"),
    ],
)
def test_header_contains_the_name(filename: str, fallback: str, encoded: str) -> None:
    header = content_disposition("attachment", filename)

    assert header == (
        f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{encoded}"
    )


def test_inline_disposition_is_used_on_request() -> None:
    assert content_disposition("inline", "a.png").startswith('inline; filename="a.png"')


@given(st.text())
def test_random_name_gives_a_valid_header(filename: str) -> None:
    header = content_disposition("attachment", filename)

    message = Message()
    message["content-disposition"] = header
    shown = message.get_filename() or ""
    assert message.get_content_disposition() == "attachment"
    assert header.isascii()
    assert header.isprintable()
    assert shown
    assert not {"/", "\\", "\r", "\n", "\u202e"} & set(shown)


@given(st.text(min_size=1))
def test_name_of_a_download_is_the_stored_name(filename: str) -> None:
    stored = clean_filename(filename)

    header = content_disposition("attachment", stored)

    assert unquote(header.partition("filename*=UTF-8''")[2]) == stored
    assert header.count('"') == 2
