"""An HTTP proxy for S3 that behaves like a badly configured proxy."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Request:
    """A request. The proxy may change all its fields."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Reply:
    """An answer. The proxy may change all its fields."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


TOO_LARGE = Reply(413, [("Content-Type", "text/html")], b"too large")


def unchanged_request(request: Request) -> Reply | None:
    """Forward the request unchanged."""
    return None


def unchanged_reply(request: Request, reply: Reply) -> Reply:
    """Forward the answer unchanged."""
    return reply


class Proxy:
    """A proxy on the loopback address.

    ``before`` may return an answer instead of S3's.
    """

    def __init__(
        self,
        target_port: int,
        *,
        before: Callable[[Request], Reply | None] = unchanged_request,
        after: Callable[[Request, Reply], Reply] = unchanged_reply,
        max_body: int | None = None,
    ) -> None:
        self.target_port = target_port
        self.before = before
        self.after = after
        self.max_body = max_body
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy.pass_on(self)

            do_GET = do_PUT = do_POST = do_HEAD = handle_any  # noqa: N815
            do_DELETE = do_OPTIONS = handle_any  # noqa: N815

            def handle_expect_100(self) -> bool:
                length = int(self.headers.get("Content-Length") or 0)
                if proxy.max_body is not None and length > proxy.max_body:
                    proxy.reply(self, TOO_LARGE)
                    return False
                return super().handle_expect_100()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> Proxy:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        """Forward one request and its answer."""
        length = int(handler.headers.get("Content-Length") or 0)
        if self.max_body is not None and length > self.max_body:
            handler.close_connection = True
            self.reply(handler, TOO_LARGE)
            return
        body = handler.rfile.read(length) if length else b""
        headers = list(handler.headers.items())
        request = Request(handler.command, handler.path, headers, body)
        reply = self.before(request) or self._ask(request)
        self.reply(handler, self.after(request, reply))

    def _ask(self, request: Request) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.target_port)
        try:
            connection.putrequest(
                request.method, request.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers:
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            if request.body or request.method in {"PUT", "POST"}:
                connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body or None)
            answer = connection.getresponse()
            return Reply(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def reply(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        """Send an answer to the client."""
        handler.send_response_only(reply.status)
        for name, value in reply.headers:
            if name.lower() not in HOP_BY_HOP:
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(reply.body)


def replaced(
    headers: list[tuple[str, str]], name: str, value: str | None
) -> list[tuple[str, str]]:
    """Return headers with one header replaced or removed."""
    kept = [(n, v) for n, v in headers if n.lower() != name.lower()]
    return kept if value is None else [*kept, (name, value)]


def s3_error(status: int, code: str, message: str = "", extra: str = "") -> Reply:
    """Return an error answer in S3's format."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code>'
        f"<Message>{message}</Message>{extra}</Error>"
    )
    return Reply(status, [("Content-Type", "application/xml")], body.encode())
