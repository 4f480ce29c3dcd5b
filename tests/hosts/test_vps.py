"""Follow the tutorial for a server with systemd literally."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from email import message_from_string

import pytest
from playwright.sync_api import Page, expect

from tests.browser.upload_page import UploadPage
from tests.hosts.machine import ADMIN_EMAIL, SITE, STORE, Machine
from tests.hosts.pages import as_script, blocks
from tests.hosts.sandbox import SandboxError

URL = f"https://{SITE}"
TIMEOUT_MS = 120_000


@pytest.fixture
def page(page: Page) -> Page:
    page.set_default_timeout(TIMEOUT_MS)
    # Playwright can answer the dialog of a file input, but not the browser's file
    # picker.
    page.add_init_script("delete window.showOpenFilePicker")
    return page


def test_check_deploy_reports_no_issue(machine: Machine) -> None:
    output = machine.output_of("check --deploy").strip()

    assert output == "System check identified no issues (0 silenced)."


def test_page_sets_up_the_whole_bucket(machine: Machine) -> None:
    lines = machine.output_of("setup_bucket --apply").splitlines()

    outcomes = [line.split()[0] for line in lines if line.strip()]
    assert "changed" in outcomes or "same" in outcomes
    assert "failed" not in outcomes


def test_doctor_reports_no_problem(machine: Machine) -> None:
    # A real machine trusts the certificates of Let's Encrypt. This machine must be told
    # to trust the authority of the test.
    trusted = {"SSL_CERT_FILE": "/etc/letsencrypt/stand-in-ca.pem"}
    output = machine.sandbox.run(  # this raises after a WARN or FAIL
        "slipway-manage",
        "doctor",
        environment={**machine.sandbox.environment(), **trusted},
    )

    assert "OK   The worker identity has only the permissions that it needs" in output
    assert "OK   The site answers at https://files.example.com" in output


def test_systemd_accepts_the_installed_units(machine: Machine) -> None:
    if shutil.which("systemd-analyze") is None:
        return  # without systemd, the page's commands have already used the units

    output = machine.sandbox.shell(
        "systemd-analyze verify /etc/systemd/system/slipway-* /etc/systemd/system/seaweedfs*"
    )

    assert output == ""


def test_first_upload_arrives_through_tls(machine: Machine, page: Page) -> None:
    password = re.findall(
        r"with the password (\S+)", machine.output_of("createsuperuser")
    )[0]
    hosts = set()
    page.on("request", lambda request: hosts.add((request.method, request.url)))
    page.goto(f"{URL}/accounts/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()

    upload_page = UploadPage(page, URL)
    upload_page.wait_for_list()
    upload_page.upload(
        {"name": "first.txt", "mimeType": "text/plain", "buffer": b"First." * 1000}
    )
    expect(upload_page.row("first.txt")).to_be_visible()

    sent = [url for method, url in hosts if method == "PUT"]
    assert len(sent) == 1
    assert sent[0].startswith(f"https://{STORE}/slipway/uploads/")
    rows = machine.manage(
        "shell",
        "--no-imports",
        "-c",
        "from uploads.models import Upload\n"
        "for row in Upload.objects.all(): print(row.filename, row.byte_size, row.state)",
    )
    assert rows.split() == ["first.txt", "6000", "ready"]
    machine.manage("audit")  # this raises if bucket and rows differ


def test_certificate_is_valid_for_both_hosts(machine: Machine) -> None:
    status, headers = get(machine, SITE, "/healthz")
    assert status == 200
    assert headers["Strict-Transport-Security"]
    assert get(machine, STORE, "/")[0] == 403


def test_http_is_redirected_to_https(machine: Machine) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=60)
    connection.request("GET", "/a?b=c", headers={"Host": SITE})
    response = connection.getresponse()
    connection.close()

    assert response.status == 301
    assert response.headers["Location"] == f"{URL}/a?b=c"


def test_password_reset_link_arrives_by_mail(machine: Machine, page: Page) -> None:
    machine.mail_server.mails.clear()
    page.goto(f"{URL}/accounts/login/")
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("Email").fill(ADMIN_EMAIL)
    page.get_by_role("button", name="Send link").click()
    page.get_by_role("heading", name="Check your email").wait_for()

    [mail] = machine.mail_server.mails
    message = message_from_string(mail)
    assert message["To"] == ADMIN_EMAIL
    assert message["From"] == f"slipway@{SITE}"
    links = re.findall(r"https?://\S+", str(message.get_payload()))
    assert links
    assert all(link.startswith(f"{URL}/accounts/reset/") for link in links)


def test_site_sees_the_clients_address(machine: Machine) -> None:
    sent = {"X-Forwarded-For": "203.0.113.7"}
    assert get(machine, SITE, "/nothing-here", sent)[0] == 404

    log = machine.sandbox.read("/var/log/stand-ins/slipway-web.service.log")
    lines = [json.loads(line) for line in log.splitlines() if "/nothing-here" in line]

    assert {line["address"] for line in lines if line["event"] == "request"} == {
        "127.0.0.1"
    }


def test_site_cannot_change_its_code(machine: Machine) -> None:
    process = machine.sandbox.read("/run/stand-ins/slipway-web.service.pid")
    for path in ("/srv/slipway/config/settings.py", "/etc/slipway/slipway.env"):
        with pytest.raises(SandboxError, match="Read-only file system"):
            machine.sandbox.run(
                *("nsenter", "--target", process, "--mount", "--root", "touch", path)
            )
    status = machine.sandbox.read(f"/proc/{process}/status")
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
    assert not re.search(r"^Uid:\s+0\b", status, re.MULTILINE)


def test_only_the_services_can_read_the_secrets(machine: Machine) -> None:
    for path in ("/etc/slipway/slipway.env", "/etc/seaweedfs/identities.json"):
        with pytest.raises(SandboxError, match="Permission denied"):
            machine.sandbox.run("runuser", "-u", "nobody", "--", "cat", path)


def test_no_request_fails_during_an_upgrade(machine: Machine) -> None:
    done = threading.Event()
    answers: list[int | str] = []

    def visit() -> None:
        while not done.wait(0.05):
            try:
                answers.append(get(machine, SITE, "/accounts/login/")[0])
            except OSError as error:
                answers.append(repr(error))

    visitor = threading.Thread(target=visit)
    visitor.start()
    parts = [block for block in blocks("vps.md") if block.heading == "Upgrade"]
    assert len(parts) == 1
    try:
        machine.sandbox.write("/root/upgrade.sh", as_script(parts, "/root/upgrade"))
        machine.sandbox.run("bash", "/root/upgrade.sh")
        wanted = len(answers) + 20
        while len(answers) < wanted and visitor.is_alive():
            time.sleep(0.05)
    finally:
        done.set()
        visitor.join()

    assert set(answers) == {200}


class _LocalConnection(http.client.HTTPSConnection):
    """A connection to this machine for any host name."""

    def __init__(self, host: str, context: ssl.SSLContext) -> None:
        super().__init__(host, timeout=60)
        self._checked = context

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", 443), self.timeout)
        self.sock = self._checked.wrap_socket(plain, server_hostname=self.host)


def get(
    machine: Machine, host: str, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage]:
    """Send a request through nginx. Raises OSError also for a wrong certificate."""
    authority = machine.sandbox.read("/etc/letsencrypt/stand-in-ca.pem")
    connection = _LocalConnection(host, ssl.create_default_context(cadata=authority))
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        response.read()
        return response.status, response.headers
    finally:
        connection.close()
