"""The health check of the container asks the site for /healthz."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from config import health
from uploads.dev.ports import HOST, free_ports


class Site(http.server.BaseHTTPRequestHandler):
    """Answers 200 for its own host and 400 for other hosts, as Django does."""

    def do_GET(self) -> None:
        is_own = self.headers["Host"] == "files.example.com"
        self.send_response(200 if is_own and self.path == "/healthz" else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with http.server.HTTPServer((HOST, 0), Site) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        monkeypatch.setenv("PORT", str(server.server_address[1]))
        yield
        server.shutdown()


@pytest.mark.parametrize(
    "hosts", ["files.example.com", ".files.example.com", " files.example.com , other"]
)
def test_health_check_sends_the_first_allowed_host(
    site: None, monkeypatch: pytest.MonkeyPatch, hosts: str
) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", hosts)

    assert health.main() == 0


@pytest.mark.parametrize("hosts", ["", "*"])
def test_health_check_sends_any_host_when_all_are_allowed(
    monkeypatch: pytest.MonkeyPatch, hosts: str
) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", hosts)

    assert health.host() == "localhost"


def test_health_check_fails_for_another_status(
    site: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "other.example.com")

    assert health.main() == 1
    assert "/healthz answered 400" in capsys.readouterr().err


def test_health_check_fails_without_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", str(free_ports(1)[0]))

    assert health.main() == 1
    assert "The site does not answer" in capsys.readouterr().err
