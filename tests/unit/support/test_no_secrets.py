"""The plugin no_secrets finds secrets in log records, output and servers' logs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.no_secrets import logs_in, search

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
HEX = "0123456789abcdef" * 4
LEAKS = {
    "url": f"https://s3.example/k?X-Amz-Signature={HEX}",
    "url in a url": f"next=https%3A%2F%2Fs3.example%2Fk%3FX-Amz-Signature%3D{HEX}",
    "form": f"{{'x-amz-signature': '{HEX}'}}",
    "policy": "'policy': 'eyJleHBpcmF0aW9uIjogIjIwMjYtMTEtMjFU'",
    "security token": "X-Amz-Security-Token=IQoJb3JpZ2luX2VjEPT%2F%2F%2F",
    "api token": "slipway_" + "Zx9-_q" * 7,
    "header": "{'Authorization': 'Bearer 0123456789'}",
    "session": "Cookie: sessionid=3k2j4h5g6f7d8s9a0q1w2e3r4t5y6u7i",
    "secure session": "__Host-sessionid=3k2j4h5g6f7d8s9a0q1w2e3r4t5y6u7i;",
    "csrf cookie": "csrftoken=3k2j4h5g6f7d8s9a0q1w2e3r4t5y6u7i",
    "csrf field": "csrfmiddlewaretoken=3k2j4h5g6f7d8s9a0q1w2e3r4t5y6u7i",
    "reset link": "/accounts/reset/MQ/c1x2y3-" + HEX[:32] + "/",
    "hash": "md5$abcdefgh$" + HEX[:32],
    "password": "params=('correct " + "horse battery',)",
    "configured": "key the-secret-of-the-worker",
}
HARMLESS = [
    "X-Amz-Signature is left out; X-Amz-Expires=900",
    "x-amz-signature=[masked]",
    "POST /api/v1/uploads 201",
    "csrftoken sessionid slipway_tests_1 slipway-worker",
    "/accounts/reset/MQ/.../ 200",
    "Authorization: none was sent",
    "policy: default-src 'none'",
]

TESTS = f"""
import logging, pathlib, pytest
from tests.plugins.no_secrets import watch

LEAK = "https://s3.example/k?" + "X-Amz-Signature={HEX}"

def test_record():
    logging.getLogger("x").warning("it is %s", LEAK)

def test_printed():
    print(LEAK)

@pytest.fixture
def late():
    yield
    print(LEAK)

def test_teardown(late):
    pass

def test_raised():
    try:
        raise ValueError(LEAK)
    except ValueError:
        logging.getLogger("x").exception("failed")

def test_own_server(tmp_path):
    (tmp_path / "site.log").write_text(LEAK)

def test_watched_server(tmp_path_factory):
    log = tmp_path_factory.mktemp("home") / "site.log"
    log.write_text(LEAK)
    watch(log)

def test_each_line_counts_once():
    pass

@pytest.mark.shows_secrets(reason="its subject")
def test_exempt():
    print(LEAK)

def test_clean():
    print("X-Amz-Signature is not here")
"""
UNSEEN = f"""
def test_unseen(tmp_path_factory):
    log = tmp_path_factory.mktemp("home") / "unseen.log"
    log.write_text("X-Amz-Signature={HEX}")
"""
NO_REASON = """
import pytest

@pytest.mark.shows_secrets
def test_without_a_reason():
    pass
"""


SECOND_TRY = ("-p", "pytest_rerunfailures", "--reruns=1", "--only-rerun=.")
"""The options with which the Makefile runs failed browser tests again."""


def run(tmp_path: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``tests`` in a separate pytest with this plugin."""
    (tmp_path / "test_leaks.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-rE", "-q"]
    command += ["--disable-plugin-autoload", "-p", "tests.plugins.no_secrets"]
    command += [f"--rootdir={tmp_path}", f"--basetemp={tmp_path / 'base'}"]
    return subprocess.run(
        [*command, *options, "-p", "no:cacheprovider", str(tmp_path / "test_leaks.py")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", LEAKS)
def test_secret_of_each_kind_is_found_and_masked(name: str) -> None:
    secret = re.split(r"[=:'\s/]+", LEAKS[name].rstrip("';/,)"))[-1]

    [hit] = search(f"before\n{LEAKS[name]}\nafter", ["the-secret-of-the-worker"])

    assert hit.endswith("[masked]")
    assert secret not in hit
    assert "before" not in hit


@pytest.mark.parametrize("text", HARMLESS)
def test_words_about_secrets_are_not_reported(text: str) -> None:
    assert search(text) == []


@pytest.mark.shows_secrets(reason="the inner run leaks on purpose")
@pytest.mark.parametrize("options", [(), SECOND_TRY], ids=["one try", "with reruns"])
def test_secret_in_any_output_fails_the_test_without_a_rerun(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = run(tmp_path, TESTS, *options)

    failed = set(re.findall(r"^ERROR .+::(\w+)", done.stdout, re.MULTILINE))
    assert failed == {
        "test_record",
        "test_printed",
        "test_teardown",
        "test_raised",
        "test_own_server",
        "test_watched_server",
    }, done.stdout
    assert done.returncode == 1
    assert "rerun" not in done.stdout
    assert "a signature: " in done.stdout
    assert HEX not in done.stdout


@pytest.mark.shows_secrets(reason="the inner run leaks on purpose")
def test_other_log_files_are_searched_at_the_end_of_the_run(
    tmp_path: Path,
) -> None:
    done = run(tmp_path, UNSEEN)

    assert done.returncode == 1, done.stdout
    assert "unseen.log, a signature: X-Amz-[masked]" in done.stdout


def test_marker_shows_secrets_without_a_reason_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, NO_REASON)

    assert "shows_secrets needs a reason" in done.stderr
    assert done.returncode == pytest.ExitCode.USAGE_ERROR


def test_folder_deleted_during_the_search_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kept/site.log", "profile/cache/entry"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    scan = os.scandir

    def scan_late(folder: Any) -> Any:
        if Path(folder).name == "cache":
            raise FileNotFoundError(folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scan_late)

    assert logs_in(tmp_path) == [tmp_path / "kept" / "site.log"]
