"""Counter files of the web processes of one gunicorn, and their sum.

``config/gunicorn.py`` creates the directory and puts its path into
PROMETHEUS_MULTIPROC_DIR. Without this variable, a process has only its own counters.
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
"""The files with this name contain the sums of ended processes."""


def directory() -> Path | None:
    """Return the directory with the files of all processes, or None if it is not set."""
    name = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(name) if name else None


@contextmanager
def processes_of_this_host() -> Iterator[CollectorRegistry]:
    """Yield a registry with the sum over all web processes of this gunicorn.

    Read the registry inside the ``with`` block. During the block, no process is
    archived.
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
    """Add the counters of an ended process to the archive, and remove its files.

    Otherwise, every replaced web process would leave files, and each scrape would
    read them.
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
