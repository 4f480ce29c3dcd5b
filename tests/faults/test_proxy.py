"""Tests of the proxy.

Without them, a fault that is never injected would go unnoticed.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from tests.faults.faults import (
    SLOW_DOWN,
    Answer,
    CutAnswer,
    CutRequest,
    Delay,
    DropAnswer,
    HoldAnswer,
    Stall,
    Trickle,
)
from tests.faults.parts import wait_until, wait_until_idle
from tests.faults.proxy import FaultProxy
from uploads.dev.ports import HOST

BODY = bytes(range(256)) * 1024


class Echo(BaseHTTPRequestHandler):
    """Answers with the received body."""

    protocol_version = "HTTP/1.1"
    received: list[tuple[str, str, int]] = []
    may_answer = threading.Event()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/slow":
            self.may_answer.wait(60)
        self.received.append((self.path, self.headers["Host"], len(body)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "12345")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Suppress the log."""


@pytest.fixture(autouse=True)
def _end_faults_and_audit() -> None:
    """Replace the conftest's fixture, because these tests need no site and no audit."""


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    Echo.received = []
    Echo.may_answer.clear()
    server = ThreadingHTTPServer((HOST, 0), Echo)
    # The server checks for its shutdown every 0.02 s.
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    proxy = FaultProxy(server.server_port, seed=7).start()
    yield proxy
    proxy.stop()
    server.shutdown()
    server.server_close()


@pytest.fixture
def pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(retries=False)


def put(
    pool: urllib3.PoolManager, proxy: FaultProxy, path: str = "/a"
) -> urllib3.BaseHTTPResponse:
    headers = {"Origin": "http://page"}
    return pool.request("PUT", proxy.url + path, body=BODY, headers=headers, timeout=60)


def test_proxy_without_faults_forwards_requests_unchanged(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    for _ in range(3):
        assert put(pool, proxy).data == BODY
    assert pool.request("HEAD", proxy.url).headers["Content-Length"] == "12345"
    assert put(pool, proxy).data == BODY

    assert Echo.received == [("/a", f"{HOST}:{proxy.port}", len(BODY))] * 4
    assert [x.body_bytes for x in proxy.exchanges] == [len(BODY)] * 3 + [0, len(BODY)]
    assert all(x.status == 200 for x in proxy.exchanges)
    # The client gets its answer shortly before the proxy ends the exchange.
    wait_until_idle(proxy)


def test_fault_hits_only_matching_requests_a_limited_number_of_times(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    fault = proxy.inject(SLOW_DOWN, method="PUT", target=r"/hit\?", times=2)

    statuses = [put(pool, proxy, path).status for path in ("/hit?a", "/miss", "/hit?b")]
    statuses += [put(pool, proxy, "/hit?c").status]

    assert statuses == [503, 200, 503, 200]
    assert fault.hit_count == 2
    assert len(Echo.received) == 2


def test_answer_of_the_proxy_is_an_s3_error_with_cors_headers(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    proxy.inject(Answer(503, "SlowDown", retry_after=2))

    answer = put(pool, proxy)

    assert answer.status == 503
    assert b"<Code>SlowDown</Code>" in answer.data
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["Access-Control-Allow-Origin"] == "http://page"


def test_same_seed_hits_the_same_requests(proxy: FaultProxy) -> None:
    def pattern() -> list[int]:
        twin = FaultProxy(proxy.server_port, seed=11).start()
        twin.inject(SLOW_DOWN, probability=0.5)
        pool = urllib3.PoolManager(retries=False)
        statuses = [put(pool, twin).status for _ in range(12)]
        twin.stop()
        return statuses

    first = pattern()

    assert set(first) == {200, 503}
    assert pattern() == first


def test_dropped_answer_belongs_to_an_executed_request(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    proxy.inject(DropAnswer(), times=1)

    with pytest.raises(urllib3.exceptions.ProtocolError):
        put(pool, proxy)

    assert len(Echo.received) == 1
    assert proxy.exchanges[0].status == 200


def test_cut_request_arrives_incomplete(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    proxy.inject(CutRequest(after_bytes=100_000), times=1)

    with pytest.raises(urllib3.exceptions.ProtocolError):
        put(pool, proxy)

    assert 100_000 <= proxy.exchanges[0].body_bytes < len(BODY)
    assert put(pool, proxy).data == BODY


def test_cut_request_ends_after_the_server_has_finished(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    proxy.inject(CutRequest(after_bytes=len(BODY)), times=1)

    with pytest.raises(urllib3.exceptions.ProtocolError):
        put(pool, proxy, "/slow")
    assert Echo.received == []
    assert not proxy.exchanges[0].ended
    Echo.may_answer.set()
    wait_until_idle(proxy)

    assert [path for path, _, _ in Echo.received] == ["/slow"]
    assert proxy.exchanges[0].status is None


def test_cut_answer_breaks_off_in_the_middle(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    proxy.inject(CutAnswer(after_bytes=1000), times=1)

    with pytest.raises(urllib3.exceptions.ProtocolError):
        put(pool, proxy)

    assert len(Echo.received) == 1


def test_stalled_request_gets_no_answer(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    proxy.inject(Stall(after_bytes=50_000), times=1)
    with socket.create_connection((HOST, proxy.port)) as line:
        line.sendall(
            b"PUT /a HTTP/1.1\r\nContent-Length: 99000\r\n\r\n" + bytes(99_000)
        )
        wait_until(lambda: any(x.body_bytes >= 50_000 for x in proxy.exchanges))

        assert put(pool, proxy).data == BODY

        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.recv(1)
        assert not proxy.exchanges[0].ended
    assert len(Echo.received) == 1


def test_held_answer_arrives_after_its_release(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    hold = HoldAnswer()
    proxy.inject(hold, times=1)
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(put(pool, proxy).data))

    thread.start()
    hold.wait_until_arrived()
    assert len(Echo.received) == 1
    assert answers == []
    hold.released.set()
    thread.join()

    assert answers == [BODY]


@pytest.mark.parametrize(
    ("action", "seconds"),
    [(Delay(0.3), 0.3), (Trickle(bytes_per_second=512 * 1024), 0.5)],
)
def test_speed_limit_slows_a_body_down(
    proxy: FaultProxy, pool: urllib3.PoolManager, action: Delay, seconds: float
) -> None:
    proxy.inject(action)
    began = time.monotonic()

    assert put(pool, proxy).data == BODY

    assert time.monotonic() - began >= seconds


def test_speed_limit_applies_to_all_bodies_together(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    proxy.bytes_per_second = 1024 * 1024
    began = time.monotonic()
    threads = [threading.Thread(target=put, args=(pool, proxy)) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert time.monotonic() - began >= 0.45
    assert len(Echo.received) == 2


def test_proxy_pauses_after_the_given_bytes_until_faults_end(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    proxy.pause_after(200_000)
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(put(pool, proxy).data))

    thread.start()
    proxy.wait_until_paused()
    assert 200_000 - 64 * 1024 <= proxy.exchanges[0].body_bytes <= 200_000
    assert (answers, Echo.received) == ([], [])
    proxy.end_faults()
    thread.join()

    assert answers == [BODY]


def test_stopped_server_breaks_the_clients_connection(
    proxy: FaultProxy, pool: urllib3.PoolManager
) -> None:
    proxy.server_port = 1

    with pytest.raises(urllib3.exceptions.ProtocolError):
        put(pool, proxy)
