"""Get the code of the last release from git."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LAST_RELEASE = "6a6d67fe40858338b7c00373134a8d37a3bb1587"
"""The commit of 0.1.0. At each release, replace it by the release's commit."""

GIT = ("git", "-c", "safe.directory=*")
"""The option permits a checkout that belongs to another user, as in CI."""

FOLDERS = ("config", "uploads", "templates", "static", "manage.py")


class NoReleaseError(Exception):
    """The code of the release is not available. The message tells what to do."""


def has_history() -> bool:
    """Return whether this tree is a git checkout, and no unpacked archive."""
    return git("rev-parse", "--git-dir").returncode == 0


def unpack(folder: Path, commit: str = LAST_RELEASE) -> Path:
    """Write the code of the release into ``folder``.

    Raises NoReleaseError if the commit is not available.
    """
    fetch(commit)
    archive = subprocess.run(
        [*GIT, "archive", commit, *FOLDERS], cwd=ROOT, check=True, capture_output=True
    )
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, check=True)
    return folder


def fetch(commit: str) -> None:
    """Fetch the commit if this is a shallow clone without it.

    Raises NoReleaseError if the commit is not available.
    """
    if not has_commit(commit):
        fetched = git("fetch", "--quiet", "--depth=1", "origin", commit)
        if not has_commit(commit):
            raise NoReleaseError(
                f"The commit of the last release, {commit}, is not in this repository, "
                f"and `git fetch origin {commit}` failed: {fetched.stderr.strip()!r}. "
                "Run `git fetch --unshallow`, or clone without --depth."
            )


def has_commit(commit: str) -> bool:
    return git("cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GIT, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def main() -> int:
    """Return 0 if the release can be tested.

    Otherwise print the reason, and return 1.
    """
    if not has_history():
        print("Not tested: this tree has no git history, so it has no last release.")  # noqa: T201
        return 1
    try:
        fetch(LAST_RELEASE)
    except NoReleaseError as error:
        print(f"Not tested: {error}")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
