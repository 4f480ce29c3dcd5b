"""Pages show the reason of a refusal without content types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from uploads.inspection.content_types import ALIASES, PROGRAMS, RASTER_IMAGES
from uploads.inspection.type_words import in_words
from uploads.views.wording import reason_in_words

CASES = json.loads((Path(__file__).parents[2] / "cases" / "reasons.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["shown"][:40])
def test_pages_show_the_reason_of_a_refusal_without_content_types(
    case: dict[str, str],
) -> None:
    assert reason_in_words(case["reason"]) == case["shown"]


@pytest.mark.parametrize(
    "content_type", sorted({*PROGRAMS, *RASTER_IMAGES, *ALIASES.values()})
)
def test_every_detected_type_has_a_text(content_type: str) -> None:
    words = in_words(content_type)

    assert "/" not in words
    assert words.startswith(("a ", "an ")) or words in {"", "plain text"}
