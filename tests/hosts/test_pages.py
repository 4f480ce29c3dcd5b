"""Run the parts of other tutorials that need neither Docker nor an AWS account."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.hosts.pages import as_script, blocks
from tests.hosts.sandbox import ROOT, copy_of_the_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Create a copy of the project with installed packages."""
    tree = tmp_path / "slipway"
    copy_of_the_tree(tree)
    for name in (".venv", "node_modules"):
        folder = tree / name
        folder.mkdir()
        for entry in (ROOT / name).iterdir():
            if entry.name != ".ready":
                (folder / entry.name).symlink_to(entry)
        (folder / ".ready").touch()
    return tree


def follow(page: str, tree: Path) -> str:
    """Run the blocks of a page in one shell, and return the output."""
    outputs = tree.parent / "outputs"
    script = as_script(blocks(page), str(outputs))
    result = subprocess.run(
        ["bash", "-c", script],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return "".join(path.read_text() for path in sorted(outputs.iterdir()))


def test_container_page_sets_all_values_that_compose_requires(
    tree: Path,
) -> None:
    follow("container.md", tree)

    lines = (tree / ".env").read_text().splitlines()
    given = {line.partition("=")[0]: line.partition("=")[2] for line in lines}
    asked = set(re.findall(r"\$\{(\w+)", (tree / "compose.yaml").read_text()))
    assert asked - {"CLAMD_URL"} == set(given)
    assert all(given.values())
    secrets = [value for name, value in given.items() if "SECRET" in name]
    assert len(set(secrets)) == 4
    assert (tree / ".env").stat().st_mode & 0o077 == 0


def test_aws_page_builds_the_package_and_terraforms_inputs(tree: Path) -> None:
    follow("aws-lambda.md", tree)

    with zipfile.ZipFile(tree / "var" / "lambda.zip") as package:
        assert "config/serverless/web.py" in package.namelist()
    secrets = json.loads((tree / "var" / "secrets.json").read_text())
    assert len(secrets["SECRET_KEY"]) > 50
    site = tree / "infra" / "terraform" / "examples" / "my-site"
    example = (site / "main.tf").read_text()
    given = re.findall(
        r"^(\w+) +=", (site / "terraform.tfvars").read_text(), re.MULTILINE
    )
    assert sorted(given) == sorted(
        re.findall(r'^variable "(\w+)"', example, re.MULTILINE)
    )
