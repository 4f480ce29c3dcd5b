"""Sums the counters of all web processes of one gunicorn.

Each process writes its counters to files in one directory. ``config/gunicorn.py``
creates this directory and sets PROMETHEUS_MULTIPROC_DIR to its path. If the variable is
missing, the metrics contain only the counters of the process that answers.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, mmap_dict
from prometheus_client.multiprocess import MultiProcessCollector

from uploads.metrics.instruments import REGISTRY

ARCHIVE = "archive"
"""Word in the names of the files with the sums of all ended processes.

In the names of all other files, the id of a process is in the place of this word.
"""


def directory() -> Path | None:
    """Return the directory of the counter files, or None if the variable is missing."""
    name = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(name) if name else None


@contextmanager
def processes_of_this_host() -> Iterator[CollectorRegistry]:
    """Yield a registry with the sums over all web processes of this gunicorn.

    Read the registry inside the block. Until the block ends, archive_process waits, so
    that no counter is read twice.
    """
    folder = directory()
    if folder is None:
        yield REGISTRY
        return
    registry = CollectorRegistry()
    collector: Any = MultiProcessCollector
    collector(registry, path=str(folder))
    with _locked(folder, fcntl.LOCK_SH):
        yield registry


def archive_process(pid: int) -> None:
    """Add the counters of an ended process to the archive, and delete its files.

    gunicorn replaces its processes regularly. Without the archive, the number of files
    would grow, and each request for the metrics would read all of them.
    """
    folder = directory()
    if folder is None or not folder.is_dir():
        return
    with _locked(folder, fcntl.LOCK_EX):
        for path in folder.glob(f"*_{pid}.db"):
            _add(path, path.with_name(path.name.replace(f"_{pid}.", f"_{ARCHIVE}.")))
            path.unlink()


def _add(path: Path, archive: Path) -> None:
    untyped: Any = mmap_dict.MmapedDict
    sums = untyped(str(archive))
    try:
        for key, value, _, _ in untyped.read_all_values_from_file(str(path)):
            sums.write_value(key, sums.read_value(key)[0] + value, 0.0)
    finally:
        sums.close()


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[None]:
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, kind)
        yield
