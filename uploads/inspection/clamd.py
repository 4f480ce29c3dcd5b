"""clamd's protocol, as far as it takes to have a stream scanned.

Source: clamd(8), COMMANDS, with the ``z`` prefix: commands and answers end in NUL.
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
    """clamd gave no verdict; the text says why."""


class Clamd:
    """A clamd at ``tcp://host:port`` or ``unix:///path``; every call connects anew.

    ``timeout`` is the longest wait, in seconds, for any single step. Raises
    ValueError for another kind of address.
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
                f"{url!r} is no address of clamd: tcp://host:port or unix:///path."
            )
        self._timeout = timeout

    def ping(self) -> None:
        """Return if clamd answers. Raises ClamdError."""
        with self._connected() as connection:
            connection.sendall(b"zPING\0")
            if _answer(connection) != "PONG":
                raise ClamdError("clamd answers as no clamd does")

    def scan(self, chunks: Iterable[bytes], *, patience: float = 0) -> str:
        """Return the name of what was found in the stream, ``""`` for nothing.

        ``patience`` seconds more than the time-out are allowed for the verdict.
        Raises ClamdError, and whatever ``chunks`` raises.
        """
        with self._connected() as connection:
            try:
                connection.sendall(b"zINSTREAM\0")
                for chunk in filter(None, chunks):
                    connection.sendall(LENGTH.pack(len(chunk)))
                    connection.sendall(chunk)
                connection.sendall(LENGTH.pack(0))
            except (BrokenPipeError, ConnectionResetError) as error:
                # It hangs up on what is too long, and says so if we are in time.
                with suppress(OSError):
                    return _verdict(_answer(connection))
                raise ClamdError("clamd hung up in the middle of a file") from error
            connection.settimeout(self._timeout + patience)
            return _verdict(_answer(connection))

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        """Connect, and let every failure of the socket be a ClamdError."""
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
                raise ClamdError(f"clamd was lost ({_why(error)})") from error

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
    """Return one answer, without the NUL that says that it is whole."""
    answer = b""
    while not answer.endswith(b"\0"):
        piece = connection.recv(MAX_ANSWER)
        if not piece or len(answer) > MAX_ANSWER:
            raise ClamdError("clamd broke off its answer")
        answer += piece
    return answer[:-1].decode("utf-8", "replace")


def _verdict(answer: str) -> str:
    match = VERDICT.fullmatch(answer)
    if match is None:
        if "size limit exceeded" in answer:
            raise ClamdError("clamd's StreamMaxLength is less than CLAMD_MAX_BYTES")
        raise ClamdError(f"clamd gave no verdict but {answer[:80]!r}")
    return match["found"] or ""


def _why(error: OSError) -> str:
    # Not its own text: that holds the address.
    return os.strerror(error.errno) if error.errno else type(error).__name__
