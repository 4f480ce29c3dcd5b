"""Sends HTTP requests to S3 as a browser would, for tests of the storage.

It does not use boto3, follows no redirects and never retries.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.filepost import encode_multipart_formdata
from urllib3.util import Timeout

from uploads.s3.descriptions import USER_AGENT
from uploads.s3.failures import code_in
from uploads.text.hosts import DEFAULT_PORTS

CONNECT_SECONDS = 4.0
READ_SECONDS = 8.0
ANNOUNCE_SECONDS = 3.0
MAX_BODY = 1024 * 1024

_MESSAGE = re.compile(rb"<Message>([^<]{1,600}+)</Message>")


@dataclass(frozen=True)
class Answer:
    """Contains one HTTP answer.

    The names in ``headers`` are lower case. A name can occur several times.
    """

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return all values of a header, joined with commas as browsers do."""
        return ", ".join(self.header_list(name))

    def header_list(self, name: str) -> list[str]:
        """Return all values of a header as a list, in their order."""
        return [value for known, value in self.headers if known == name.lower()]

    @property
    def code(self) -> str:
        """Return S3's error code, or an empty text if the body has none."""
        return code_in(self.body)

    @property
    def message(self) -> str:
        """Return S3's error message, or the first line of the body if there is none."""
        found = _MESSAGE.search(self.body)
        text = found[1] if found else (self.body.strip().splitlines() or [b""])[0]
        return text.decode("utf-8", "replace").strip()[:200]

    def __str__(self) -> str:
        words = [
            str(self.status),
            self.code,
            self.message if self.status >= 300 else "",
        ]
        return " ".join(word for word in words if word)


class NoAnswer(Exception):  # noqa: N818  as in errors.py
    """The server sent no HTTP answer.

    ``kind`` is the cause: dns, tls, timeout, refused or broken.
    """

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(f"{kind}: {detail}")


@cache
def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        if bundle := os.environ.get(name):
            context.load_verify_locations(bundle)
            break
    return context


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(
        num_pools=4, maxsize=4, retries=False, ssl_context=_context()
    )


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = READ_SECONDS,
) -> Answer:
    """Send one request and return the answer, with any status. Raises NoAnswer."""
    try:
        answer = _pool().request(
            method,
            url,
            headers={"User-Agent": f"{USER_AGENT} doctor", **(headers or {})},
            body=body,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=Timeout(connect=CONNECT_SECONDS, read=timeout),
        )
        try:
            content = answer.read(MAX_BODY)
        finally:
            # After a complete read, urllib3 has put the connection back into the pool.
            # Otherwise this call closes the connection.
            answer.close()
    except HTTPError as error:
        raise _no_answer(error) from error
    except (OSError, ValueError) as error:
        raise NoAnswer("broken", str(error)) from error
    names = [(name.lower(), value) for name, value in answer.headers.items()]
    return Answer(answer.status, names, content)


def _no_answer(error: HTTPError) -> NoAnswer:
    # The order matters, because some classes are subclasses of later classes.
    kinds: Sequence[tuple[type[Exception], str]] = (
        (NameResolutionError, "dns"),
        (SSLError, "tls"),
        (NewConnectionError, "refused"),
        (ConnectTimeoutError, "timeout"),
        (ReadTimeoutError, "timeout"),
    )
    kind = next((name for cls, name in kinds if isinstance(error, cls)), "broken")
    return NoAnswer(kind, str(error))


def send_form(
    url: str,
    fields: Mapping[str, str],
    body: bytes,
    filename: str = "probe.bin",
    content_type: str = "application/octet-stream",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send a form with its fields first and its file last. Raises NoAnswer."""
    parts: list[Any] = [*fields.items(), ("file", (filename, body, content_type))]
    content, kind = encode_multipart_formdata(parts)
    sent = {"Content-Type": kind, **(headers or {})}
    return send("POST", url, headers=sent, body=content)


def announce(url: str, headers: Mapping[str, str], length: int) -> int:
    """Send only the headers of a PUT of ``length`` bytes, and return the status.

    The status 100 means that the server would accept the body. A proxy whose limit is
    below ``length`` answers with an error, because it reads the length in the headers.
    Returns 0 if no answer arrives within ANNOUNCE_SECONDS. Raises NoAnswer if the
    connection fails.
    """
    parts = urlsplit(url)
    lines = {
        **headers,
        "Host": parts.netloc,
        "Content-Length": str(length),
        "Expect": "100-continue",
        "Connection": "close",
    }
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in lines.items()
    )
    try:
        with _connected(parts.scheme, parts.hostname or "", parts.port) as connection:
            connection.sendall(f"{head}\r\n".encode())
            line = connection.recv(64)
    except TimeoutError:
        return 0
    except OSError as error:
        raise NoAnswer("broken", str(error)) from error
    words = line.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


@contextmanager
def _connected(scheme: str, host: str, port: int | None) -> Iterator[socket.socket]:
    address = (host, port or DEFAULT_PORTS[scheme])
    plain = socket.create_connection(address, timeout=ANNOUNCE_SECONDS)
    with plain:
        if scheme == "http":
            yield plain
            return
        with _context().wrap_socket(plain, server_hostname=host) as encrypted:
            yield encrypted
