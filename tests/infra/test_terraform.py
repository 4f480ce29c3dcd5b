"""Terraform's files are formatted, load, and use only names of the AWS provider."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.provider_schema import META_ARGUMENTS, Schema, schema_of
from tests.infra.terraform_code import (
    FOLDERS,
    TERRAFORM,
    Block,
    module_calls,
    resources,
    run_terraform,
    variables,
)


def named(folder: Path) -> str:
    return folder.relative_to(TERRAFORM).as_posix()


def test_all_modules_and_examples_are_found() -> None:
    assert {named(folder) for folder in FOLDERS} == {
        "examples/serverless",
        "examples/wsgi-host",
        "modules/alarms",
        "modules/bucket",
        "modules/iam",
        "modules/lambda",
        "modules/notifications",
    }


def test_terraform_files_are_formatted() -> None:
    result = run_terraform(TERRAFORM, "fmt", "-recursive", "-check", "-diff")

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_terraform_loads_the_folder(folder: Path, tmp_path: Path) -> None:
    copy = (
        tmp_path / "terraform"
    )  # terraform creates a folder in its working directory, so use a copy
    shutil.copytree(TERRAFORM, copy)

    result = run_terraform(copy / folder.relative_to(TERRAFORM), "get", "-no-color")

    assert result.returncode == 0, result.stdout + result.stderr


def test_folder_that_does_not_load_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('output "a" { valu = 1 }')

    assert run_terraform(tmp_path, "get", "-no-color").returncode != 0


def test_examples_give_modules_only_existing_inputs() -> None:
    calls = [
        (named(folder), *call)
        for folder in FOLDERS
        if folder.parent.name == "examples"
        for call in module_calls(folder)
    ]
    assert len(calls) > 6

    for example, name, source, given in calls:
        inputs = variables(source)
        required = {each for each, is_required in inputs.items() if is_required}
        assert given - inputs.keys() == set(), f"{example}: module {name}"
        assert required - given == set(), f"{example}: module {name}"


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_resources_use_only_names_of_the_provider(folder: Path) -> None:
    blocks = list(resources(folder))
    assert blocks or any(module_calls(folder)), (
        "The folder has no resources and no modules."
    )

    assert [fault for block in blocks for fault in faults_of(block)] == []


def test_misspelt_arguments_blocks_and_types_are_reported(tmp_path: Path) -> None:
    file = tmp_path / "main.tf"
    file.write_text(
        """
        resource "aws_s3_bucket" "a" {
          buckett = "x"
        }
        resource "aws_s3_bucket_cors_configuration" "b" {
          bucket = "x"
          cors_rule {
            allowed_methods = ["PUT"]
            allowed_orgins  = ["https://a.example"]
          }
        }
        resource "aws_s3_bucket_versioning" "c" {
          bucket = "x"
          versionning_configuration {
            status = "Enabled"
          }
        }
        resource "aws_s3_bukket" "d" {}
        """
    )
    blocks = [
        Block(block.kind, block.name, block.body, block.is_data, TERRAFORM / "x.tf")
        for block in resources(tmp_path)
    ]

    faults = "\n".join(fault for block in blocks for fault in faults_of(block))

    for word in (
        "buckett",
        "allowed_orgins",
        "lacks allowed_origins",
        "versionning_configuration",
        "lacks versioning_configuration",
        "aws_s3_bukket",
    ):
        assert word in faults


def faults_of(block: Block) -> Iterator[str]:
    schema = schema_of(block.kind, is_data=block.is_data)
    if schema is None:
        yield f"{block}: the provider has no {block.kind}"
        return
    yield from faults_of_body(flattened(block.body), schema, str(block), META_ARGUMENTS)


def faults_of_body(
    body: dict[str, Any], schema: Schema, where: str, also: frozenset[str]
) -> Iterator[str]:
    given = {name for name in body if not name.startswith("__")}
    inner = [(name, part) for name in given for part in parts_of(body[name])]
    names = {name for name, _ in inner}
    for name in sorted(names - schema.arguments - schema.blocks.keys() - also):
        yield f"{where}: the provider knows no {name}"
    for name in sorted(schema.required - names):
        yield f"{where} lacks {name}"
    for name, part in inner:
        if name in schema.blocks and isinstance(part, dict):
            yield from faults_of_body(
                part, schema.blocks[name], f"{where}.{name}", frozenset()
            )


def parts_of(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else [value]


def flattened(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body in which dynamic blocks are replaced by ordinary blocks."""
    found = {name: value for name, value in body.items() if name != "dynamic"}
    for entry in body.get("dynamic", []):
        for name, dynamic in entry.items():
            if not name.startswith("__"):
                contents = [flattened(part) for part in dynamic["content"]]
                found[name] = [*found.get(name, []), *contents]
    return {
        name: [flattened(part) if isinstance(part, dict) else part for part in value]
        if isinstance(value, list)
        else value
        for name, value in found.items()
    }
