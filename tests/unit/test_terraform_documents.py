"""Terraform's templates hold what setup_bucket and iam_policy want."""

from __future__ import annotations

from scripts.terraform_documents import FOLDER, VARIABLES, rendered


def test_the_rendered_templates_are_current() -> None:
    found = {path.name: path.read_text() for path in FOLDER.glob("*")}

    assert found == rendered(), "run python -m scripts.terraform_documents"


def test_no_example_value_stays_in_a_template() -> None:
    text = "".join(rendered().values())

    assert [value for value in VARIABLES if value in text] == []
    assert "origin.invalid" not in text
