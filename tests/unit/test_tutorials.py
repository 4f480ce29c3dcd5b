"""The tutorials name their readers, and mark the commands that no test has run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
FIRST_STEPS = {"first-bucket.md", "first-upload.md"}
FULLY_TESTED = {*FIRST_STEPS, "vps.md"}
HOSTS = ["aws-lambda.md", "container.md", "vps.md"]


def test_each_kind_of_host_has_a_tutorial() -> None:
    assert {page.name for page in PAGES} == {*FIRST_STEPS, *HOSTS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tutorials_begin_with_their_reader_and_result(page: Path) -> None:
    introduction = page.read_text().split("\n\n")[1].replace("\n", " ")

    assert introduction.startswith("For people ")
    assert " At the end " in introduction


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_tested_or_marked(page: Path) -> None:
    text = page.read_text()
    kinds = re.findall(r"^```(\w+)$", text, re.MULTILINE)
    marked = re.findall(
        r"^\*\*Not tried by us\*?\*?[^\n]*\n\n```console$", text, re.MULTILINE
    )

    assert set(kinds) <= {"sh", "console"}
    assert kinds.count("console") == len(marked)
    assert "sh" in kinds
    if page.name in FULLY_TESTED:
        assert "console" not in kinds


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_first_page_links_to_each_tutorial(page: Path) -> None:
    assert f"docs/tutorials/{page.name}" in (ROOT / "README.md").read_text()
