"""Dependencies are pinned, have allowed licences and no known vulnerabilities."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from scripts import licences, vulnerabilities
from scripts.licences import Part
from scripts.vulnerabilities import CLEAN, FOUND, UNCHECKED

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "at_least"),
    [
        ("requirements.txt", 10),
        ("requirements-dev.txt", 10),
        ("requirements-ministack.txt", 10),
        ("bench/peers/requirements.txt", 10),
        ("bench/peers/programs.txt", 2),
    ],
)
def test_every_python_package_is_pinned_with_a_hash(name: str, at_least: int) -> None:
    # Remove comments and join continued lines. Then each line is one requirement.
    text = re.sub(r"\\\n", " ", (ROOT / name).read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith(" ")]
    lines = [line for line in lines if not line.startswith("#")]

    assert len(lines) >= at_least
    pinned = re.compile(r"^[\w.-]+(\[[\w,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}")
    assert [line for line in lines if not pinned.match(line)] == []


def test_every_npm_package_is_pinned_with_a_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    root = packages.pop("")

    assert len(packages) > 50
    for path, facts in packages.items():
        assert facts.get("integrity", "").startswith("sha512-"), path
        # A URL would force all installations to use this registry.
        assert "resolved" not in facts, path
        assert "hasInstallScript" not in facts or facts["dev"], path
    for name, version in {**root["dependencies"], **root["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} is not pinned"


def test_installation_runs_no_npm_scripts() -> None:
    commands = re.findall(r"npm (?:ci|install)[^\n]*", (ROOT / "Makefile").read_text())

    assert commands
    assert [line for line in commands if "--ignore-scripts" not in line] == []


def test_list_of_licences_is_up_to_date() -> None:
    assert licences.DOCUMENT.read_text() == licences.document(), (
        "The list of licences is outdated. Run make licences."
    )


def test_every_licence_is_allowed() -> None:
    parts = [*licences.python_parts(), *licences.browser_parts()]

    assert len(parts) > 40
    assert licences.refused(parts) == []


@pytest.mark.parametrize(
    ("licence", "is_refused"),
    [
        ("MIT", False),
        ("AGPL-3.0-only OR MIT", False),
        ("MIT AND AGPL-3.0-only", True),
        ("AGPL-3.0-only", True),
        ("unknown", True),
        ("", True),
    ],
)
def test_unlisted_licence_is_refused(licence: str, is_refused: bool) -> None:
    part = Part("some-package", "1.0", licence)

    assert licences.refused([part]) == ([part] if is_refused else [])


SKIPPED = {"name": "django", "skip_reason": "Dependency not found on PyPI"}
NO_VULNERABILITIES = {"name": "six", "version": "1.17.0", "vulns": []}
VULNERABLE = {
    "name": "django",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}],
}


@pytest.mark.parametrize(
    ("output", "status", "words"),
    [
        (
            {"dependencies": [NO_VULNERABILITIES]},
            CLEAN,
            "1 packages, no known vulnerabilities",
        ),
        (
            {"dependencies": [NO_VULNERABILITIES, VULNERABLE]},
            FOUND,
            "django 1.0: PYSEC-1, fixed in 1.1",
        ),
        (
            {"dependencies": [NO_VULNERABILITIES, SKIPPED]},
            UNCHECKED,
            "1 of 2 packages) could not be",
        ),
        ({"dependencies": [SKIPPED, VULNERABLE]}, FOUND, "PYSEC-1"),
        ({"dependencies": []}, UNCHECKED, "could not be checked: "),
        ({}, UNCHECKED, "could not be checked: "),
        ("", UNCHECKED, "could not be checked: "),
        (None, UNCHECKED, "the last words"),
    ],
)
def test_output_of_pip_audit_gives_the_right_status(
    output: object, status: int, words: str
) -> None:
    text = json.dumps(output) if output else ""

    verdict = vulnerabilities.read_pip_audit(text, "first\nthe last words\n\n")

    assert verdict.status == status
    assert words in "\n".join(verdict.lines)


NPM_NO_VULNERABILITIES = {
    "vulnerabilities": {},
    "metadata": {"dependencies": {"prod": 23}},
}
NPM_VULNERABLE = {
    "vulnerabilities": {"lodash": {"severity": "high", "range": "<4.17.21"}},
    "metadata": {"dependencies": {"prod": 23}},
}


@pytest.mark.parametrize(
    ("output", "status", "words"),
    [
        (NPM_NO_VULNERABILITIES, CLEAN, "23 packages, no known vulnerabilities"),
        (NPM_VULNERABLE, FOUND, "lodash: high, <4.17.21"),
        ({"message": "405 Method Not Allowed"}, UNCHECKED, "405 Method Not Allowed"),
        ({}, UNCHECKED, "no answer"),
        (None, UNCHECKED, "could not be checked: "),
    ],
)
def test_output_of_npm_audit_gives_the_right_status(
    output: object, status: int, words: str
) -> None:
    text = json.dumps(output) if output is not None else ""

    verdict = vulnerabilities.read_npm_audit(text)

    assert verdict.status == status
    assert words in "\n".join(verdict.lines)


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([CLEAN, CLEAN], CLEAN),
        ([CLEAN, UNCHECKED], UNCHECKED),
        ([UNCHECKED, FOUND], FOUND),
        ([FOUND, CLEAN], FOUND),
    ],
)
def test_overall_status_is_the_worst_status_of_all_checks(
    statuses: list[int], status: int
) -> None:
    assert vulnerabilities.overall(statuses) == status
