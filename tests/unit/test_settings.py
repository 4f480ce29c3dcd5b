"""The settings have defaults for a first try. Production requires some values."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError

from uploads.conf import options
from uploads.s3.connection import browser_origin

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "k" * 25 + "0123456789-abcdefghijklmnopqrstuvw",
    "ALLOWED_HOSTS": "files.example.com",
    "S3_BUCKET": "my-bucket",
    "DATABASE_URL": "postgresql://user:password@127.0.0.1/site",
}


def run_manage(
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


def evaluate_settings(home: Path, **environment: str) -> dict[str, Any]:
    """Return the settings for only these environment variables, or raise their error.

    This function evaluates the settings module that a site imports, but is a hundred
    times faster than starting a site.
    """
    variables = {"DATA_DIR": str(home), **environment}
    with mock.patch.dict(os.environ, variables, clear=True):
        return runpy.run_path(str(ROOT / "config" / "settings.py"))


def test_new_checkout_needs_no_environment_variables(tmp_path: Path) -> None:
    done = run_manage("check", environment={"DATA_DIR": str(tmp_path)})

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS", "S3_BUCKET"])
def test_production_requires_variables_without_a_default(
    tmp_path: Path, missing: str
) -> None:
    environment = {name: PRODUCTION[name] for name in PRODUCTION if name != missing}

    with pytest.raises(
        ImproperlyConfigured, match=f"DEBUG is off, so {missing} must be set"
    ):
        evaluate_settings(tmp_path, **environment)


def test_start_of_production_names_all_missing_variables(
    tmp_path: Path,
) -> None:
    done = run_manage(
        "check", environment={"DEBUG": "false", "DATA_DIR": str(tmp_path)}
    )

    assert done.returncode != 0
    assert "SECRET_KEY, ALLOWED_HOSTS, S3_BUCKET must be set" in done.stderr


@pytest.mark.parametrize(
    "more",
    [
        {},
        {
            "BEHIND_TLS_PROXY": "true",
            "TRUSTED_PROXY_COUNT": "1",
            "CLAMD_URL": "unix:///run/clamd.ctl",
            "TASKS_BACKEND": "database",
        },
    ],
    ids=["required variables", "more variables"],
)
def test_deployment_check_reports_no_issue(
    tmp_path: Path, more: dict[str, str]
) -> None:
    done = run_manage(
        *("check", "--deploy", "--fail-level", "WARNING"),
        environment=PRODUCTION | more | {"DATA_DIR": str(tmp_path)},
    )

    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"S3_ADDRESSING_STYLE": "sideways"}, "Set it to path or virtual"),
        # Without this check, the site would require no second factor after a typing
        # error.
        ({"TWO_FACTOR_REQUIRED": "admins"}, "Set it to none, staff or all"),
        ({"TASKS_BACKEND": "celery"}, "TASKS_BACKEND is 'celery'"),
        ({"DEBUG": "maybe"}, "DEBUG"),
    ],
    ids=str,
)
def test_unknown_value_of_a_setting_is_refused(
    tmp_path: Path, environment: dict[str, str], words: str
) -> None:
    with pytest.raises((ImproperlyConfigured, EnvError), match=words):
        evaluate_settings(tmp_path, **environment)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("UPLOADS_RATE_START", "lots", "UPLOADS_RATE_START is 'lots'. Write a number"),
        ("UPLOADS_RATE_LOGIN_PER_ADDRESS", "0/day", "It must allow at least one"),
        ("UPLOADS_RATE_PRESIGN", "10/minute", "Set a limit of at least 100."),
        ("UPLOADS_MAX_OPEN", "0", "UPLOADS_MAX_OPEN must be 1 or more"),
        ("UPLOADS_MIN_PART_BYTES", "5000000", "must be 5242880 (5 MiB) to"),
    ],
)
def test_invalid_limit_is_refused(
    tmp_path: Path, settings: Settings, name: str, value: str, words: str
) -> None:
    settings.UPLOADS = evaluate_settings(tmp_path, **{name: value})["UPLOADS"]

    with pytest.raises(ImproperlyConfigured, match=re.escape(words)):
        options()


def test_server_does_not_start_with_an_invalid_limit(
    tmp_path: Path,
) -> None:
    """A server runs no system checks, so the settings must refuse the value."""
    done = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(tmp_path),
            "UPLOADS_RATE_START": "lots",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "ImproperlyConfigured" in done.stderr
    assert "UPLOADS_RATE_START is 'lots'. Write a number" in done.stderr


def test_limits_are_read_from_the_environment(
    tmp_path: Path, settings: Settings
) -> None:
    settings.UPLOADS = evaluate_settings(
        tmp_path,
        UPLOADS_RATE_START="7/2hours",
        UPLOADS_RATE_LOGIN="",
        UPLOADS_RATE_DOWNLOAD="off",
        UPLOADS_MAX_OPEN="12",
        UPLOADS_MIN_PART_BYTES="5242880",
    )["UPLOADS"]

    now = options()

    assert str(now.rate_start) == "7 in 2 hours"
    assert (now.rate_login, now.rate_download) == (None, None)
    assert (now.max_open, now.min_part_bytes) == (12, 5242880)


@pytest.mark.parametrize(("count", "found"), [("0", ["uploads.W005"]), ("1", [])])
def test_proxy_count_of_zero_behind_a_proxy_is_reported(
    tmp_path: Path, settings: Settings, count: str, found: list[str]
) -> None:
    site = evaluate_settings(
        tmp_path, **PRODUCTION, BEHIND_TLS_PROXY="true", TRUSTED_PROXY_COUNT=count
    )
    settings.BEHIND_TLS_PROXY = site["BEHIND_TLS_PROXY"]
    settings.TRUSTED_PROXY_COUNT = site["TRUSTED_PROXY_COUNT"]

    reported = run_checks(tags=["uploads"], include_deployment_checks=True)
    assert [message.id for message in reported] == found


@pytest.mark.parametrize(
    ("region", "endpoint_url", "style", "origin"),
    [
        ("eu-west-1", "", "virtual", "https://b.s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "", "virtual", "https://b.s3.cn-north-1.amazonaws.com.cn"),
        ("auto", "https://x.example.com:9000", "path", "https://x.example.com:9000"),
        ("auto", "https://x.example.com/s3", "path", "https://x.example.com"),
    ],
)
def test_page_policy_permits_the_buckets_origin(
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
    ("environment", "words"),
    [
        ({"CLAMD_URL": "clamd:3310"}, "not an address of clamd"),
        ({"CLAMD_URL": "tcp://clamd:3310", "CLAMD_TOO_LARGE": "keep"}, "too_large"),
    ],
    ids=str,
)
def test_invalid_inspection_setting_is_refused(
    tmp_path: Path, settings: Settings, environment: dict[str, str], words: str
) -> None:
    settings.INSPECTORS = evaluate_settings(tmp_path, **environment)["INSPECTORS"]

    [message] = run_checks(tags=["uploads"])

    assert message.is_serious()
    assert words in message.msg


def test_clamd_and_workers_can_be_switched_on(
    tmp_path: Path, settings: Settings
) -> None:
    site = evaluate_settings(
        tmp_path, CLAMD_URL="unix:///run/clamd.ctl", TASKS_BACKEND="database"
    )
    settings.INSPECTORS = site["INSPECTORS"]

    assert "uploads.inspection.antivirus.ClamAVInspector" in str(site["INSPECTORS"])
    assert run_checks(tags=["uploads"]) == []
    assert "django_tasks_db" in site["INSTALLED_APPS"]


@pytest.mark.parametrize(
    "name",
    ["S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL", "UPLOADS_S3_PUBLIC_ENDPOINTS"],
)
@pytest.mark.parametrize("url", ["https://a.example.org;script-src", "https://*"])
def test_endpoint_that_would_change_the_content_security_policy_is_refused(
    tmp_path: Path, name: str, url: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match="is not an endpoint of S3"):
        evaluate_settings(tmp_path, **{name: url})


def test_password_in_an_endpoint_is_not_printed(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured) as error:
        evaluate_settings(
            tmp_path, S3_ENDPOINT_URL="https://user:hunter2@s3.example.com"
        )

    assert "hunter2" not in str(error.value)


def test_valid_endpoints_are_accepted(tmp_path: Path) -> None:
    urls = [
        "https://S3-b.example.org",
        "https://xn--s3-bcher-n2a.example.org:8443/s3",
        "http://[::1]:9000/",
        "http://minio_1:9000",
    ]
    for url in urls:
        found = evaluate_settings(tmp_path, S3_PUBLIC_ENDPOINT_URL=url)
        assert found["BUCKET_ORIGIN"] in url
