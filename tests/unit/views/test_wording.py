"""Why a file was refused: in words for people, with types for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from uploads.inspection.declared_type import (
    ALIASES,
    KNOWN_BY_SIGNATURE,
    MARKUP,
    PROGRAM_NAMES,
    PROGRAMS,
    DeclaredTypeInspector,
)
from uploads.inspection.type_words import in_words
from uploads.inspection.verdicts import Sample
from uploads.views.wording import reason_in_words

CASES = json.loads((Path(__file__).parents[2] / "cases" / "reasons.json").read_text())
PROGRAM = b"MZ\x90\x00" + bytes(60)
WINDOWS = "application/vnd.microsoft.portable-executable"
ODT = "application/vnd.oasis.opendocument.text"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["shown"][:40])
def test_the_pages_leave_types_out(case: dict[str, str]) -> None:
    assert reason_in_words(case["reason"]) == case["shown"]


@pytest.mark.parametrize(
    "content_type",
    sorted(
        {*KNOWN_BY_SIGNATURE, *PROGRAMS, *PROGRAM_NAMES, *MARKUP, *ALIASES.values()}
    ),
)
def test_every_type_that_is_recognised_has_words(content_type: str) -> None:
    words = in_words(content_type)

    assert words
    assert "/" not in words


@pytest.mark.parametrize(
    ("declared", "content", "words", "types"),
    [
        (
            "image/png",
            PROGRAM,
            "It looks like a Windows program, not a PNG image",
            f"image/png, {WINDOWS}",
        ),
        ("image/png", b"hello", "It does not look like a PNG image", "image/png"),
        (
            ODT,
            PROGRAM,
            "It looks like a Windows program, not an ODT file",
            f"{ODT}, {WINDOWS}",
        ),
        (
            "application/x-nobody-knows",
            PROGRAM,
            "It looks like a Windows program, not what it was announced as",
            f"application/x-nobody-knows, {WINDOWS}",
        ),
    ],
)
def test_the_reason_names_both_in_words_and_their_types_at_the_end(
    declared: str, content: bytes, words: str, types: str
) -> None:
    sample = Sample(
        filename="a",
        content_type=declared,
        byte_size=len(content),
        read=lambda start, length: content[start : start + length],
    )

    reason = DeclaredTypeInspector().inspect(sample).reason

    assert reason == f"{words} ({types})."
    assert reason_in_words(reason) == f"{words}."
