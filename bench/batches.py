"""Compares the CPU time per small file on this site and on two other upload servers.

Run it with ``python bench/batches.py [files]``. The script starts, sends and completes
2,000 files of 10 kB in batches of 100. A real S3 server receives the bytes. Then the
script starts files one by one with Uppy Companion (npm) and django-s3-file-field
(PyPI). The first run installs these two servers in var/bench-peers. The unit is
milliseconds of CPU time per file on one core. The figures do not include the time of S3
and the script. At last, the script repeats only the SQL statements of a batch start,
with sqlite3 and without Django.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.report import Bar, Row, report
from uploads.dev.demo_site import PROJECT, DemoSite, make_accounts, prepare
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import spawn, stop

FILES = 2_000
BATCH = 100
BYTES = 10_000
LANES = 6
ALONE = 300
"""Number of files that each of the two other servers starts, one file per request."""
SQL_BATCHES = 20
MAX_MS = 3
MIN_RATIOS = {"Uppy Companion": 9, "django-s3-file-field": 16}
"""The other server's CPU time per start must be at least this many times our time.

The goal is a ratio of 20. This site misses the goal, because the other servers store
nothing in a database. This site spends a third of the time of a start on SQL statements
alone.
"""
READY_SECONDS = 60
PEERS = PROJECT / "bench" / "peers"
INSTALLED = PROJECT / "var" / "bench-peers"
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")

HTTP = urllib3.PoolManager(maxsize=LANES, retries=False, timeout=120)


@dataclass
class Server:
    """A measured server, with the total time of its requests."""

    process: subprocess.Popen[bytes]
    url: str
    cpu_ms: dict[str, float] = field(default_factory=dict)
    wall_ms: dict[str, float] = field(default_factory=dict)

    def ask(self, words: str, method: str, path: str, **request: Any) -> Any:
        """Send a request, and return the JSON of its response.

        Add the CPU time and the wall-clock time to the totals that are named ``words``.
        """
        began, before = time.perf_counter(), self._cpu_ms()
        answer = HTTP.request(method, self.url + path, **request)
        self.wall_ms[words] = self.wall_ms.get(words, 0) + (
            (time.perf_counter() - began) * 1e3
        )
        self.cpu_ms[words] = self.cpu_ms.get(words, 0) + self._cpu_ms() - before
        if answer.status >= 300:
            raise SystemExit(f"{method} {path} answered {answer.status}: {answer.data}")
        return json.loads(answer.data)

    def _cpu_ms(self) -> float:
        return sum(_ticks(pid) for pid in _tree(self.process.pid)) * TICK_MS


def _tree(pid: int) -> Iterator[int]:
    """Yield the ids of a process and of all its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _tree(int(child))


def _ticks(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(stat[11]) + int(stat[12])


@contextmanager
def serve(
    command: list[str], environment: Mapping[str, str], port: int, log: Path
) -> Iterator[Server]:
    """Run a server while the context is open."""
    process = spawn(command, environment=environment, log=log)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                HTTP.request("GET", f"http://{HOST}:{port}/")
            except urllib3.exceptions.HTTPError:
                time.sleep(0.1)
            else:
                yield Server(process, f"http://{HOST}:{port}")
                return
        raise SystemExit(f"A server did not start:\n{log.read_text()}")
    finally:
        stop(process)


def gunicorn(python: str, application: str, port: int) -> list[str]:
    """Return the command that serves ``application`` with one process."""
    options = ["--bind", f"{HOST}:{port}", "--threads", "8", "--keep-alive", "60"]
    return [python, "-m", "gunicorn", application, *options, "--no-control-socket"]


def measure_own(site: DemoSite, home: Path, files: int) -> Server:
    """Start, send and complete files in batches; return the server with its times."""
    from django.contrib.auth import get_user_model

    from uploads.access.tokens import create_token

    demo = get_user_model().objects.get(username="demo")
    headers = {
        "Authorization": f"Bearer {create_token(demo, name='bench')[1]}",
        "Content-Type": "application/json",
    }
    environment = {
        **site.environment(),
        "DEBUG": "false",
        "SECRET_KEY": "bench" * 10,
        "SECURE_SSL_REDIRECT": "false",
        "EMAIL_URL": "console:",
        "LOG_LEVEL": "WARNING",
    }
    command = gunicorn(sys.executable, "config.wsgi", site.port)
    with serve(command, environment, site.port, home / "site.log") as server:

        def ask(words: str, path: str, body: Any) -> list[Any]:
            text = json.dumps(body)
            answer = server.ask(
                words, "POST", f"/api/v1{path}", body=text, headers=headers
            )
            results: list[Any] = answer["results"]
            return results

        for number in range(files // BATCH + 1):
            if number == 1:  # ignore batch 0, because it also loads modules
                server.cpu_ms.clear()
                server.wall_ms.clear()
            contents = [os.urandom(BYTES) for _ in range(BATCH)]
            started = ask("start", "/uploads/batch", {"uploads": declared(contents)})
            with ThreadPoolExecutor(LANES) as lanes:
                list(lanes.map(put, contents, started))
            ids = [one["upload"]["id"] for one in started]
            done = ask("complete", "/uploads/complete-batch", {"ids": ids})
            states = {one["upload"]["state"] for one in done}
            if states != {"ready"}:
                raise SystemExit(f"Files ended as {states}.")
        return server


def measure_sql() -> float:
    """Return the CPU time per file of the SQL statements of a batch start, in ms.

    No start can take less time, because these statements store the uploads, their audit
    events and the reserved quota.
    """
    batches = [_statements_of_a_start() for _ in range(SQL_BATCHES)]
    from django.db import connection

    raw = connection.connection
    with connection.cursor() as cursor:
        convert = cursor.cursor.convert_query
    began = time.process_time()
    for statements in batches:
        raw.execute("BEGIN IMMEDIATE")
        for sql, params, many in statements:
            names = list(params) if isinstance(params, dict) else None
            text = convert(sql, param_names=names)
            (raw.executemany if many else raw.execute)(text, params)
        raw.execute("COMMIT")
    return (time.process_time() - began) * 1e3 / SQL_BATCHES / BATCH


def _statements_of_a_start() -> list[tuple[str, Any, bool]]:
    """Start a batch, roll it back, and return its SQL statements except savepoints."""
    from django.contrib.auth import get_user_model
    from django.db import connection, transaction

    from uploads import lifecycle
    from uploads.lifecycle.policy import policy_for

    owner = get_user_model().objects.get(username="demo")
    contents = [os.urandom(BYTES) for _ in range(BATCH)]
    wanted = [
        lifecycle.Wanted(lifecycle.Declaration(**about)) for about in declared(contents)
    ]
    statements = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "BEGIN")):
            statements.append((sql, params or (), many))
        return execute(sql, params, many, context)

    with transaction.atomic():
        with connection.execute_wrapper(note):
            lifecycle.start_many(owner=owner, wanted=wanted, policy=policy_for(owner))
        transaction.set_rollback(True)
    return statements


def declared(contents: list[bytes]) -> list[dict[str, Any]]:
    return [
        {
            "filename": f"photo {number}.bin",
            "byte_size": len(content),
            "content_type": "application/octet-stream",
            "checksum_sha256": base64.b64encode(
                hashlib.sha256(content).digest()
            ).decode(),
        }
        for number, content in enumerate(contents)
    ]


def put(content: bytes, started: Any) -> None:
    request = started["upload"]["request"]
    answer = HTTP.request(
        request["method"], request["url"], body=content, headers=request["headers"]
    )
    if answer.status != 200:
        raise SystemExit(f"S3 answered {answer.status}: {answer.data!r}")


def measure_companion(site: DemoSite, home: Path) -> Server:
    """Start files one by one with Uppy Companion; return the server with its times."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "companion.mjs"):
        shutil.copy(PEERS / name, INSTALLED)
    if not (INSTALLED / "node_modules").is_dir():
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],  # noqa: S607
            cwd=INSTALLED,
            check=True,
        )
    s3, [port] = site.s3_server(), free_ports(1)
    node = shutil.which("node") or "node"
    command = [node, str(INSTALLED / "companion.mjs"), str(port), s3.endpoint_url]
    command += [s3.bucket, s3.worker.access_key, s3.worker.secret_key]
    with serve(command, os.environ, port, home / "companion.log") as server:

        def start(number: int) -> None:
            query = {"filename": f"photo {number}.bin", "type": "image/jpeg"}
            server.ask("start", "GET", "/s3/params", fields=query)

        one_by_one(server, start)
        return server


def measure_file_field(site: DemoSite, home: Path) -> Server:
    """Start files one by one with django-s3-file-field; return the server."""
    python = INSTALLED / ".venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", INSTALLED / ".venv"], check=True)
        install = ["-m", "pip", "install", "--quiet", "--require-hashes"]
        subprocess.run([python, *install, "-r", PEERS / "requirements.txt"], check=True)
    [port] = free_ports(1)
    environment = {**os.environ, **site.s3_server().environment()}
    environment["PYTHONPATH"] = str(PEERS)
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = gunicorn(str(python), "s3_file_field_site", port)
    with serve(command, environment, port, home / "file_field.log") as server:

        def start(number: int) -> None:
            body = {
                "field_id": "bench.Resource.blob",
                "file_name": f"photo {number}.bin",
                "file_size": BYTES,
                "content_type": "image/jpeg",
            }
            path = "/api/s3-upload/upload-initialize/"
            server.ask("start", "POST", path, json=body)

        one_by_one(server, start)
        return server


def one_by_one(server: Server, start: Callable[[int], None]) -> None:
    for number in range(ALONE // 10):
        start(number)
    server.cpu_ms.clear()
    server.wall_ms.clear()
    for number in range(ALONE):
        start(number)


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        home = Path(folder)
        site = DemoSite(*free_ports(2), home)
        s3 = site.s3_server()
        s3.start()
        try:
            prepare(site)
            make_accounts()
            own = measure_own(site, home, files)
            companion = measure_companion(site, home)
            file_field = measure_file_field(site, home)
            sql = measure_sql()
        finally:
            s3.stop()
    start, complete = (own.cpu_ms[words] / files for words in ("start", "complete"))
    others = {
        "Uppy Companion": companion.cpu_ms["start"] / ALONE,
        "django-s3-file-field": file_field.cpu_ms["start"] / ALONE,
    }
    report(
        "batches",
        [
            Row("start, batches of 100", start, "CPU ms a file"),
            Row("complete, batches of 100", complete, "CPU ms a file"),
            *(
                Row(f"start, one by one, {name}", spent, "CPU ms a file")
                for name, spent in others.items()
            ),
            *(
                Row(f"{words}, wall time", own.wall_ms[words] / files, "ms a file")
                for words in ("start", "complete")
            ),
            Row("start, only its SQL statements", sql, "CPU ms a file"),
            Row("files started", 1e3 / start, "a CPU second"),
        ],
        [
            Bar(
                f"start and complete / {MAX_MS} ms",
                (start + complete) / MAX_MS,
                None,
                1,
            ),
            *(
                Bar(f"{name} / start", ms / start, MIN_RATIOS[name])
                for name, ms in others.items()
            ),
            *(
                Bar(f"{name} / only the SQL statements", ms / sql)
                for name, ms in others.items()
            ),
        ],
    )


if __name__ == "__main__":
    main()
