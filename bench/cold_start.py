"""Measures a part of a cold start on Lambda, from Python's start to the first response.

The script runs on this machine with the package of `make lambda`, var/lambda.zip. Each
run is a new process that can import only this package and Python's own library. Python
writes no byte-code, because on Lambda the package is read-only.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.lambda_package import ROOT, build

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGE = ROOT / "var" / "lambda.zip"
RUNTIME = ROOT / "tests" / "serverless" / "runtime.py"
RUNS = 7
EVENT = {
    "version": "2.0",
    "rawPath": "/healthz",
    "rawQueryString": "",
    "headers": {"host": "localhost", "accept-encoding": "identity"},
    "requestContext": {
        "http": {
            "method": "GET",
            "path": "/healthz",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "",
        },
        "stage": "$default",
    },
    "isBase64Encoded": False,
}


def first_answer(package: Path, data: Path) -> tuple[float, float]:
    """Return the wall-clock seconds and the CPU seconds of one cold start."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DEBUG": "false",
        "SECRET_KEY": "a key of a benchmark " * 3,
        "ALLOWED_HOSTS": "localhost",
        "SECURE_SSL_REDIRECT": "false",
        "S3_BUCKET": "none",
        "S3_ACCESS_KEY_ID": "none",
        "S3_SECRET_ACCESS_KEY": "none",
        "DATABASE_URL": f"sqlite:///{data}/db.sqlite3",
        "DATA_DIR": str(data),
        "STATIC_ROOT": str(package / "static_root"),
    }
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-S", str(RUNTIME), "config.serverless.web.handler"],
        cwd=package,
        env=environment,
        input=json.dumps(EVENT) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = json.loads(result.stdout)["answer"]
    assert answer["statusCode"] == 200, answer
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def main() -> None:
    if not PACKAGE.exists():
        build(PACKAGE, architecture="x86_64", python=PYTHON)
    with tempfile.TemporaryDirectory() as name:
        package, data = Path(name, "task"), Path(name, "data")
        data.mkdir()
        with zipfile.ZipFile(PACKAGE) as archive:
            archive.extractall(package)
        first_answer(package, data)  # fills the cache of the file system
        runs = [first_answer(package, data) for _ in range(RUNS)]
    walls, cpus = zip(*runs, strict=True)
    print(f"package       {PACKAGE.stat().st_size / 1000**2:.1f} MB")
    print(f"wall clock    {statistics.median(walls):.2f} s, {min(walls):.2f} s at best")
    print(f"CPU time      {statistics.median(cpus):.2f} s, {min(cpus):.2f} s at best")


if __name__ == "__main__":
    main()
