"""Logs, rows, pages and errors must not contain presigned URLs, tokens or sessions."""

from __future__ import annotations

import json
import logging.config
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings
from django.test import Client

from tests.attacks.people import HELLO, OTHER, Person, declaration
from tests.bucket.stores import RawRequest, send_raw, sha256
from tests.faults.site import Site
from tests.support.mail_server import MailServer
from tests.support.static_files import collected
from uploads.http.logs import logging_config
from uploads.models import AuditEvent, Upload

PASSWORD = "correct horse battery"
SIGNED = re.compile(r"X-Amz-(Signature|Credential|Security-Token)", re.IGNORECASE)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Restore the configuration of the log after a test that changes it."""
    yield
    logging.config.dictConfig(settings.LOGGING)


@pytest.fixture(params=["development", "production"])
def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    mail_server: MailServer,
    empty_database: Path,
) -> Iterator[Site]:
    """Run the site in a separate process with the log level DEBUG."""
    production = request.param == "production"
    database = shutil.copy(empty_database, tmp_path)
    site = Site(
        tmp_path,
        {
            "DATABASE_URL": f"sqlite:///{database}",
            "DEBUG": "false" if production else "true",
            "LOG_FORMAT": "json" if production else "console",
            "LOG_LEVEL": "DEBUG",
            "SECRET_KEY": "the-secret-key-of-this-test-" * 3,
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECURE_SSL_REDIRECT": "false",
            "SECURE_COOKIES": "false",
            "SIGNUP_OPEN": "true",
            "EMAIL_URL": mail_server.url,
            "S3_NOTIFICATIONS_SECRET": "the-secret-of-the-hook",
            "STATIC_ROOT": str(collected()),
        },
    )
    site.start()
    yield site
    site.stop()


@pytest.fixture
def browser(site: Site) -> Iterator[requests.Session]:
    """Yield an HTTP client.

    Close its connections before the site stops and waits for them.
    """
    with requests.Session() as session:
        yield session


def test_session_at_debug_level_logs_no_secret(
    site: Site, browser: requests.Session, mail_server: MailServer
) -> None:
    # People who may not read the files can read the logs.
    url = f"http://127.0.0.1:{site.port}"
    secrets = {PASSWORD, "the-secret-key-of-this-test", "the-secret-of-the-hook"}
    secrets |= {"slipway-worker-secret", "slipway-signer-secret"}

    def post_form(path: str, **fields: str) -> requests.Response:
        browser.get(f"{url}{path}", timeout=120)
        token = browser.cookies["csrftoken"] or ""
        fields["csrfmiddlewaretoken"] = token
        secrets.add(token)
        return browser.post(f"{url}{path}", data=fields, timeout=120)

    post_form(
        "/accounts/signup/",
        username="alice",
        email="alice@example.org",
        password1=PASSWORD,
        password2=PASSWORD,
    )
    secrets.add(browser.cookies["sessionid"] or "")
    post_form("/accounts/reauthenticate/", password=PASSWORD)
    app = browser.get(f"{url}/accounts/2fa/totp/activate/", timeout=120).text
    key = re.search(r'id="authenticator_secret">(\w+)<', app)
    assert key
    secrets.add(key[1])
    post_form("/accounts/2fa/totp/activate/", code="123456")
    made = post_form("/accounts/tokens/", name="script", scope="write", days="never")
    token = re.search(r'(?<=id="secret">)slipway_[\w-]+', made.text)
    assert token, made.text
    secrets.add(token[0])
    api = {"Authorization": f"Bearer {token[0]}"}

    def call(method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(
            method,
            f"{url}/api/v1{path}",
            json=body,
            headers=api,
            timeout=120,
            allow_redirects=False,
        )

    for transport in ("put", "post", "multipart"):
        call("POST", "/uploads", declaration(HELLO, transport=transport))
    started = call("POST", "/uploads", declaration(HELLO)).json()
    request = started["request"]
    raw_request = RawRequest("PUT", request["url"], request["headers"], HELLO)
    assert send_raw(raw_request.with_body(OTHER)).status == 400
    assert send_raw(raw_request).status == 200
    parts = call("POST", "/uploads", declaration(HELLO, transport="multipart")).json()
    part = {"part_number": 1, "checksum_sha256": sha256(HELLO)}
    call("POST", f"/uploads/{parts['id']}/parts", {"parts": [part]})
    call("POST", f"/uploads/{parts['id']}/complete")
    call("POST", f"/uploads/{started['id']}/complete")
    download = call("GET", f"/uploads/{started['id']}/download")
    assert download.status_code == 302
    browser.get(f"{url}/api/v1/uploads/{started['id']}/download?inline=1", timeout=120)
    call("POST", f"/uploads/{started['id']}/nowhere?secret=the-secret-of-a-query")
    requests.get(f"{url}/nowhere?token=the-secret-of-a-query", timeout=120)
    requests.get(
        f"{url}/api/v1/me", headers={"Authorization": f"Token {token[0]}"}, timeout=120
    )
    requests.post(
        f"{url}/hooks/s3",
        b"{",
        headers={"Authorization": "Bearer the-secret-of-the-hook"},
        timeout=120,
    )
    secrets.add("the-secret-of-a-query")
    post_form("/accounts/password_reset/", email="alice@example.org")
    [mail] = mail_server.mails
    link = re.search(r"/accounts/reset/\w+/(\w+-\w+)/", mail)
    assert link, mail
    secrets.add(link[1])
    answer = requests.get(f"{url}{link[0]}", timeout=120)
    assert "Choose a new password" in answer.text
    call("DELETE", f"/uploads/{started['id']}")

    log = site.log.read_text()
    assert "/api/v1/uploads" in log
    assert "/accounts/reset/" in log
    assert SIGNED.findall(log) == []
    assert {secret for secret in secrets if secret in log} == set()
    assert "pbkdf2" not in log
    assert "md5$" not in log


def test_database_contains_no_presigned_url(alice: Person) -> None:
    # More people can read a backup of the database than the database.
    started = alice.upload()
    alice.download(started)
    alice.start(transport="post")
    alice.part(alice.start_parts(5), 1, HELLO)

    rows = [*AuditEvent.objects.values(), *Upload.objects.values()]

    assert SIGNED.findall(json.dumps(rows, default=str)) == []
    assert "http" not in json.dumps(rows, default=str)


def test_pages_contain_no_presigned_url(alice: Person) -> None:
    # People save and share pages. A presigned URL in a page would give access to the
    # file.
    started = alice.upload(b"GIF89a\x01\x00\x01\x00\x80", content_type="image/gif")

    for path in ("/", f"/uploads/{started.id}/", "/api/v1/docs", "/nowhere"):
        assert SIGNED.findall(alice.browser.get(path).content.decode()) == []
    shown = json.dumps(alice.call("GET", f"/uploads/{started.id}").json())
    assert SIGNED.findall(shown) == []
    assert started.row.key not in shown


def test_storage_error_does_not_reveal_details_of_the_storage(
    alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    # Host names, keys and bucket names in an error would help an attacker.
    started = alice.start_parts(5)
    Upload.objects.filter(pk=started.id).update(multipart_id="no-such-id" * 50)

    answer = alice.call("POST", f"/uploads/{started.id}/complete")

    assert answer.status_code in {409, 503}
    for inside in (started.row.key, "slipway-worker", "127.0.0.1", "Traceback"):
        assert inside not in answer.content.decode()
    assert SIGNED.findall(caplog.text) == []


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_request_with_line_breaks_in_its_path_writes_no_extra_log_line(
    capfd: pytest.CaptureFixture[str], log_format: str
) -> None:
    # A forged log line misleads readers, and an escape sequence can control their
    # terminal.
    logging.config.dictConfig(logging_config(level="INFO", log_format=log_format))

    Client().get(
        "/%0a2026-01-01 forged%0d%1b[31m%e2%80%a8x?q=%0aforged",
        headers={"X-Request-ID": "a\nforged", "User-Agent": "\nforged"},
    )

    written = capfd.readouterr().err
    lines = written.splitlines()
    assert len(lines) == 2  # the request, and Django's line for 404
    assert not any(line.startswith(("2026-01-01", "forged")) for line in lines)
    assert "\x1b" not in written
    assert "\u2028" not in written


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "short",
        "a" * 65,
        "a b c d e f",
        "../../../../etc",
        "a\x1b[31maaaa",
        "<b>aaaaaa",
    ],
)
def test_malformed_request_id_is_replaced(sent: str) -> None:
    # Each log line and the audit trail contain the request id.
    answer = Client().get("/healthz", headers={"X-Request-ID": sent})

    assert re.fullmatch("[0-9a-f]{32}", answer["X-Request-ID"])


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_csp_report_cannot_forge_a_log_line(
    capfd: pytest.CaptureFixture[str], log_format: str
) -> None:
    # Anybody may send reports, and the site logs each of them.
    evil = "https://a.example/\n2026-01-01 forged\r\x1b[31m\u2028?X-Amz-Signature=abc"
    facts = {"effectiveDirective": "img-src", "documentURL": evil, "blockedURL": evil}
    logging.config.dictConfig(logging_config(level="INFO", log_format=log_format))

    Client(enforce_csrf_checks=True).post(
        "/csp-reports", json.dumps([{"body": facts}]), "application/reports+json"
    )

    written = capfd.readouterr().err
    lines = written.splitlines()
    assert len(lines) == 2  # the report and the request
    assert "img-src" in lines[0]
    assert not any(line.startswith("2026-01-01 forged") for line in lines)
    assert not set(written) & {"\x1b", "\r", "\u2028"}
    assert SIGNED.findall(written) == []
