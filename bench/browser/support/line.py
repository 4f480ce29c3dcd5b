"""A TCP proxy with the delay and the speed of a distant or slow line.

usage: line.py PORT TARGET_PORT DELAY_MS BYTES_PER_S_PER_CONNECTION BYTES_PER_S_SHARED

The delay applies to each direction. The speeds apply only to bytes from the client.
A speed of 0 means no limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

_PORT, _TARGET = int(sys.argv[1]), int(sys.argv[2])
_DELAY = float(sys.argv[3]) / 1000
_EACH, _SHARED = float(sys.argv[4]), float(sys.argv[5])
# Larger blocks would arrive too unevenly at 1 MB/s. Smaller blocks would need more CPU
# time than one core has for 12 connections.
_BLOCK = 65_536 if _EACH else 16_384
_BUFFER_SECONDS = 0.25
_LATE_SECONDS = 0.05


class Limit:
    """A speed limit for one connection or for several connections together."""

    def __init__(self, bytes_per_second: float) -> None:
        self._speed = bytes_per_second
        self._free_at = 0.0

    async def take(self, count: int) -> None:
        """Wait until the limit permits ``count`` more bytes."""
        if not self._speed:
            return
        now = asyncio.get_running_loop().time()
        # If this process wakes up late, it may catch up on at most _LATE_SECONDS.
        # Otherwise, late wake-ups would make the line slower.
        self._free_at = max(self._free_at, now - _LATE_SECONDS) + count / self._speed
        await asyncio.sleep(max(0.0, self._free_at - now))


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *limits: Limit
) -> None:
    """Copy the bytes of one direction. Each byte is written after the delay."""
    loop = asyncio.get_running_loop()
    blocks = max(2, int(_EACH * (_DELAY + _BUFFER_SECONDS) / _BLOCK)) if limits else 256
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=blocks)

    async def read() -> None:
        while data := await reader.read(_BLOCK):
            for limit in limits:
                await limit.take(len(data))
            await queue.put((loop.time() + _DELAY, data))
        await queue.put((loop.time() + _DELAY, b""))

    async def write() -> None:
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    await asyncio.gather(read(), write())


async def main() -> None:
    """Accept connections until somebody stops the process."""
    shared = Limit(_SHARED)

    async def connect(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await asyncio.sleep(2 * _DELAY)  # opening a connection takes one round trip
            there = await asyncio.open_connection("127.0.0.1", _TARGET)
            await asyncio.gather(
                pump(reader, there[1], Limit(_EACH), shared), pump(there[0], writer)
            )
            there[1].close()
        except OSError:
            pass
        finally:
            writer.close()

    listening = socket.create_server(("127.0.0.1", _PORT), backlog=100)
    # Connections inherit these two settings. Without them, the buffers of a connection
    # on the same machine take up to 36 MB. So the browser would report a whole file as
    # sent, long before the file has passed the line. With them, the buffers take less
    # than 1 MB, as on a real line.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
    server = await asyncio.start_server(connect, sock=listening, limit=_BLOCK)
    async with server:
        await server.serve_forever()


asyncio.run(main())
