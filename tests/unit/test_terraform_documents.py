"""The Terraform templates have the same data as setup_bucket and iam_policy."""

from __future__ import annotations

from scripts.terraform_documents import FOLDER, VARIABLES, rendered


def test_rendered_templates_are_up_to_date() -> None:
    found = {path.name: path.read_text() for path in FOLDER.glob("*")}

    assert found == rendered(), (
        "The templates are outdated. Run python -m scripts.terraform_documents."
    )


def test_templates_contain_no_example_value() -> None:
    text = "".join(rendered().values())

    assert [value for value in VARIABLES if value in text] == []
    assert "origin.invalid" not in text
