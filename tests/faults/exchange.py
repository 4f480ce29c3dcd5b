"""One request that passes a proxy, and the connection to its client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass

from tests.faults.faults import Action
from tests.faults.http_messages import Head

_RESET = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class Exchange:
    """A request through the proxy, with the progress of its body and answer."""

    method: str
    target: str
    action: Action | None = None
    body_bytes: int = 0
    status: int | None = None
    """The status of the server's answer, even if the proxy has dropped the answer."""
    ended: bool = False


@dataclass(frozen=True)
class ClientConnection:
    """The client's side of a connection through the proxy."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send_continue(self, head: Head) -> None:
        """Answer `100 Continue` if the client has asked for it before its body."""
        if head.expects_continue:
            await self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def write(self, answer: bytes) -> None:
        """Send bytes to the client, and wait until most of them are sent."""
        self.writer.write(answer)
        await self.writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection without sending buffered bytes, as a crash does."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
