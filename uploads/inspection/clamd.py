"""A client for clamd, the daemon of ClamAV, with the commands PING and INSTREAM.

Source: clamd(8), COMMANDS. The ``z`` prefix means that commands and answers end in NUL.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

MAX_ANSWER = 4096
LENGTH = struct.Struct(">I")
VERDICT = re.compile(r"stream: (?:(?P<clean>OK)|(?P<found>.+) FOUND)")


class ClamdError(Exception):
    """clamd gave no verdict. The text of the error is the reason."""


class Clamd:
    """A client of the clamd at ``tcp://host:port`` or ``unix:///path``.

    Each call opens a new connection. ``timeout`` is the maximum duration of a single
    socket operation in seconds. Raises ValueError if ``url`` has another form.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        parts = urlsplit(url)
        self._address: str | tuple[str, int]
        if parts.scheme == "tcp" and parts.hostname and parts.port:
            self._address = (parts.hostname, parts.port)
        elif parts.scheme == "unix" and parts.path and not parts.netloc:
            self._address = parts.path
        else:
            raise ValueError(
                f"{url!r} is not an address of clamd. Use tcp://host:port or "
                "unix:///path."
            )
        self._timeout = timeout

    def ping(self) -> None:
        """Raise ClamdError if clamd does not answer."""
        with self._connected() as connection:
            connection.sendall(b"zPING\0")
            if _answer(connection) != "PONG":
                raise ClamdError("the server at clamd's address is not a clamd")

    def scan(self, chunks: Iterable[bytes], *, patience: float = 0) -> str:
        """Return the name of the malware in the stream, or ``""`` if there is none.

        After the last chunk, the timeout is longer by ``patience`` seconds. Raises
        ClamdError, and every error that ``chunks`` raises.
        """
        with self._connected() as connection:
            try:
                connection.sendall(b"zINSTREAM\0")
                for chunk in filter(None, chunks):
                    connection.sendall(LENGTH.pack(len(chunk)))
                    connection.sendall(chunk)
                connection.sendall(LENGTH.pack(0))
            except (BrokenPipeError, ConnectionResetError) as error:
                # If the stream is too long, clamd sends an error and closes the
                # connection. Read this error, if it has arrived.
                with suppress(OSError):
                    return _verdict(_answer(connection))
                raise ClamdError(
                    "clamd closed the connection before the end of the file"
                ) from error
            connection.settimeout(self._timeout + patience)
            return _verdict(_answer(connection))

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        """Open a connection for this context. Raise socket errors as ClamdError."""
        try:
            connection = self._connect()
        except OSError as error:
            raise ClamdError(f"clamd cannot be reached ({_why(error)})") from error
        with connection:
            try:
                yield connection
            except TimeoutError as error:
                raise ClamdError("clamd does not answer in time") from error
            except OSError as error:
                raise ClamdError(
                    f"the connection to clamd broke ({_why(error)})"
                ) from error

    def _connect(self) -> socket.socket:
        if isinstance(self._address, tuple):
            return socket.create_connection(self._address, self._timeout)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(self._timeout)
        try:
            connection.connect(self._address)
        except OSError:
            connection.close()
            raise
        return connection


def _answer(connection: socket.socket) -> str:
    """Return one complete answer without its final NUL."""
    answer = b""
    while not answer.endswith(b"\0"):
        piece = connection.recv(MAX_ANSWER)
        if not piece or len(answer) > MAX_ANSWER:
            raise ClamdError("clamd sent an incomplete answer")
        answer += piece
    return answer[:-1].decode("utf-8", "replace")


def _verdict(answer: str) -> str:
    match = VERDICT.fullmatch(answer)
    if match is None:
        if "size limit exceeded" in answer:
            raise ClamdError("clamd's StreamMaxLength is lower than CLAMD_MAX_BYTES")
        raise ClamdError(f"clamd answered {answer[:80]!r} instead of a verdict")
    return match["found"] or ""


def _why(error: OSError) -> str:
    # Do not use the error's own text, because it may contain the address of clamd.
    return os.strerror(error.errno) if error.errno else type(error).__name__
