"""Settings of gunicorn: ``gunicorn --config config/gunicorn.py config.wsgi``.

The command line and GUNICORN_CMD_ARGS override these settings. Without ``--bind``,
gunicorn listens on port $PORT of all addresses. If PORT is not set either, it listens
on 127.0.0.1:8000.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

# --- Processes ---------------------------------------------------------------------------
# Each process has threads, because a request mostly waits for the database or for S3. A
# few processes are enough, because files never pass through them.

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or min(4, (os.cpu_count() or 1) + 1))
threads = int(os.environ.get("WEB_THREADS") or 8)
# The master does not load the code, so that new processes after SIGHUP load the new code.
preload_app = False
max_requests = 20_000
max_requests_jitter = 2_000

# --- Times -------------------------------------------------------------------------------
# gunicorn kills a process that sends no heartbeat for this time. The time must be
# longer than a call to S3, which may take 60 seconds.
timeout = 90
# At a restart, gunicorn waits this time for requests in progress. Browsers continue
# their uploads after the restart.
graceful_timeout = 30
# The proxy must close an idle connection first. Otherwise, the proxy could send a
# request over a connection that gunicorn has closed. nginx and AWS load balancers close
# idle connections after 60 seconds.
keepalive = 75

# --- Files -------------------------------------------------------------------------------
# Each process has a file for its heartbeat. The file is in memory, because a slow disk
# can block the process, and a disk may be read-only.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# gunicorn's control socket would be a file in the home directory, which a service may
# lack.
control_socket_disable = True

# --- Log ---------------------------------------------------------------------------------
# The site itself logs one line for each request, without the query.
accesslog = None
errorlog = "-"

# --- Metrics -----------------------------------------------------------------------------
# Each web process writes its counters into files of one directory. /metrics returns the
# sums over all files. prometheus_client reads the name of the directory when Python imports
# the site, so this file makes the directory first.

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_OWNER = "SLIPWAY_METRICS_MASTER"
_NAME = re.compile(r"slipway-metrics-(\d+)-\w+")


def make_metrics_directory() -> None:
    """Make an empty directory for the counters of this master process.

    A reload runs this file again in the same master, which keeps its directory. After
    SIGUSR2, a new master inherits the environment of the old master. The new master has
    another process id, so it gets its own directory.
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
    # In a container, every master has the same process id. So a directory with this id
    # is a leftover of an earlier master.
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
    """Add the counters of an ended web process to the archive of ended processes."""
    from uploads.metrics.files import archive_process

    archive_process(worker.pid)


def on_exit(server: Any) -> None:
    """Remove the directory when the master ends."""
    if os.environ.get(_OWNER) == str(os.getpid()):
        shutil.rmtree(os.environ[_DIRECTORY], ignore_errors=True)


make_metrics_directory()
