"""Extract the commands of a tutorial, as a reader copies them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"


@dataclass(frozen=True)
class Block:
    """One block of commands and the heading above it."""

    heading: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the ``sh`` blocks of a page in their order."""
    heading, found = "", []
    for match in re.finditer(
        r"^#+ (?P<heading>[^\n]+)$|^```sh\n(?P<text>.*?)^```$",
        (TUTORIALS / page).read_text(),
        re.MULTILINE | re.DOTALL,
    ):
        if match["heading"] is not None and match["text"] is None:
            heading = match["heading"]
        else:
            found.append(Block(heading, match["text"]))
    return found


def with_values(block: Block, values: Mapping[str, str]) -> Block:
    """Return the block in which a reader sets values, with these values instead.

    Raises AssertionError if the block does not ask for exactly these values.
    """
    names = re.findall(r"^(\w+)=", block.text, re.MULTILINE)
    assert sorted(names) == sorted(values), f"The page asks for the values {names}."
    lines = [f"{name}={shlex.quote(values[name])}" for name in names]
    return Block(block.heading, "\n".join(lines) + "\n")


def as_script(parts: list[Block], outputs: str) -> str:
    """Return a bash script that runs all blocks in one shell.

    The output of block 3 is in the file ``outputs``/3. The script stops at the first
    failing command and prints the output of its block.
    """
    received = f'echo "block $n:"; tail -n 60 {outputs}/$n'
    lines = ["set -euo pipefail", f"mkdir -p {outputs}", "exec 3>&1"]
    lines.append(f"trap 'if [ $? -ne 0 ]; then {received}; fi >&3' EXIT")
    for number, block in enumerate(parts):
        lines.append(f"n={number}; SECONDS=0")
        lines.append(f"exec >{outputs}/{number} 2>&1")
        lines.append(block.text)
        lines.append(f'echo "$SECONDS s: {block.heading}" >&3')
    return "\n".join(lines)
