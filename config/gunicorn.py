"""Settings of gunicorn: ``gunicorn --config config/gunicorn.py config.wsgi``.

The command line and GUNICORN_CMD_ARGS override these settings. Without ``--bind``, gunicorn
listens on all addresses at $PORT, or else on 127.0.0.1:8000.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

# --- Processes ---------------------------------------------------------------------------
# A request waits for the database and for S3 most of its time, so each process has threads.
# Files never pass through these processes, so a few processes are enough.

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or min(4, (os.cpu_count() or 1) + 1))
threads = int(os.environ.get("WEB_THREADS") or 8)
# The application is not preloaded, so that SIGHUP starts processes with new code.
preload_app = False
max_requests = 20_000
max_requests_jitter = 2_000

# --- Times -------------------------------------------------------------------------------
# One call to S3 may take 60 seconds. gunicorn kills a process that is silent for longer.
timeout = 90
# Uploads continue after a restart, so only requests in progress have to end.
graceful_timeout = 30
# Longer than the 60 seconds of nginx and of AWS load balancers, because the proxy must
# be the side that closes an idle connection.
keepalive = 75

# --- Files -------------------------------------------------------------------------------
# Heartbeats are files. On a disk they can block a process, and the disk may be read-only.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# The control socket is a file in the home directory, which a service does not have.
control_socket_disable = True

# --- Log ---------------------------------------------------------------------------------
# The site writes one line for each request itself, without query strings.
accesslog = None
errorlog = "-"

# --- Metrics -----------------------------------------------------------------------------
# Each web process writes its counters into files of one directory. /metrics adds the files
# up. prometheus_client reads the name of the directory when the site is imported, so the
# directory must exist before that.

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_OWNER = "SLIPWAY_METRICS_MASTER"
_NAME = re.compile(r"slipway-metrics-(\d+)-\w+")


def make_metrics_directory() -> None:
    """Make an empty directory for the counters of this master process.

    A reload evaluates this file again. The same master then keeps its directory. A master
    that replaces a running one (SIGUSR2) inherits the environment, but has another id, so
    it gets a directory of its own.
    """
    master = str(os.getpid())
    if os.environ.get(_OWNER) == master:
        return
    parent = Path(os.environ.get("METRICS_DIR") or tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(parent)
    prefix = f"slipway-metrics-{master}-"
    os.environ[_DIRECTORY] = tempfile.mkdtemp(prefix=prefix, dir=parent)
    os.environ[_OWNER] = master


def _remove_leftovers(parent: Path) -> None:
    """Remove the directories of masters that were killed."""
    for path in parent.iterdir():
        found = _NAME.fullmatch(path.name)
        if found and _is_ours(path) and not _is_running(int(found[1])):
            shutil.rmtree(path, ignore_errors=True)


def _is_ours(path: Path) -> bool:
    facts = path.lstat()
    return facts.st_uid == os.getuid() and path.is_dir() and not path.is_symlink()


def _is_running(pid: int) -> bool:
    # In a container, every master has the same id. A directory of this id is a leftover.
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def child_exit(server: Any, worker: Any) -> None:
    """Add the counters of an ended web process to the archive."""
    from uploads.metrics.files import archive_process

    archive_process(worker.pid)


def on_exit(server: Any) -> None:
    """Remove the directory when the master ends."""
    if os.environ.get(_OWNER) == str(os.getpid()):
        shutil.rmtree(os.environ[_DIRECTORY], ignore_errors=True)


make_metrics_directory()
