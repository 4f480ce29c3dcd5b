"""Read the arguments and blocks of the AWS provider's resources from Python bindings.

Some networks cannot download the provider. The package cdktf-cdktf-provider-aws is
generated from the provider's schema. This module parses the package's source without an
import.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

META_ARGUMENTS = frozenset(
    {"count", "for_each", "depends_on", "lifecycle", "provider", "provisioner"}
)
_OWN = {"connection", "provisioners", "count", "for_each", "depends_on", "lifecycle"}


@dataclass(frozen=True)
class Schema:
    """The names that a resource may contain.

    ``arguments`` have values. ``blocks`` contain arguments and other blocks.
    ``required`` has the names of required arguments and blocks.
    """

    arguments: frozenset[str]
    blocks: dict[str, Schema]
    required: frozenset[str] = field(default_factory=frozenset)


@cache
def schema_of(kind: str, *, is_data: bool = False) -> Schema | None:
    """Return the schema of ``aws_...``, or None if the provider lacks this type."""
    module = _module_of(kind, is_data=is_data)
    if module is None:
        return None
    classes = _classes(module)
    roots = [name for name in classes if name.endswith("Config")]
    name = min(roots, key=len)
    return _schema(name, classes, set())


def _module_of(kind: str, *, is_data: bool) -> Path | None:
    spec = find_spec("cdktf_cdktf_provider_aws")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    stem = ("data_" if is_data else "") + kind
    for name in (stem, stem.replace("aws_", "", 1)):
        path = folder / name / "__init__.py"
        if path.is_file():
            return path
    return None


def _classes(module: Path) -> dict[str, dict[str, str]]:
    """Return the keyword arguments of each class's constructor and their types."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(module.read_text()).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for inner in node.body:
            if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                found[node.name] = {
                    argument.arg: ast.unparse(argument.annotation)
                    if argument.annotation
                    else ""
                    for argument in inner.args.kwonlyargs
                }
    return found


def _schema(name: str, classes: dict[str, dict[str, str]], seen: set[str]) -> Schema:
    arguments, required, blocks = set(), set(), {}
    for argument, kind in classes[name].items():
        if argument in _OWN or argument == "provider":
            continue
        plain = argument.removesuffix(
            "_"
        )  # the bindings add an underscore to Python's keywords
        nested = [word for word in re.findall(r"\w+", kind) if word in classes]
        if nested and nested[0] not in seen:
            blocks[plain] = _schema(nested[0], classes, seen | {name})
        else:
            arguments.add(plain)
        if not kind.startswith("typing.Optional"):
            required.add(plain)
    return Schema(frozenset(arguments), blocks, frozenset(required))
