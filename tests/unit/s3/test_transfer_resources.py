"""Parallel requests leave no sockets or handles behind, also after errors and forks."""

from __future__ import annotations

import gc
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.raw_server import RawServer, reply, tls_context
from tests.unit.s3.test_transfer_tls import home
from tests.unit.s3.test_transfers import (
    _close_senders,
    body_of,
    bucket_at,
    get,
    one_outcome,
    serve,
)
from uploads.s3 import transfers
from uploads.s3.transfer_options import curl
from uploads.s3.transfers import LANES

__all__ = ["_close_senders", "home", "serve"]  # fixtures


def open_sockets() -> int:
    count = 0
    for path in Path("/proc/self/fd").iterdir():
        try:
            count += str(path.readlink()).startswith("socket:")
        except FileNotFoundError:
            continue
    return count


def handles() -> int:
    gc.collect()
    kinds = (curl().Curl, curl().CurlMulti)
    return sum(type(one) in kinds for one in gc.get_objects())


def some_fail(wire: socket.socket, head: bytes) -> bool | None:
    if b"/lost" in head:
        return False
    status = "404 Not Found" if b"/missing" in head else "200 OK"
    wire.sendall(reply(b"0123", status))
    return None


def test_thousand_calls_leave_no_sockets_and_handles(
    serve: Callable[..., RawServer],
) -> None:
    bucket = bucket_at(serve(some_fail).url)
    reads = [get(key=key)[0] for key in ("a", "missing", "lost", "b")]
    bucket.requests.send_many(reads * 4)
    before = handles()

    for _ in range(1000):
        bucket.requests.send_many(reads)

    assert handles() == before
    # The server is in this process too. It may not have closed its last sockets yet.
    wait_until(lambda: open_sockets() <= 3 * LANES + 8)


def wait_until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("method", ["_start", "_step", "_finished"])
def test_exception_during_a_call_closes_its_connections(
    serve: Callable[..., RawServer],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    error: type[BaseException],
) -> None:
    bucket = bucket_at(serve(reply()).url)
    assert body_of(one_outcome(bucket)) == b"0123"
    transfers._idle.clear()
    before = handles()
    act, calls = getattr(transfers._Sender, method), []

    def fail(*arguments: object) -> object:
        calls.append(method)
        if len(calls) == 5:
            raise error
        return act(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(transfers._Sender, method, fail)
        with pytest.raises(error):
            bucket.requests.send_many(get(50))

    assert len(calls) == 5
    assert handles() == before
    assert not any(transfers._idle.values())
    assert body_of(one_outcome(bucket)) == b"0123"


def test_error_of_libcurl_is_no_answer(
    serve: Callable[..., RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = bucket_at(serve(reply()).url)

    def fail(*_: object) -> None:
        raise curl().error(1, "out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(transfers._Sender, "_start", fail)
        assert bucket.requests.send_many(get(3)) == [None] * 3

    assert not any(transfers._idle.values())
    assert body_of(one_outcome(bucket)) == b"0123"


@pytest.fixture
def many_open_files() -> Iterator[None]:
    """Open over 1,024 files, so that sockets get numbers that select refuses."""
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    if old[0] < 2000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2000, old[1]))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    yield
    for file in files:
        os.close(file)
    resource.setrlimit(resource.RLIMIT_NOFILE, old)


@pytest.mark.usefixtures("many_open_files")
def test_process_with_many_open_files_gets_answers(
    serve: Callable[..., RawServer],
) -> None:
    outcomes = bucket_at(serve(reply()).url).requests.send_many(get(30))

    assert [body_of(one) for one in outcomes] == [b"0123"] * 30


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_forked_process_uses_its_own_connections(
    serve: Callable[..., RawServer], home: Path, is_encrypted: bool
) -> None:
    server = serve(reply(), tls_context(home) if is_encrypted else None)
    bucket = bucket_at(server.url, verify=str(home / "certificate.pem"))
    assert body_of(one_outcome(bucket)) == b"0123"
    assert server.connections == 1

    child = os.fork()
    if child == 0:
        # The child must not return to pytest.
        try:
            answers = [body_of(one_outcome(bucket)) for _ in range(3)]
            del bucket
            gc.collect()
            os._exit(0 if answers == [b"0123"] * 3 else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert server.connections == 2
    # The connection of the parent process still works.
    assert body_of(one_outcome(bucket)) == b"0123"
    assert server.connections == 2


def test_connection_that_the_server_has_closed_is_replaced(
    serve: Callable[..., RawServer],
) -> None:
    server = serve(reply())
    bucket = bucket_at(server.url)

    for _ in range(5):
        outcomes = bucket.requests.send_many(get(20))
        assert [body_of(one) for one in outcomes] == [b"0123"] * 20
        server.close_connections()
