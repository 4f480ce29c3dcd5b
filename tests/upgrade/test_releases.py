"""Get the release's code from full and shallow clones, or report why this fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.upgrade import releases


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    result = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    )
    return result.stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Create a repository with a release and a later commit."""
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "--quiet", "--initial-branch=main")
    for name in ("config", "uploads", "templates", "static"):
        (origin / name).mkdir()
        (origin / name / "a").write_text("old")
    (origin / "manage.py").write_text("old")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message=release")
    (origin / "manage.py").write_text("new")
    git(origin, "commit", "--quiet", "--all", "--message=later")
    return origin


def test_shallow_clone_fetches_the_release(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = git(origin, "rev-parse", "HEAD~")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin}", str(clone))
    monkeypatch.setattr(releases, "ROOT", clone)
    assert not releases.has_commit(release)

    code = releases.unpack(tmp_path / "code", release)

    assert (code / "manage.py").read_text() == "old"


def test_missing_release_is_reported_with_a_remedy(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "ROOT", origin)

    with pytest.raises(releases.NoReleaseError, match="git fetch --unshallow"):
        releases.unpack(tmp_path / "code", "0" * 40)


def test_tree_without_git_has_no_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert not releases.has_history()
