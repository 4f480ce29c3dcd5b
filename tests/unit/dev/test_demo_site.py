"""The demo site never uses the database, bucket or credentials of another site."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from uploads.dev.demo_site import PROJECT, DemoSite, enter
from uploads.dev.s3_server import S3Server
from uploads.dev.supervisor import (
    SupervisorError,
    running_alone,
    running_site,
    welcome,
)


@pytest.fixture
def site(tmp_path: Path) -> DemoSite:
    return DemoSite(port=9000, s3_port=9333, data_dir=tmp_path)


def test_environment_has_no_variables_of_another_site(
    site: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://production/db")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("S3_BUCKET", "production")
    monkeypatch.setenv("S3_EXPECTED_BUCKET_OWNER", "123456789012")

    environment = site.environment()

    assert "production" not in environment.values()
    assert environment["S3_BUCKET"] == "slipway"
    assert environment["S3_ENDPOINT_URL"] == "http://127.0.0.1:9333"
    assert environment["DATA_DIR"] == str(site.data_dir)


def test_demo_site_reads_options_but_not_the_bucket_from_the_shell(
    site: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOADS_CHECKSUM", "crc64nvme")
    monkeypatch.setenv("S3_BUCKET", "production")

    with patch.dict(os.environ):
        enter(site)
        found = site.environment()

    assert found["UPLOADS_CHECKSUM"] == "crc64nvme"
    assert found["S3_BUCKET"] == "slipway"


def test_origins_are_127_0_0_1_and_localhost(site: DemoSite) -> None:
    assert site.origins == ["http://127.0.0.1:9000", "http://localhost:9000"]


def test_site_looks_for_changed_code_and_templates_unless_it_must_not(
    site: DemoSite,
) -> None:
    fixed = replace(site, reloads=False)

    assert "--reload" in site.web_command()
    assert any(word.endswith(".html") for word in site.web_command())
    assert not any("reload" in word for word in fixed.web_command())
    assert not any(word.endswith(".html") for word in fixed.web_command())


def test_second_site_with_the_same_data_folder_is_refused(site: DemoSite) -> None:
    other = DemoSite(port=9001, s3_port=9334, data_dir=site.data_dir)

    with (
        running_alone(site),
        pytest.raises(
            SupervisorError, match=r"Another site at http://127\.0\.0\.1:9000"
        ),
        running_alone(other),
    ):
        pass


def test_running_site_is_found_by_its_data_folder(site: DemoSite) -> None:
    assert running_site(site.data_dir) is None
    with running_alone(site):
        assert running_site(site.data_dir) == site
    assert running_site(site.data_dir) is None


def test_welcome_text_shows_url_accounts_data_folder_and_how_to_stop(
    site: DemoSite,
) -> None:
    text = welcome(site)

    for words in (site.url, "demo / demo", "admin / admin", str(site.data_dir)):
        assert words in text
    assert "Ctrl-C" in text


def test_signer_may_only_put_below_the_prefix(tmp_path: Path) -> None:
    server = S3Server(tmp_path, port=9333, bucket="b", key_prefix="uploads/")
    server.data_dir.mkdir(exist_ok=True)

    text = server._write_identities().read_text()

    assert r"\"Allow\", \"Action\": [\"s3:PutObject\"]" in text
    assert r"arn:aws:s3:::b/uploads/*" in text


def test_web_process_logs_no_requests_unless_asked(
    site: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    assert site.web_environment()["LOG_LEVEL"] == "WARNING"

    monkeypatch.setenv("LOG_LEVEL", "INFO")
    assert site.web_environment()["LOG_LEVEL"] == "INFO"


def test_demo_site_stores_no_sql_statements(site: DemoSite) -> None:
    code = (
        "import uploads.dev.wsgi\n"
        "from django.db import connection\n"
        "connection.cursor().execute('SELECT 1')\n"
        "print(len(connection.queries))\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=site.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.split()[-1] == "0"
