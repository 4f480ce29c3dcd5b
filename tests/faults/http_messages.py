"""Parse HTTP/1.1 messages for a proxy: find the end of heads and bodies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

MAX_HEAD = 64 * 1024
"""The buffer size of stream readers. A head must fit into the buffer."""

_CHUNK = 64 * 1024
_BODILESS = {204, 304}


@dataclass(frozen=True)
class Head:
    """The first line and the headers of a request or an answer."""

    raw: bytes
    words: tuple[str, ...]
    headers: dict[str, str]

    @property
    def method(self) -> str:
        return self.words[0]

    @property
    def target(self) -> str:
        """Return the path and the query of a request."""
        return self.words[1]

    @property
    def status(self) -> int:
        """Return the status of an answer."""
        return int(self.words[1])

    @property
    def expects_continue(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue"

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"

    def without(self, name: str) -> bytes:
        """Return the bytes of this head without one header."""
        lines = self.raw.split(b"\r\n")
        prefix = f"{name}:".encode()
        return b"\r\n".join(x for x in lines if not x.lower().startswith(prefix))


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Return the next head, or None if the sender has closed the connection."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = raw.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    return Head(raw, tuple(first.split(" ", 2)), headers)


async def request_body(
    reader: asyncio.StreamReader, head: Head
) -> AsyncIterator[bytes]:
    """Yield the bytes of a request's body as they arrive.

    Raises ConnectionResetError if the sender closes the connection before the end.
    """
    async for piece in _framed(reader, head, until_the_end=False):
        yield piece


async def answer_body(
    reader: asyncio.StreamReader, head: Head, *, method: str
) -> AsyncIterator[bytes]:
    """Yield the bytes of an answer's body. ``method`` is the method of the request."""
    if method == "HEAD" or head.status in _BODILESS or head.status < 200:
        return
    async for piece in _framed(reader, head, until_the_end=True):
        yield piece


async def _framed(
    reader: asyncio.StreamReader, head: Head, *, until_the_end: bool
) -> AsyncIterator[bytes]:
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        async for piece in _chunked(reader):
            yield piece
    elif "content-length" in head.headers:
        async for piece in _exactly(reader, int(head.headers["content-length"])):
            yield piece
    elif until_the_end:
        while piece := await reader.read(_CHUNK):
            yield piece


async def _exactly(reader: asyncio.StreamReader, count: int) -> AsyncIterator[bytes]:
    while count > 0:
        piece = await reader.read(min(count, _CHUNK))
        if not piece:
            raise ConnectionResetError("The sender closed the connection too early.")
        count -= len(piece)
        yield piece


async def _chunked(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = await reader.readuntil(b"\r\n")
        yield line
        size = int(line.split(b";")[0], 16)
        async for piece in _exactly(reader, size + 2):
            yield piece
        if size == 0:
            return
