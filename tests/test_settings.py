"""The settings: nothing needed to try the site, nothing missing to run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from uploads.s3.connection import browser_origin

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "k" * 25 + "0123456789-abcdefghijklmnopqrstuvw",
    "ALLOWED_HOSTS": "files.example.com",
    "S3_BUCKET": "my-bucket",
    "DATABASE_URL": "postgresql://user:password@127.0.0.1/site",
}


def manage(
    *arguments: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fresh_checkout_needs_no_environment(tmp_path: Path) -> None:
    done = manage("check", environment={"DATA_DIR": str(tmp_path)})

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS", "S3_BUCKET"])
def test_production_refuses_to_start_and_names_what_is_missing(
    tmp_path: Path, missing: str
) -> None:
    environment = PRODUCTION | {"DATA_DIR": str(tmp_path)}
    del environment[missing]

    done = manage("check", environment=environment)

    assert done.returncode != 0
    assert f"DEBUG is off, so {missing} must be set" in done.stderr


def test_the_deployment_check_is_clean(tmp_path: Path) -> None:
    done = manage(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        environment=PRODUCTION | {"DATA_DIR": str(tmp_path)},
    )

    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout


def test_an_unknown_addressing_style_is_refused(tmp_path: Path) -> None:
    done = manage(
        "check",
        environment={"DATA_DIR": str(tmp_path), "S3_ADDRESSING_STYLE": "sideways"},
    )

    assert "set it to path or virtual" in done.stderr


def test_an_unknown_word_for_who_needs_two_factors_is_refused(tmp_path: Path) -> None:
    # Misspelt, it would quietly mean nobody.
    done = manage(
        "check",
        environment={"DATA_DIR": str(tmp_path), "TWO_FACTOR_REQUIRED": "admins"},
    )

    assert done.returncode != 0
    assert "set it to none, staff or all" in done.stderr


def test_a_truth_that_is_neither_is_refused(tmp_path: Path) -> None:
    done = manage("check", environment={"DATA_DIR": str(tmp_path), "DEBUG": "maybe"})

    assert done.returncode != 0
    assert "DEBUG" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("UPLOADS_RATE_START", "lots", "UPLOADS_RATE_START is 'lots': write a number"),
        ("UPLOADS_RATE_LOGIN_PER_ADDRESS", "0/day", "it must admit at least one"),
        ("UPLOADS_RATE_PRESIGN", "10/minute", "admit at least as many"),
        ("UPLOADS_MAX_OPEN", "0", "UPLOADS_MAX_OPEN must be 1 or more"),
        ("UPLOADS_MIN_PART_BYTES", "5000000", "must be 5242880 (5 MiB) to"),
    ],
)
def test_a_server_does_not_start_with_a_limit_that_makes_no_sense(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    """A server makes no checks; each request would fail instead."""
    done = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), name: value},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "ImproperlyConfigured" in done.stderr
    assert words in done.stderr


def test_limits_come_from_the_environment(tmp_path: Path) -> None:
    ask = (
        "from uploads.conf import options; o = options(); "
        "print(o.rate_start, o.rate_login, o.rate_download, o.max_open, "
        "o.min_part_bytes)"
    )
    done = manage(
        *("shell", "--no-imports", "-v0", "-c", ask),
        environment={
            "DATA_DIR": str(tmp_path),
            "UPLOADS_RATE_START": "7/2hours",
            "UPLOADS_RATE_LOGIN": "",
            "UPLOADS_RATE_DOWNLOAD": "off",
            "UPLOADS_MAX_OPEN": "12",
            "UPLOADS_MIN_PART_BYTES": "5242880",
        },
    )

    assert done.stdout.strip() == "7 in 2 hours None None 12 5242880", done.stderr


def test_a_proxy_that_all_visitors_would_be_taken_for_is_reported(
    tmp_path: Path,
) -> None:
    environment = PRODUCTION | {"DATA_DIR": str(tmp_path), "BEHIND_TLS_PROXY": "true"}

    alone = manage("check", "--deploy", environment=environment)
    told = manage(
        "check", "--deploy", environment=environment | {"TRUSTED_PROXY_COUNT": "1"}
    )

    assert "uploads.W005" in alone.stderr
    assert "no issues" in told.stdout


@pytest.mark.parametrize(
    ("region", "endpoint_url", "style", "origin"),
    [
        ("eu-west-1", "", "virtual", "https://b.s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "", "virtual", "https://b.s3.cn-north-1.amazonaws.com.cn"),
        ("auto", "https://x.example.com:9000", "path", "https://x.example.com:9000"),
        ("auto", "https://x.example.com/s3", "path", "https://x.example.com"),
    ],
)
def test_the_page_may_talk_to_the_buckets_origin(
    region: str, endpoint_url: str, style: str, origin: str
) -> None:
    assert (
        browser_origin(
            bucket="b",
            region=region,
            endpoint_url=endpoint_url,
            addressing_style=style,
        )
        == origin
    )


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"CLAMD_URL": "clamd:3310"}, "no address of clamd"),
        ({"CLAMD_URL": "tcp://clamd:3310", "CLAMD_TOO_LARGE": "keep"}, "too_large"),
        ({"TASKS_BACKEND": "celery"}, "TASKS_BACKEND is 'celery'"),
    ],
    ids=str,
)
def test_a_wrong_word_about_inspection_is_refused(
    tmp_path: Path, environment: dict[str, str], word: str
) -> None:
    done = manage("check", environment={"DATA_DIR": str(tmp_path), **environment})

    assert done.returncode != 0
    assert word in done.stderr


def test_clamd_and_workers_can_be_turned_on(tmp_path: Path) -> None:
    environment = {
        "DATA_DIR": str(tmp_path),
        "CLAMD_URL": "unix:///run/clamd.ctl",
        "TASKS_BACKEND": "database",
    }

    done = manage("check", environment=environment)

    assert done.returncode == 0, done.stderr
