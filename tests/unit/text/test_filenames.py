"""Test how file names are cleaned, checked, and folded for the search."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.errors import InvalidRequest
from uploads.text.filenames import (
    chosen_filename,
    clean_filename,
    clean_relative_path,
    folded,
    printable,
)

CASES = json.loads((Path(__file__).parents[2] / "cases" / "filenames.json").read_text())


@pytest.mark.parametrize(
    "case", CASES["names"], ids=lambda case: ascii(case["sent"])[:40]
)
def test_filename_is_cleaned_as_in_the_shared_cases(case: dict[str, str]) -> None:
    assert clean_filename(case["sent"]) == case["stored"]


@pytest.mark.parametrize(
    "case", CASES["paths"], ids=lambda case: ascii(case["sent"])[:40]
)
def test_relative_path_is_cleaned_as_in_the_shared_cases(case: dict[str, str]) -> None:
    assert clean_relative_path(case["sent"]) == case["stored"]


@pytest.mark.parametrize(
    "case", CASES["searches"], ids=lambda case: ascii(case["name"])
)
def test_search_matches_as_in_the_shared_cases(case: dict[str, Any]) -> None:
    assert (folded(case["search"]) in folded(case["name"])) is case["found"]


@given(st.text(max_size=40))
def test_folding_is_idempotent(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_exactly_the_listed_code_points_are_removed() -> None:
    listed: set[int] = set()
    for ends in CASES["removed"]:
        first, last = (int(end, 16) for end in ends.split("-"))
        listed.update(range(first, last + 1))

    removed = {
        code_point
        for code_point in range(sys.maxunicode + 1)
        if len(printable(f"_{chr(code_point)}_")) < 3
    }

    assert removed == listed


def test_every_bidirectional_control_is_removed() -> None:
    turning = [
        chr(code_point)
        for code_point in range(sys.maxunicode + 1)
        if unicodedata.bidirectional(chr(code_point))
        in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    ]

    assert len(turning) == 9
    assert clean_filename(f"a{''.join(turning)}b.txt") == "ab.txt"


def test_long_name_keeps_its_extension() -> None:
    cleaned = clean_filename("x" * 400 + ".tar")

    assert len(cleaned) == 255
    assert cleaned.endswith("xxx.tar")


@given(st.text(max_size=400))
def test_random_text_becomes_a_valid_name(sent: str) -> None:
    cleaned = clean_filename(sent)

    assert 1 <= len(cleaned) <= 255
    assert "/" not in cleaned
    assert "\\" not in cleaned
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in cleaned)
    assert clean_filename(cleaned) == cleaned
    cleaned.encode("utf-8")


JOINERS = "\u200b\u200c\u200d\ufe0f\U000e0067\U000e007f"


@given(st.text(alphabet=f"ab. \\:/1\u20e3\u0645\u0301\U0001f3f4\U0001f680{JOINERS}"))
def test_cleaning_is_idempotent(sent: str) -> None:
    cleaned = clean_filename(sent)

    assert clean_filename(cleaned) == cleaned
    assert clean_relative_path(clean_relative_path(sent)) == clean_relative_path(sent)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("  spaced  name.txt\n", "spaced  name.txt"),
        ("e\u0301te\u0301.txt", "\u00e9t\u00e9.txt"),
        ('<b>"a".txt', '<b>"a".txt'),
        (".env", ".env"),
        ("\u0645\u06cc\u200c\u062e.txt", "\u0645\u06cc\u200c\u062e.txt"),
        ("\U0001f469\u200d\U0001f680.txt", "\U0001f469\u200d\U0001f680.txt"),
        ("x" * 255, "x" * 255),
    ],
)
def test_valid_chosen_name_is_kept(sent: str, kept: str) -> None:
    assert chosen_filename(sent) == kept


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("", "Give the file a name."),
        (" \t\n ", "Give the file a name."),
        ("a/b.txt", r"A name cannot contain / or \."),
        ("a\\b.txt", r"A name cannot contain / or \."),
        ("/", r"A name cannot contain / or \."),
        ("invoice\u202egnp.exe", "A name cannot contain invisible characters."),
        ("a\x00.txt", "A name cannot contain invisible characters."),
        ("a\nb.txt", "A name cannot contain invisible characters."),
        ("lone\ud800.txt", "A name cannot contain invisible characters."),
        ("a.h\u200cta", "A name cannot contain invisible characters."),
        ("\u200b", "A name cannot contain invisible characters."),
        ("..", "A name cannot end with a dot or a space."),
        ("a.txt.", "A name cannot end with a dot or a space."),
        ("\u2800", "A name cannot end with a dot or a space."),
        ("C:x", "A name cannot begin with a letter and a colon, like a Windows drive."),
        ("aux.c", "Windows reserves this name for a device. Choose another name."),
        ("x" * 252 + ".txt", "A name has at most 255 characters."),
    ],
    ids=ascii,
)
def test_invalid_chosen_name_is_refused(sent: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chosen_filename(sent)

    assert refused.value.fields == {"filename": [words]}


@given(st.text(max_size=300))
def test_chosen_name_is_accepted_only_if_cleaning_does_not_change_the_name(
    sent: str,
) -> None:
    wanted = unicodedata.normalize("NFC", sent.strip())
    if wanted and clean_filename(wanted) == wanted:
        assert chosen_filename(sent) == wanted
    else:
        with pytest.raises(InvalidRequest):
            chosen_filename(sent)
