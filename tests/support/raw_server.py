"""A server that answers HTTP requests with bytes that a test prepares."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HOST = "127.0.0.1"


class RawServer:
    """Calls ``answer`` for each request, with the connection and the request's head.

    ``answer`` sends the bytes of the answer. If it returns False, the server closes the
    connection, otherwise the client may use the connection for the next request.
    """

    def __init__(
        self,
        answer: Callable[[socket.socket, bytes], bool | None],
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self.connections = 0
        self._context = context
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server((HOST, 0), backlog=64)
        self.port = int(self._listening.getsockname()[1])

    @property
    def url(self) -> str:
        """Return the URL with the address of the server."""
        return f"{'https' if self._context else 'http'}://{HOST}:{self.port}"

    @contextmanager
    def running(self) -> Iterator[RawServer]:
        """Accept connections until the end of the block."""
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        try:
            yield self
        finally:
            self._listening.shutdown(socket.SHUT_RDWR)
            accepting.join()
            self._listening.close()
            self.close_connections()

    def close_connections(self) -> None:
        """Close all open connections."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._open.clear()
        self._threads.clear()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._open.append(connection)
            self.connections += 1
            thread = threading.Thread(
                target=self._serve, args=(connection,), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        # Clients that refuse the certificate or the answer close the connection.
        with plain, suppress(OSError):
            if self._context is None:
                self._answer_all(plain)
                return
            with self._context.wrap_socket(plain, server_side=True) as encrypted:
                self._answer_all(encrypted)

    def _answer_all(self, connection: socket.socket) -> None:
        head = b""
        while True:
            received = connection.recv(65536)
            if not received:
                return
            head += received
            if not head.endswith(b"\r\n\r\n"):
                continue
            self.heads.append(head)
            if self.answer(connection, head) is False:
                return
            head = b""


def tls_context(home: Path) -> ssl.SSLContext:
    """Return a context with the certificate that write_certificate wrote to ``home``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "certificate.pem", home / "key.pem")
    return context


def reply(body: bytes = b"0123", status: str = "200 OK", *headers: str) -> bytes:
    """Return an HTTP answer of an S3 server."""
    lines = [f"HTTP/1.1 {status}", 'ETag: "e"', f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body
