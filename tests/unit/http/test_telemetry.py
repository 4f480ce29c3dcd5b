"""With Sentry and OpenTelemetry, errors and traces are sent without secrets."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from uploads.http.scrubbing import scrub_event, scrubbed

ROOT = Path(__file__).resolve().parents[3]
SIGNED = (
    "https://bucket.s3.amazonaws.com/uploads/ab/key?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIDNEEDLE&X-Amz-Signature=deadbeefneedle"
)
SECRETS = (
    *("needle", "NEEDLE", "X-Amz-Signature", "AKID"),
    *(
        "tok_in_header",
        "cookie_value",
        "reset-key-value",
        "in_the_query",
        "in_the_body",
    ),
)
ERROR = f"""
import django
django.setup()
from unittest import mock
from django.test import Client
from uploads.views import health
client = Client(raise_request_exception=False)
client.cookies["sessionid"] = "cookie_value"
fault = RuntimeError("{SIGNED} token=needle fields: {{'x-amz-signature': 'needle'}}")
with mock.patch.object(health.database, "answers", side_effect=fault):
    answer = client.get(
        "/readyz?in_the_query=1", headers={{"Authorization": "Bearer tok_in_header"}}
    )
assert answer.status_code == 500
client.get("/accounts/reset/key/1-reset-key-value/")
client.post("/accounts/login/", {{"password": "in_the_body"}})
from uploads.metrics.counting import count_s3_call
count_s3_call("HeadObject", "ok", 0.01)
import sentry_sdk
sentry_sdk.flush(10)
from uploads.metrics import tracing
tracing._tracer.span_processor.force_flush(10_000)
"""


class TelemetryServer(ThreadingHTTPServer):
    """A server that stores every received body by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[tuple[str, bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: TelemetryServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding == "deflate":
            body = zlib.decompress(body)
        elif encoding == "br":
            body = brotli.decompress(body)
        self.server.bodies.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Suppress the log."""


@pytest.fixture
def telemetry_server() -> Iterator[TelemetryServer]:
    server = TelemetryServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def run(code: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATA_DIR": str(home),
            "ALLOWED_HOSTS": "testserver",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_sent_errors_and_traces_contain_no_secret(
    telemetry_server: TelemetryServer, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{telemetry_server.server_port}"
    setup = run(
        "import django; django.setup();"
        "from django.core.management import call_command;"
        "call_command('migrate', verbosity=0)",
        tmp_path,
    )
    assert setup.returncode == 0, setup.stderr
    done = run(
        ERROR,
        tmp_path,
        SENTRY_DSN=url.replace("//", "//public@") + "/1",
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
    )
    assert done.returncode == 0, done.stderr

    envelopes = [body for path, body in telemetry_server.bodies if "/envelope" in path]
    errors = [body for body in envelopes if b'"exception"' in body]
    assert len(errors) == 1, envelopes
    assert b"RuntimeError" in errors[0]
    assert b"https://bucket.s3.amazonaws.com/uploads/ab/key?..." in errors[0]
    spans = [
        span
        for path, body in telemetry_server.bodies
        if path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    names = [span.name for span in spans]
    assert names.count("GET readyz") == 1
    assert "S3 HeadObject" in names
    for _, body in telemetry_server.bodies:
        assert [word for word in SECRETS if word.encode() in body] == []


@pytest.mark.parametrize("name", ["SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_start_fails_if_the_sdk_is_missing_and_names_the_requirements_file(
    name: str, tmp_path: Path
) -> None:
    code = (
        "import sys; sys.modules.update(sentry_sdk=None, opentelemetry=None);"
        "import django; django.setup()"
    )
    done = run(code, tmp_path, **{name: "http://public@127.0.0.1:9/1"})

    assert done.returncode != 0
    assert "pip install -r requirements-telemetry.txt" in done.stderr
    assert name in done.stderr


def test_sdk_is_imported_only_if_it_is_configured(tmp_path: Path) -> None:
    code = (
        "import django, sys; django.setup();"
        "assert not {'sentry_sdk', 'opentelemetry'} & set(sys.modules)"
    )

    assert run(code, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            f"GET {SIGNED} failed",
            "GET https://bucket.s3.amazonaws.com/uploads/ab/key?... failed",
        ),
        ("Authorization: Bearer abc", "Authorization: ..."),
        ("{'x-amz-signature': 'abc'}", "{'x-amz-signature': '...'}"),
        ("/accounts/reset/key/1-abc/", "/accounts/reset/key/.../"),
        ("password=abc&x=1", "password=...&x=1"),
        ("The file is too large.", "The file is too large."),
    ],
)
def test_secrets_are_removed_from_texts(text: str, left: str) -> None:
    assert scrubbed(text) == left


def test_request_of_an_event_has_no_query_body_or_cookie() -> None:
    event = scrub_event(
        {
            "request": {
                "method": "POST",
                "url": "http://site/uploads/?q=needle",
                "query_string": "q=needle",
                "data": {"needle": 1},
                "cookies": {"sessionid": "needle"},
                "headers": {"Authorization": "needle", "Host": "site"},
                "env": {"REMOTE_ADDR": "needle"},
            },
            "user": {"ip_address": "needle"},
            "extra": {"deep": [{"url": SIGNED}]},
        }
    )

    assert "needle" not in str(event)
    assert event["request"]["url"] == "http://site/uploads/"
    assert event["request"]["headers"] == {"Host": "site"}
