"""A proxy that injects the faults of networks and overloaded servers.

It forwards all bytes unchanged, including the Host header. So a URL that was signed for
the proxy's port is valid at the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Self

from tests.faults.exchange import ClientConnection, Exchange, reset
from tests.faults.faults import (
    Action,
    Answer,
    CutAnswer,
    CutRequest,
    Delay,
    DropAnswer,
    Fault,
    HoldAnswer,
    Stall,
    Trickle,
)
from tests.faults.http_messages import (
    MAX_HEAD,
    Head,
    answer_body,
    read_head,
    request_body,
)
from uploads.dev.ports import HOST

_TICK_SECONDS = 0.02
_TIMEOUT_SECONDS = 120


class _BrokenError(Exception):
    """The connection must be broken, by a fault or because one side has closed it."""


_BROKEN = (_BrokenError, OSError, EOFError, ValueError)


class FaultProxy:
    """A proxy for one server. The proxy runs in its own thread.

    All public methods may be called from any thread. ``seed`` determines the random
    choices. ``bytes_per_second`` limits all bodies together. With
    ``one_body_at_a_time``, the proxy forwards bodies one after another, so that a test
    knows how many are complete. ``pause_after`` stops all bodies after some
    bytes, so that a test can act in the middle of a body.
    """

    def __init__(self, server_port: int, *, seed: int = 0) -> None:
        self.server_port = server_port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.bytes_per_second: int | None = None
        self.one_body_at_a_time = False
        self.paused = threading.Event()
        self.exchanges: list[Exchange] = []
        self._in_progress: set[Exchange] = set()
        self._faults: list[Fault] = []
        self._chance = random.Random(seed)
        self._free_at = 0.0
        self._allowance: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()
        # Keep references to the tasks. asyncio has only weak references, so Python
        # could delete a running task.
        self._tasks: set[asyncio.Task[None] | None] = set()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> Self:
        """Start the thread. Return when the proxy accepts connections."""
        self._thread.start()
        if not self._started.wait(_TIMEOUT_SECONDS):
            raise RuntimeError("The proxy did not start.")
        return self

    def stop(self) -> None:
        """Break every connection, and end the thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_TIMEOUT_SECONDS)
        self._listener.close()

    def catch_up(self) -> None:
        """Wait until the proxy has read all requests that clients have sent so far."""
        assert self._loop is not None, "The proxy was not started."
        asyncio.run_coroutine_threadsafe(_run_event_loop(), self._loop).result(
            _TIMEOUT_SECONDS
        )

    def add(self, fault: Fault) -> Fault:
        """Activate ``fault``. Faults that were added earlier take precedence."""
        self._faults.append(fault)
        return fault

    def inject(
        self,
        action: Action,
        *,
        method: str = "*",
        target: str = "",
        probability: float = 1,
        times: int | None = None,
    ) -> Fault:
        """Apply ``action`` to the requests that match. Return the fault."""
        return self.add(Fault(action, method, target, probability, times))

    def pause_after(self, byte_count: int) -> None:
        """Forward only this number of bytes of bodies until `end_faults` is called."""
        self.paused.clear()
        self._allowance = byte_count

    def wait_until_paused(self) -> None:
        """Wait until the proxy holds a body. Fails after a timeout."""
        assert self.paused.wait(_TIMEOUT_SECONDS), "Clients sent too few bytes in time."

    def end_faults(self) -> None:
        """End all faults. Requests that a ``Stall`` has stopped stay stopped."""
        for fault in self._faults:
            if isinstance(fault.action, HoldAnswer):
                fault.action.released.set()
        self._faults = []
        self.bytes_per_second = None
        self.one_body_at_a_time = False
        self._allowance = None

    def break_connections(self) -> None:
        """Break all open connections, also in the middle of a message."""
        assert self._loop is not None, "The proxy was not started."

        def break_all() -> None:
            for task in self._tasks:
                if task is not None:
                    task.cancel()

        self._loop.call_soon_threadsafe(break_all)

    def clear_exchanges(self) -> None:
        """Clear the list of exchanges."""
        self.exchanges = []

    def is_idle(self) -> bool:
        """Return whether no request is in progress. Stalled requests are ignored."""
        return all(isinstance(x.action, Stall) for x in list(self._in_progress))

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._turn = asyncio.Lock()
        server = await asyncio.start_server(
            self._connected, sock=self._listener, limit=MAX_HEAD
        )
        self._started.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        client = ClientConnection(reader, writer)
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            while (head := await read_head(reader)) is not None:
                if not await self._pass(head, client):
                    break
        except (*_BROKEN, asyncio.CancelledError):
            reset(writer)
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _pass(self, head: Head, client: ClientConnection) -> bool:
        """Forward one request and its answer.

        Return whether the connection stays open.
        """
        action = self._choose(head)
        exchange = Exchange(head.method, head.target, action)
        self.exchanges.append(exchange)
        self._in_progress.add(exchange)
        try:
            if isinstance(action, Delay):
                await asyncio.sleep(action.seconds)
            if isinstance(action, Answer):
                return await self._answer(head, client, action, exchange)
            server, sink = await asyncio.open_connection(
                HOST, self.server_port, limit=MAX_HEAD
            )
            try:
                goes_on = await self._relay(head, client, server, sink, exchange)
            except BaseException as error:
                if isinstance(error, _BROKEN) and exchange.status is None:
                    reset(client.writer)
                    await _wait_until_server_closes(server, sink)
                reset(sink)
                raise
            sink.close()
            return goes_on
        finally:
            exchange.ended = True
            self._in_progress.discard(exchange)

    def _choose(self, head: Head) -> Action | None:
        for fault in list(self._faults):
            if fault.hits(head, self._chance):
                return fault.action
        return None

    async def _relay(
        self,
        head: Head,
        client: ClientConnection,
        server: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        exchange: Exchange,
    ) -> bool:
        await client.send_continue(head)
        if exchange.action == CutRequest(after_bytes=0):
            raise _BrokenError  # do not forward the head, because the server may act on it alone
        sink.write(head.without("expect"))
        body = asyncio.ensure_future(self._send_body(head, client, sink, exchange))
        answer = asyncio.ensure_future(read_head(server))
        try:
            # The server may refuse before it has the body. Then the rest of the body is
            # discarded.
            await asyncio.wait({body, answer}, return_when=asyncio.FIRST_COMPLETED)
            if body.done():
                await body
            answered = await answer
            if answered is None:
                raise _BrokenError
            exchange.status = answered.status
            await body
            return await self._return(head, answered, client, server, exchange)
        finally:
            for task in (body, answer):
                task.cancel()
            await asyncio.gather(body, answer, return_exceptions=True)

    async def _send_body(
        self,
        head: Head,
        client: ClientConnection,
        sink: asyncio.StreamWriter,
        exchange: Exchange,
    ) -> None:
        has_body = head.headers.get("content-length", "0") != "0"
        async with self._one_at_a_time(has_body):
            await self._apply_cut_or_stall(exchange)
            pieces = _split(request_body(client.reader, head), exchange.action)
            async for piece in pieces:
                await self._limit_speed(len(piece), exchange.action)
                # A server that has already answered may have closed the connection.
                with contextlib.suppress(ConnectionError):
                    sink.write(piece)
                    await sink.drain()
                exchange.body_bytes += len(piece)
                await self._apply_cut_or_stall(exchange)

    async def _apply_cut_or_stall(self, exchange: Exchange) -> None:
        """Break or stall the request if enough bytes of its body have passed."""
        match exchange.action:
            case CutRequest(after_bytes) if exchange.body_bytes >= after_bytes:
                raise _BrokenError
            case Stall(after_bytes) if exchange.body_bytes >= after_bytes:
                await self._stop.wait()
                raise _BrokenError

    @contextlib.asynccontextmanager
    async def _one_at_a_time(self, has_body: bool) -> AsyncIterator[None]:
        if not (has_body and self.one_body_at_a_time):
            yield
            return
        async with self._turn:
            yield

    async def _limit_speed(self, count: int, action: Action | None) -> None:
        while self._allowance is not None and self._allowance < count:
            self.paused.set()
            await asyncio.sleep(_TICK_SECONDS)
        if self._allowance is not None:
            self._allowance -= count
        if isinstance(action, Trickle):
            await asyncio.sleep(count / action.bytes_per_second)
        rate = self.bytes_per_second
        if rate:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + count / rate
            await asyncio.sleep(self._free_at - now)

    async def _return(
        self,
        head: Head,
        answered: Head,
        client: ClientConnection,
        server: asyncio.StreamReader,
        exchange: Exchange,
    ) -> bool:
        action = exchange.action
        body = answer_body(server, answered, method=head.method)
        if isinstance(action, DropAnswer | HoldAnswer):
            whole = answered.raw + b"".join([piece async for piece in body])
            if isinstance(action, DropAnswer):
                raise _BrokenError
            action.arrived.set()
            while not action.released.is_set():
                await asyncio.sleep(_TICK_SECONDS)
            await client.write(whole)
            return not answered.closes
        await client.write(answered.raw)
        sent = 0
        async for piece in body:
            if isinstance(action, CutAnswer) and sent + len(piece) > action.after_bytes:
                await client.write(piece[: action.after_bytes - sent])
                raise _BrokenError
            await client.write(piece)
            sent += len(piece)
        return not answered.closes

    async def _answer(
        self, head: Head, client: ClientConnection, action: Answer, exchange: Exchange
    ) -> bool:
        if not action.early:
            await client.send_continue(head)
            async for piece in request_body(client.reader, head):
                await self._limit_speed(len(piece), None)
                exchange.body_bytes += len(piece)
        await client.write(action.to(head))
        return not action.early


async def _wait_until_server_closes(
    server: asyncio.StreamReader, sink: asyncio.StreamWriter
) -> None:
    """Close the connection to the server, and wait until the server has closed it too.

    The server may have received a complete request before the connection broke. It then
    executes the request. Without this wait, a test could see a half-executed request.
    """
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            sink.write_eof()
            while await server.read(MAX_HEAD):
                pass


async def _run_event_loop() -> None:
    # The event loop accepts a connection in one iteration and reads its request in a
    # later iteration.
    for _ in range(10):
        await asyncio.sleep(0)


async def _split(
    pieces: AsyncIterator[bytes], action: Action | None
) -> AsyncIterator[bytes]:
    """Yield the pieces. If the fault counts bytes, divide them into 1 KiB each."""
    counts = isinstance(action, Trickle | CutRequest | Stall)
    async for piece in pieces:
        size = 1024 if counts else len(piece)
        for start in range(0, len(piece), size):
            yield piece[start : start + size]
