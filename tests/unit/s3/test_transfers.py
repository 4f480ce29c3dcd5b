"""libcurl sends parallel requests like boto3, and is at least as strict."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import time_machine
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict

from tests.support.raw_server import RawServer, reply
from uploads.metrics import instruments
from uploads.s3 import transfers
from uploads.s3.bucket import Bucket
from uploads.s3.prefetch import prefetch_objects
from uploads.s3.requesting import Answer, Outcome, Read
from uploads.s3.transfers import LANES

Act = Callable[[socket.socket, bytes], bool | None]
KEY = "uploads/./a/../3f9c 0d~ü"


def bucket_at(url: str, *, verify: Any = None, **options: Any) -> Bucket:
    options = {"connect_timeout": 5, "read_timeout": 5, **options}
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=url,
        verify=verify,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        aws_session_token="token==",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "total_max_attempts": 1},
            **options,
        ),
    )
    return Bucket(client=client, name="b", expected_owner="123456789012")


@pytest.fixture(autouse=True)
def _close_senders() -> Iterator[None]:
    yield
    close_senders()


def close_senders() -> None:
    for idle in transfers._idle.values():
        while idle:
            idle.pop().close()


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
    """Start servers, and stop them after the test."""
    running: list[Any] = []

    def start(act: Act | bytes, context: ssl.SSLContext | None = None) -> RawServer:
        answer: Act = act if callable(act) else lambda wire, _: wire.sendall(act)
        block = RawServer(answer, context).running()
        running.append(block)
        return block.__enter__()

    yield start
    close_senders()
    for block in running:
        block.__exit__(None, None, None)


def get(count: int = 1, key: str = "k", max_bytes: int = 100) -> list[Read]:
    return [Read("GetObject", key, {}, max_bytes)] * count


def one_outcome(bucket: Bucket, **options: Any) -> Outcome:
    [outcome] = bucket.requests.send_many(get(**options))
    return outcome


def body_of(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Answer)
    return outcome.body


def uses_curl(bucket: Bucket) -> bool:
    return bucket.requests._transfer_settings is not None


def test_request_has_the_bytes_that_boto3_would_send(
    serve: Callable[..., RawServer],
) -> None:
    server = serve(reply())
    bucket = bucket_at(server.url)
    reads = [("GetObject", {"range": "bytes=0-9"}), ("HeadObject", {"x-a": "b"})]

    for operation, headers in reads:
        bucket.requests.send(operation, KEY, headers=headers)
        bucket.requests.send_many([Read(operation, KEY, headers)])

        theirs, ours = (lines_of(head) for head in server.heads[-2:])
        assert ours == theirs


def lines_of(head: bytes) -> list[bytes]:
    """Return the request line and the headers, without the time and the signature."""
    line, *rest = head.split(b"\r\n")
    headers = sorted(header.lower() for header in rest)
    changing = (b"x-amz-date:", b"authorization:")
    return [line, *(one for one in headers if not one.startswith(changing))]


def test_requests_share_at_most_eight_connections_over_several_calls(
    serve: Callable[..., RawServer],
) -> None:
    server = serve(reply())
    bucket = bucket_at(server.url)

    for _ in range(5):
        outcomes = bucket.requests.send_many(get(30))
        assert [body_of(one) for one in outcomes] == [b"0123"] * 30
    assert uses_curl(bucket)
    assert len(server.heads) == 150
    assert server.connections <= LANES


def test_at_most_eight_requests_of_a_call_run_at_once(
    serve: Callable[..., RawServer],
) -> None:
    at_once, counts, lock = [0], [0], threading.Lock()

    def act(wire: socket.socket, _: bytes) -> None:
        with lock:
            at_once[0] += 1
            counts.append(at_once[0])
        time.sleep(0.01)
        with lock:
            at_once[0] -= 1
        wire.sendall(reply())

    bucket_at(serve(act).url).requests.send_many(get(40))

    assert 1 < max(counts) <= LANES


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (reply(b""), b""),
        (reply(b"0123", "206 Partial Content"), b"0123"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + reply(), b"0123"),
        (
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"2\r\n01\r\n2\r\n23\r\n0\r\nETag: trailer\r\n\r\n"
            ),
            b"0123",
        ),
        (reply(b"\x1f\x8b\x08", "200 OK", "Content-Encoding: gzip"), b"\x1f\x8b\x08"),
    ],
    ids=["empty", "partial", "continue", "chunked", "encoded"],
)
def test_complete_answer_is_returned_unchanged(
    serve: Callable[..., RawServer], answer: bytes, body: bytes
) -> None:
    outcome = one_outcome(bucket_at(serve(answer).url))

    assert body_of(outcome) == body
    assert isinstance(outcome, Answer)
    assert outcome.headers.get("etag", "") in {'"e"', ""}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ETag", "etag", "X-Amz-Meta-A", "Date"]),
            st.text(st.characters(codec="latin-1", exclude_characters="\r\n")),
        )
    )
)
def test_headers_are_read_as_by_urllib3(fields: list[tuple[str, str]]) -> None:
    lines = [b"HTTP/1.1 100 Continue\r\n", b"Date: early\r\n", b"\r\n"]
    lines += [b"HTTP/1.1 200 OK\r\n"]
    lines += [f"{name}: {text}\r\n".encode("latin-1") for name, text in fields]
    expected = HTTPHeaderDict()
    for name, text in fields:
        expected.add(name, text.strip())

    found = transfers._headers([*lines, b"\r\n", b"Date: trailer\r\n"])

    assert found == {name.lower(): expected[name] for name in expected}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        ("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>", "NoSuchKey"),
        ("404 Not Found", b"", "404"),
        ("403 Forbidden", b"<Code>AccessDenied</Code>" + bytes(60_000), "AccessDenied"),
        ("503 Slow Down", b"<Code>SlowDown</Code>", "SlowDown"),
        ("301 Moved Permanently", b"", "301"),
        ("304 Not Modified", b"", "304"),
    ],
)
def test_refusal_has_the_code_and_is_not_sent_again(
    serve: Callable[..., RawServer], status: str, body: bytes, code: str
) -> None:
    server = serve(reply(body, status, "Location: http://127.0.0.1:1/"))

    outcome = one_outcome(bucket_at(server.url))

    assert isinstance(outcome, ClientError)
    assert outcome.response["Error"]["Code"] == code
    metadata = outcome.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == int(status[:3])
    assert len(server.heads) == 1


@dataclass
class Flood:
    """Sends ``start`` and then ``chunk`` until the client closes the connection."""

    start: bytes
    chunk: bytes
    sent: int = 0

    def __call__(self, wire: socket.socket, _: bytes) -> None:
        wire.sendall(self.start)
        while True:
            wire.sendall(self.chunk)
            self.sent += len(self.chunk)


OK = b"HTTP/1.1 200 OK\r\n"
FLOODS = {
    "chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        b"80\r\n%b\r\n" % bytes(128),
    ),
    "body": (OK + b"Content-Length: 10000000000\r\n\r\n", bytes(10_000)),
    "error": (OK.replace(b"200", b"403") + b"\r\n", bytes(10_000)),
    "headers": (OK, b"x-amz-meta-a: " + bytes(b"a" * 1000) + b"\r\n"),
    "short headers": (OK, b"a:\r\n" * 100),
    "one header": (OK + b"ETag: ", b"a" * 1000),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10),
}


@pytest.mark.parametrize(("start", "chunk"), FLOODS.values(), ids=FLOODS)
def test_endless_answer_ends_after_few_bytes(
    serve: Callable[..., RawServer], start: bytes, chunk: bytes
) -> None:
    flood = Flood(start, chunk)
    bucket = bucket_at(serve(flood).url, connect_timeout=60, read_timeout=60)

    assert one_outcome(bucket) is None
    # The buffers of the two sockets hold a few megabytes.
    assert flood.sent < 50_000_000


def drip(wire: socket.socket, _: bytes) -> None:
    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while True:
        wire.sendall(b"a")
        time.sleep(0.05)


def silence(wire: socket.socket, _: bytes) -> None:
    wire.recv(1)


def cut_body(wire: socket.socket, _: bytes) -> bool:
    wire.sendall(reply(b"0123")[:-2])
    return False


def hang_up(*_: object) -> bool:
    return False


def no_http(wire: socket.socket, _: bytes) -> bool:
    wire.sendall(b"SSH-2.0-OpenSSH\r\n" * 3)
    return False


BROKEN: dict[str, Act] = {
    "drip": drip,
    "silence": silence,
    "cut body": cut_body,
    "hang up": hang_up,
    "no HTTP": no_http,
}


@pytest.mark.parametrize("act", BROKEN.values(), ids=BROKEN)
def test_broken_answer_is_no_answer_and_frees_the_caller(
    serve: Callable[..., RawServer], act: Act
) -> None:
    server = serve(act)
    bucket = bucket_at(server.url, connect_timeout=0.3, read_timeout=0.3)

    began = time.monotonic()
    assert bucket.requests.send_many(get(20)) == [None] * 20

    assert uses_curl(bucket)
    assert time.monotonic() - began < 30
    server.answer = lambda wire, _: wire.sendall(reply())
    assert body_of(one_outcome(bucket)) == b"0123"


def test_unreachable_server_is_no_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        bucket = bucket_at(f"http://127.0.0.1:{taken.getsockname()[1]}")

        assert bucket.requests.send_many(get(20)) == [None] * 20


def test_only_failed_requests_have_no_answer(serve: Callable[..., RawServer]) -> None:
    def act(wire: socket.socket, head: bytes) -> bool | None:
        if b"/bad" in head:
            return False
        wire.sendall(reply())
        return None

    reads = [get(key=f"{'bad' if n % 3 else 'good'}{n}")[0] for n in range(30)]
    outcomes = bucket_at(serve(act).url).requests.send_many(reads)

    assert [isinstance(one, Answer) for one in outcomes] == [
        not n % 3 for n in range(30)
    ]


def test_header_with_a_line_break_is_not_sent(serve: Callable[..., RawServer]) -> None:
    server = serve(reply())
    read = Read("GetObject", "k", {"range": "bytes=0-1\r\nx-a: b"}, 10)

    assert bucket_at(server.url).requests.send_many([read]) == [None]
    assert server.heads == []


@pytest.mark.parametrize("is_known_botocore", [True, False])
def test_hooks_of_the_client_can_change_requests(
    serve: Callable[..., RawServer],
    monkeypatch: pytest.MonkeyPatch,
    is_known_botocore: bool,
) -> None:
    server = serve(reply())
    bucket = bucket_at(server.url)
    events: Any = bucket.client.meta.events

    def mark(request: Any, **_: Any) -> None:
        request.headers["x-mark"] = "1"

    events.register("before-send.s3.GetObject", mark)
    if not is_known_botocore:  # without the private names of the known version
        names = ("emit", "emit_until_response")
        public = SimpleNamespace(**{name: getattr(events, name) for name in names})
        monkeypatch.setattr(bucket.client.meta, "events", public)
    assert body_of(one_outcome(bucket)) == b"0123"
    assert b"x-mark: 1\r\n" in server.heads[0]
    events.unregister("before-send.s3.GetObject", mark)
    assert body_of(one_outcome(bucket)) == b"0123"
    assert b"x-mark" not in server.heads[1]


def test_requests_with_other_headers_are_signed_separately(
    serve: Callable[..., RawServer],
) -> None:
    server = serve(reply())
    ranges = [
        {"range": "bytes=0-1"},
        {"range": "bytes=0-2"},
        {},
        {"range": "bytes=0-1"},
    ]

    with time_machine.travel("2026-11-21T07:23:42Z", tick=False):
        requests = bucket_at(server.url).requests
        requests.send_many([Read("GetObject", "k", one, 10) for one in ranges])
        for one in ranges:
            requests.send("GetObject", "k", headers=one, max_bytes=10)

    heads = [frozenset(head.lower().split(b"\r\n")) for head in server.heads]
    assert set(heads[:4]) == set(heads[4:])
    assert len(set(heads)) == 3


def test_missing_credentials_are_no_answer(
    serve: Callable[..., RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = bucket_at(serve(reply()).url)
    requests = bucket.requests
    client: Any = bucket.client
    monkeypatch.setattr(client._request_signer, "_credentials", None)

    assert requests.send_many(get(3)) == [None] * 3


def test_metrics_count_only_requests_that_are_not_sent_again(
    serve: Callable[..., RawServer],
) -> None:
    statuses = {"missing": "404 No", "refused": "403 No", "failed": "503 No"}

    def act(wire: socket.socket, head: bytes) -> bool | None:
        name = head.split()[1].decode().rpartition("/")[2]
        if name == "lost":
            return False
        wire.sendall(reply(b"", statuses.get(name, "200 OK")))
        return None

    names = ("ok", "not_found", "refused", "failed", "unreachable")
    counters = [instruments.s3_calls.labels("GetObject", name) for name in names]
    before = [counter._value.get() for counter in counters]

    reads = [get(key=key)[0] for key in ("a", "lost", "b", *statuses)]
    bucket_at(serve(act).url).requests.send_many(reads)

    after = [counter._value.get() for counter in counters]
    assert [new - old for new, old in zip(after, before, strict=True)] == [
        2,
        1,
        0,
        0,
        0,
    ]


def test_surplus_answer_is_not_used_for_the_next_request(
    serve: Callable[..., RawServer],
) -> None:
    bucket = bucket_at(serve(reply(b"first") + reply(b"surplus")).url)

    for _ in range(3):
        outcomes = bucket.requests.send_many(get(20))
        assert [body_of(one) for one in outcomes] == [b"first"] * 20


def test_object_that_is_replaced_between_two_requests_has_no_entry(
    serve: Callable[..., RawServer],
) -> None:
    def act(wire: socket.socket, head: bytes) -> None:
        if head.startswith(b"HEAD"):
            wire.sendall(reply(bytes(200)).partition(b"\0")[0])
        else:
            wire.sendall(reply(bytes(100)).replace(b'"e"', b'"f"'))

    assert prefetch_objects(bucket_at(serve(act).url), ["k"], head_bytes=100) == {}


def test_answer_without_a_length_has_no_entry(serve: Callable[..., RawServer]) -> None:
    server = serve(
        b'HTTP/1.1 200 OK\r\nETag: "e"\r\nx-amz-checksum-sha256: a\r\n'
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n01\r\n0\r\n\r\n"
    )

    bucket = bucket_at(server.url)
    assert prefetch_objects(bucket, ["k"], head_bytes=9, sizes={"k": 2}) == {}


def test_threads_that_send_at_once_get_their_own_answers(
    serve: Callable[..., RawServer],
) -> None:
    def act(wire: socket.socket, head: bytes) -> None:
        wire.sendall(reply(head.split()[1]))

    bucket, wrong = bucket_at(serve(act).url), []

    def work(name: str) -> None:
        for turn in range(10):
            keys = [f"{name}-{turn}-{number}" for number in range(20)]
            outcomes = bucket.requests.send_many([get(key=key)[0] for key in keys])
            found = [body_of(one).decode() for one in outcomes]
            if found != [f"/b/{key}" for key in keys]:
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(transfers._idle[bucket.requests._transfer_settings]) <= 4  # type: ignore[index]
