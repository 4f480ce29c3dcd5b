"""Write docs/licences.md: the licences of all packages that a deployed site contains.

`make licences` runs this script. It reads the lock files and the installed packages.
With ``--check``, it writes nothing and tests whether the document is up to date.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "licences.md"

ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC-BY-4.0",
        "CC0-1.0",
        "ISC",
        "LGPL-3.0-only",  # permitted because it is an unchanged, replaceable library
        "MIT",
        "MIT-0",
        "MPL-2.0",  # its terms apply only to changed files of the package
        "OFL-1.1",  # the font
        "PSF-2.0",
        "Zlib",
    }
)

# Licences that a person has read in the licence file, because the metadata of the
# package has no SPDX name. pip installs colorama and tzdata on Windows only.
BY_HAND = {
    "brotli": "MIT",
    "colorama": "BSD-3-Clause",
    "django-csp": "BSD-3-Clause",
    "django-ninja": "MIT",
    "fido2": "BSD-2-Clause AND Apache-2.0 AND MPL-2.0",
    "pylibmagic": "BSD-3-Clause AND BSD-2-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "qrcode": "BSD-3-Clause AND MIT",
    "s3transfer": "Apache-2.0",
    "sqlparse": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
}
INTRODUCTION = (
    "For people who deploy a site: the licences of all packages that it contains, from "
    "the lock files. `make licences` writes this page. A test fails if the page is out of date, or if "
    "it contains a licence that is not on the list in `scripts/licences.py`."
)
PIN = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


class Part(NamedTuple):
    """A package of a lock file, with its licence as an SPDX expression."""

    name: str
    version: str
    licence: str


def python_parts() -> list[Part]:
    """Return the packages of requirements.txt for all operating systems."""
    pins = PIN.findall((ROOT / "requirements.txt").read_text())
    return [Part(name, version, _licence_of(name)) for name, version in pins]


def browser_parts() -> list[Part]:
    """Return the packages in the browser's bundle."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    return [
        Part(
            path.rpartition("node_modules/")[2],
            facts["version"],
            facts.get("license", "unknown").strip("()"),
        )
        for path, facts in sorted(packages.items())
        if path and not facts.get("dev")
    ]


def refused(parts: list[Part]) -> list[Part]:
    """Return the parts whose licence is not in ALLOWED."""
    return [part for part in parts if not _is_allowed(part.licence)]


def document() -> str:
    """Return the text of docs/licences.md."""
    return "\n".join(
        [
            "# Licences",
            "",
            INTRODUCTION,
            "",
            "## On the server",
            "",
            *_table(python_parts()),
            "",
            "## In the browser",
            "",
            *_table(browser_parts()),
            "",
        ]
    )


def _table(parts: list[Part]) -> list[str]:
    rows = [f"| {part.name} | {part.version} | {part.licence} |" for part in parts]
    return ["| package | version | licence |", "|---|---|---|", *rows]


def _licence_of(name: str) -> str:
    if name in BY_HAND:
        return BY_HAND[name]
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "unknown"
    for field in ("License-Expression", "License"):
        if about[field]:
            return str(about[field])
    return "unknown"


def _is_allowed(licence: str) -> bool:
    """Return whether ALLOWED permits an SPDX expression with AND and OR."""
    return any(
        all(word.strip() in ALLOWED for word in choice.split(" AND "))
        for choice in licence.split(" OR ")
    )


def main(arguments: list[str]) -> int:
    """Write or check the document. Return 1 if a licence or the document is wrong."""
    parts = refused([*python_parts(), *browser_parts()])
    for part in parts:
        print(f"{part.name} {part.version}: {part.licence} is not an allowed licence.")
    if "--check" not in arguments:
        DOCUMENT.write_text(document())
    elif DOCUMENT.read_text() != document():
        print("docs/licences.md is out of date. Run make licences.")
        return 1
    return 1 if parts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
