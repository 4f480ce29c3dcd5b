"""File names: safe to show, safe to send back, never lost."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.errors import InvalidRequest
from uploads.filenames import chosen_filename, clean_filename, clean_relative_path


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("....//x", "x"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        (
            "a\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069\ufeffll.txt",
            "all.txt",
        ),
        ("line\r\nbreak.txt", "linebreak.txt"),
        ("nul\x00byte.txt", "nulbyte.txt"),
        ("lone\ud800surrogate.txt", "lonesurrogate.txt"),
        ("e\u0301te\u0301.txt", "\u00e9t\u00e9.txt"),
        ("  spaced name.txt  ", "spaced name.txt"),
        ('a"; filename="b.exe', 'a"; filename="b.exe'),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("report${filename}", "report${filename}"),
        ("..", "unnamed"),
        ("///", "unnamed"),
        ("\x00\x01", "unnamed"),
    ],
)
def test_a_name_is_its_last_component_without_unsafe_characters(
    sent: str, shown: str
) -> None:
    assert clean_filename(sent) == shown


def test_a_long_name_keeps_its_extension() -> None:
    cleaned = clean_filename("x" * 400 + ".tar")

    assert len(cleaned) == 255
    assert cleaned.endswith("xxx.tar")


@given(st.text(max_size=400))
def test_any_text_becomes_a_name_that_fits_and_stays(sent: str) -> None:
    cleaned = clean_filename(sent)

    assert 1 <= len(cleaned) <= 255
    assert "/" not in cleaned
    assert "\\" not in cleaned
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in cleaned)
    cleaned.encode("utf-8")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("  spaced  name.txt\n", "spaced  name.txt"),
        ("e\u0301te\u0301.txt", "\u00e9t\u00e9.txt"),
        ('<b>"a".txt', '<b>"a".txt'),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_chosen_name_is_kept_as_it_is(sent: str, kept: str) -> None:
    assert chosen_filename(sent) == kept


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("", "Give the file a name."),
        (" \t\n ", "Give the file a name."),
        ("a/b.txt", r"A name cannot contain / or \."),
        ("a\\b.txt", r"A name cannot contain / or \."),
        ("/", r"A name cannot contain / or \."),
        ("invoice\u202egnp.exe", "A name cannot contain characters that nobody sees."),
        ("a\x00.txt", "A name cannot contain characters that nobody sees."),
        ("a\nb.txt", "A name cannot contain characters that nobody sees."),
        ("lone\ud800.txt", "A name cannot contain characters that nobody sees."),
        (".env", "A name cannot begin or end with a dot."),
        ("..", "A name cannot begin or end with a dot."),
        ("x" * 252 + ".txt", "A name has at most 255 characters."),
    ],
    ids=ascii,
)
def test_a_chosen_name_that_cannot_be_kept_is_refused(sent: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chosen_filename(sent)

    assert refused.value.fields == {"filename": [words]}


@given(st.text(max_size=300))
def test_a_chosen_name_is_kept_exactly_where_cleaning_would_keep_it(sent: str) -> None:
    wanted = unicodedata.normalize("NFC", sent.strip())
    if wanted and clean_filename(wanted) == wanted:
        assert chosen_filename(sent) == wanted
    else:
        with pytest.raises(InvalidRequest):
            chosen_filename(sent)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("photos/2024/a.jpg", "photos/2024/a.jpg"),
        ("/photos//a.jpg", "photos/a.jpg"),
        ("..\\..\\photos\\.\\a.jpg", "photos/a.jpg"),
        ("", ""),
    ],
)
def test_a_relative_path_has_plain_forward_steps(sent: str, shown: str) -> None:
    assert clean_relative_path(sent) == shown
