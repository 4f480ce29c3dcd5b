"""Check every locked package for known vulnerabilities, with pip-audit and npm audit.

The exit status is 1 if a vulnerability was found, 3 if a package could not be checked,
and otherwise 0. The script installs pip-audit in `.venv-tools`, so that its packages do
not mix with the packages of the site.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".venv-tools"
PIP_AUDIT = "pip-audit==2.10.1"
CLEAN, FOUND, UNCHECKED = 0, 1, 3


class Verdict(NamedTuple):
    """The result of one tool: CLEAN, FOUND or UNCHECKED, and lines of text."""

    status: int
    lines: list[str]


def read_pip_audit(output: str, errors: str = "") -> Verdict:
    """Return the verdict for the JSON output of pip-audit.

    pip-audit skips packages for which it gets no data, and exits with 0. So the verdict
    is UNCHECKED if a package was skipped.
    """
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return _unchecked("requirements.txt", _last_line(errors) or "no answer")
    found = [
        f"{package['name']} {package['version']}: {one['id']}, "
        f"fixed in {', '.join(one['fix_versions']) or 'no version yet'}"
        for package in packages
        for one in package.get("vulns", [])
    ]
    if found:
        return Verdict(FOUND, found)
    skipped = [package for package in packages if "skip_reason" in package]
    if skipped or not packages:
        reason = skipped[0]["skip_reason"] if skipped else "no package was checked"
        counted = f"{len(skipped)} of {len(packages)} packages"
        return _unchecked(f"requirements.txt ({counted})", reason)
    return Verdict(
        CLEAN,
        [f"requirements.txt: {len(packages)} packages, no known vulnerabilities."],
    )


def read_npm_audit(output: str, errors: str = "") -> Verdict:
    """Return the verdict for the JSON output of npm audit."""
    try:
        answer = json.loads(output)
        known = answer["vulnerabilities"]
        total = answer["metadata"]["dependencies"]["prod"]
    except (ValueError, KeyError, TypeError):
        return _unchecked("package-lock.json", _npm_reason(output, errors))
    if known:
        return Verdict(
            FOUND,
            [
                f"{name}: {one['severity']}, {one['range']}"
                for name, one in known.items()
            ],
        )
    return Verdict(
        CLEAN, [f"package-lock.json: {total} packages, no known vulnerabilities."]
    )


def overall(statuses: list[int]) -> int:
    """Return FOUND if a status is FOUND, else UNCHECKED if a status is UNCHECKED.

    Otherwise, return CLEAN.
    """
    return FOUND if FOUND in statuses else max(statuses)


def _unchecked(what: str, reason: str) -> Verdict:
    return Verdict(UNCHECKED, [f"{what} could not be checked: {reason}"])


def _npm_reason(output: str, errors: str) -> str:
    try:
        return str(json.loads(output)["message"])
    except (ValueError, KeyError, TypeError):
        return _last_line(errors) or "no answer"


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )


def _ask_pip_audit() -> Verdict:
    program = TOOLS / "bin" / "pip-audit"
    if not program.exists():
        venv.create(TOOLS, with_pip=True)
        python = str(TOOLS / "bin" / "python")
        quietly = ("--quiet", "--disable-pip-version-check")
        done = _run(python, "-m", "pip", "install", *quietly, PIP_AUDIT)
        if done.returncode:
            return _unchecked("requirements.txt", _last_line(done.stderr))
    # With --disable-pip, pip-audit installs nothing. This is possible because the lock
    # file names every package.
    options = ("--require-hashes", "--disable-pip", "--progress-spinner", "off")
    done = _run(str(program), *options, "-f", "json", "-r", "requirements.txt")
    return read_pip_audit(done.stdout, done.stderr)


def _ask_npm() -> Verdict:
    try:
        done = _run("npm", "audit", "--omit=dev", "--json")
    except FileNotFoundError:
        return _unchecked("package-lock.json", "npm is not installed")
    return read_npm_audit(done.stdout, done.stderr)


def main() -> int:
    """Run both tools, print their results, and return the overall status."""
    verdicts = [_ask_pip_audit(), _ask_npm()]
    for verdict in verdicts:
        print("\n".join(verdict.lines))
    return overall([verdict.status for verdict in verdicts])


if __name__ == "__main__":
    sys.exit(main())
