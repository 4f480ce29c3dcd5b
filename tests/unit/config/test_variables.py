"""The start of the site reports variables that are unknown or contradict each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.variables import KNOWN, OF_MAKE, complaints, nearest_to

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("misspelt", "nearest"),
    [
        ("UPLOADS_LIFETME", "UPLOADS_LIFETIME_SECONDS"),
        ("UPLOADS_LIFETIME", "UPLOADS_LIFETIME_SECONDS"),
        ("UPLOADS_RATE_LOGINS", "UPLOADS_RATE_LOGIN"),
        ("UPLOADS_KEY_PREFIX", "S3_KEY_PREFIX"),
        ("UPLOADS_DEFAULT_QUOTA", "UPLOADS_DEFAULT_QUOTA_BYTES"),
        ("S3_ENDPOINT", "S3_ENDPOINT_URL"),
        ("S3_SECRET_KEY_ID", "S3_ACCESS_KEY_ID"),
        ("CLAMD_URI", "CLAMD_URL"),
        ("METRICS_SECRT", "METRICS_SECRET"),
    ],
)
def test_misspelt_variable_is_reported_with_a_similar_one(
    misspelt: str, nearest: str
) -> None:
    assert nearest_to(misspelt) == nearest
    assert complaints({misspelt: "1"}) == [
        f"{misspelt} is set, but there is no such variable. Do you mean {nearest}?"
    ]


def test_unknown_variable_is_reported_if_no_variable_is_similar() -> None:
    assert complaints({"S3_QQQQQQQQQQQQQQQQ": ""}) == [
        "S3_QQQQQQQQQQQQQQQQ is set, but there is no such variable."
    ]


def test_known_variables_and_those_of_other_programs_are_not_reported() -> None:
    assert complaints(dict.fromkeys(KNOWN, "")) == []
    assert complaints({"PATH": "/bin", "AWS_PROFILE": "x", "S3_PORT": "8333"}) == []


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"CLAMD_MAX_BYTES": "1"}, "CLAMD_URL is not"),
        ({"S3_ACCESS_KEY_ID": "a"}, "S3_SECRET_ACCESS_KEY is not. Set both or neither"),
        ({"S3_SECRET_ACCESS_KEY": "a"}, "S3_ACCESS_KEY_ID is not"),
        ({"S3_SIGNER_ACCESS_KEY_ID": "a"}, "S3_SIGNER_SECRET_ACCESS_KEY is not"),
        ({"S3_SIGNER_SESSION_TOKEN": "a"}, "S3_SIGNER_ACCESS_KEY_ID is not"),
        (
            {
                "UPLOADS_INLINE_INSPECTION_BYTES": "9",
                "UPLOADS_INSPECTION_BYTES": "5",
            },
            "must not be larger",
        ),
        (
            {
                "UPLOADS_RATE_START": "100/minute",
                "UPLOADS_RATE_START_PER_ADDRESS": "1/second",
            },
            "UPLOADS_RATE_START is larger than UPLOADS_RATE_START_PER_ADDRESS",
        ),
        ({"SECURE_HSTS_SECONDS": "5"}, "DEBUG is on"),
        (
            {
                "DEBUG": "false",
                "SECURE_HSTS_PRELOAD": "true",
                "SECURE_HSTS_INCLUDE_SUBDOMAINS": "false",
            },
            "Browsers preload only",
        ),
        (
            {"METRICS_NETWORKS": "10.0.0.0/8", "BEHIND_TLS_PROXY": "true"},
            "METRICS_NETWORKS has no effect",
        ),
    ],
)
def test_contradicting_variables_are_reported(
    environment: dict[str, str], words: str
) -> None:
    [complaint] = complaints(environment)

    assert words in complaint


@pytest.mark.parametrize(
    "environment",
    [
        {"CLAMD_MAX_BYTES": "1", "CLAMD_URL": "tcp://clamd:3310"},
        {"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"},
        {"UPLOADS_INLINE_INSPECTION_BYTES": "nine", "UPLOADS_INSPECTION_BYTES": "5"},
        {"UPLOADS_RATE_START": "off", "UPLOADS_RATE_START_PER_ADDRESS": "1/day"},
        {"DEBUG": "false", "SECURE_HSTS_SECONDS": "5"},
        {
            "METRICS_NETWORKS": "10.0.0.0/8",
            "BEHIND_TLS_PROXY": "true",
            "TRUSTED_PROXY_COUNT": "1",
        },
    ],
)
def test_consistent_variables_are_not_reported(environment: dict[str, str]) -> None:
    assert complaints(environment) == []


def test_settings_read_the_known_variables_and_no_others() -> None:
    source = (ROOT / "config" / "settings.py").read_text()
    source += (ROOT / "config" / "gunicorn.py").read_text()
    # UPLOADS.get reads an option of the app, not a variable.
    names = r'(?<!UPLOADS\.get\()"((?:UPLOADS|S3|CLAMD|METRICS)_[A-Z_]+)"'
    read = set(re.findall(names, source))

    by_name = {name for name in KNOWN - OF_MAKE if not name.startswith("UPLOADS_")}
    assert read | {"S3_KEY_PREFIX"} == by_name


@pytest.mark.parametrize(
    "code", ["import django; django.setup(); import config.wsgi", ""]
)
def test_misspelt_variable_is_reported_at_the_start(code: str, tmp_path: Path) -> None:
    words = ["-c", code] if code else ["manage.py", "check"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(tmp_path),
            "UPLOADS_LIFETME": "5",
        },
        capture_output=True,
        text=True,
        check=True,
    )

    output = done.stdout + done.stderr
    assert output.count("UPLOADS_LIFETME is set, but there is no such variable.") == 1
    assert "Do you mean UPLOADS_LIFETIME_SECONDS?" in output
