"""Creates folders for test servers, and deletes the folders of killed runs."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from uploads.dev.processes import PidRecord

_BEING_MADE_SECONDS = 60
_MAX_BASE = 60
"""Longest path of the folder in which ``new_home`` creates folders, in bytes.

The created folders contain Unix sockets. On some systems, the path of a socket may have
at most 103 bytes.
"""


def new_home(prefix: str) -> Path:
    """Create a folder that belongs to this process."""
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=_base()))
    PidRecord(home / "owner.pid").write(os.getpid())
    return home


def remove_leftovers(prefix: str, *, server: str) -> None:
    """Stop the servers and delete the folders of processes that have ended.

    ``server`` is the name of the server's pid record in each folder.
    """
    for home in _base().glob(f"{prefix}*"):
        if PidRecord(home / "owner.pid").pid() is None and not _is_being_made(home):
            PidRecord(home / server).end_leftover()
            shutil.rmtree(home, ignore_errors=True)


def _base() -> Path:
    usual = Path(tempfile.gettempdir())
    return usual if len(os.fsencode(usual)) <= _MAX_BASE else Path("/tmp")  # noqa: S108


def _is_being_made(home: Path) -> bool:
    try:
        return time.time() - home.stat().st_mtime < _BEING_MADE_SECONDS
    except OSError:
        return True
