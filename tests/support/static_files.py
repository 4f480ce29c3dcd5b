"""Collect the static files as in production, once for all test runs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_HOME = ROOT / ".pytest_cache"
_SOURCES = (ROOT / "config" / "settings.py", ROOT / "requirements.txt")
_PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "only to collect static files " * 3,
    "ALLOWED_HOSTS": "localhost",
    "S3_BUCKET": "none",
    "S3_REGION": "us-east-1",
    "DJANGO_SETTINGS_MODULE": "config.settings",
}


def collected() -> Path:
    """Return the folder with the collected files, for STATIC_ROOT. It is read-only.

    Collecting takes seconds. After a change of the files, the first process collects
    them, and the other processes wait.
    """
    _HOME.mkdir(exist_ok=True)
    with (_HOME / "static.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = _HOME / f"static-{_fingerprint()}"
        if not folder.exists():
            for old in _HOME.glob("static-*"):
                shutil.rmtree(old)
            _collect(folder)
        return folder


def _fingerprint() -> str:
    files = [path for path in (ROOT / "static").rglob("*") if path.is_file()]
    facts = [
        (str(path), path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted([*files, *_SOURCES])
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _collect(folder: Path) -> None:
    unfinished = _HOME / "unfinished-static"
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **_PRODUCTION, "STATIC_ROOT": str(unfinished)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    unfinished.rename(folder)
