"""Test the inspector ClamAV with a server that breaks clamd's protocol."""

from __future__ import annotations

import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import packed
from tests.support.inspectors import sample_of
from uploads.errors import InspectorUnavailable, StorageUnavailable
from uploads.inspection.antivirus import RANGE, ClamAVInspector
from uploads.inspection.clamd import Clamd, ClamdError

Reply = Callable[[socket.socket], None]
TIMEOUT_SECONDS = 120
"""Seconds that an answer may take on a busy machine."""

CLEAN = b"stream: OK\0"
EICAR = b"stream: Win.Test.EICAR_HDB-1 FOUND\0"


class FakeClamd:
    """A server that answers PING, stores a stream, and answers with ``reply``."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self.reply: bytes | Reply = CLEAN
        self.pong = b"PONG\0"
        self.stream = b""
        self.lengths: list[int] = []
        self.connections = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        """Stop the server, and close every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT_SECONDS)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(TIMEOUT_SECONDS)
                try:
                    self._answer(connection)
                except OSError:
                    continue  # the client may close the connection

    def _answer(self, connection: socket.socket) -> None:
        command = b""
        while not command.endswith(b"\0"):
            command += connection.recv(1)
        if command == b"zPING\0":
            connection.sendall(self.pong)
            return
        assert command == b"zINSTREAM\0"
        if callable(self.reply):
            self.reply(connection)
            return
        self.read_stream(connection)
        connection.sendall(self.reply)

    def read_stream(self, connection: socket.socket) -> None:
        """Read all chunks into ``stream``. An empty chunk ends the stream."""
        self.stream, self.lengths = b"", []
        while True:
            length = struct.unpack(">I", _read_exactly(connection, 4))[0]
            if length == 0:
                return
            self.lengths.append(length)
            self.stream += _read_exactly(connection, length)


def _read_exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = connection.recv(count - len(found))
        if not piece:
            raise ConnectionError
        found += piece
    return found


@pytest.fixture
def clamd() -> Iterator[FakeClamd]:
    # The path of a Unix socket must be short, and the path of a test's folder is long.
    with tempfile.TemporaryDirectory(prefix="slipway-") as home:
        server = FakeClamd(Path(home) / "clamd.sock")
        yield server
        server.stop()


def scan(server: FakeClamd, *chunks: bytes, timeout: float = TIMEOUT_SECONDS) -> str:
    return Clamd(server.url, timeout=timeout).scan(chunks)


def test_clean_stream_arrives_complete_and_in_order(clamd: FakeClamd) -> None:
    assert scan(clamd, b"one", b"", b"two", b"x" * 500_000) == ""

    assert clamd.stream == b"onetwo" + b"x" * 500_000
    assert clamd.lengths == [3, 3, 500_000]


def test_empty_stream_is_clean(clamd: FakeClamd) -> None:
    assert scan(clamd) == ""


def test_name_of_found_malware_is_returned(clamd: FakeClamd) -> None:
    clamd.reply = EICAR

    assert scan(clamd, b"x") == "Win.Test.EICAR_HDB-1"


@pytest.mark.parametrize(
    "reply",
    [
        b"stream: OK",  # an answer without its final NUL may be incomplete
        b"stream: OKAPI.Virus",
        b"stream: OKAPI.Virus\0",
        b"stream: ok\0",
        b"OK\0",
        b"other: OK\0",
        b"stream: OK\nstream: OK\0",
        b"stream:  FOUND\0",
        b"stream: lstat() failed: No such file or directory. ERROR\0",
        b"UNKNOWN COMMAND\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n\0",
        b"\0",
        b"",
        b"\xff\xfe\xfd\0",
        b"x" * 10_000,
        b"INSTREAM size limit exceeded. ERROR\0",
    ],
    ids=lambda reply: repr(reply[:40]),
)
def test_other_answers_of_clamd_are_not_clean(clamd: FakeClamd, reply: bytes) -> None:
    clamd.reply = reply

    with pytest.raises(ClamdError):
        scan(clamd, b"x")


def test_answer_of_clamd_in_several_pieces_is_read_to_its_end(clamd: FakeClamd) -> None:
    def reply(connection: socket.socket) -> None:
        clamd.read_stream(connection)
        for byte in EICAR:
            connection.sendall(bytes([byte]))

    clamd.reply = reply

    assert scan(clamd, b"x") == "Win.Test.EICAR_HDB-1"


def test_clamd_that_closes_the_connection_gives_no_verdict(
    clamd: FakeClamd,
) -> None:
    clamd.reply = lambda connection: connection.close()

    with pytest.raises(ClamdError):
        scan(clamd, *[b"x" * 1_000_000] * 20)


def test_early_answer_of_clamd_is_read_after_a_closed_connection(
    clamd: FakeClamd,
) -> None:
    clamd.reply = lambda connection: connection.sendall(
        b"INSTREAM size limit exceeded. ERROR\0"
    )

    with pytest.raises(
        ClamdError, match=r"StreamMaxLength|closed the connection|broke"
    ):
        scan(clamd, *[b"x" * 1_000_000] * 20)


@pytest.mark.parametrize(
    "content", [b"x", b"x" * 50_000_000], ids=["no answer", "stream not read"]
)
def test_clamd_that_does_not_answer_gives_no_verdict(
    clamd: FakeClamd, content: bytes
) -> None:
    done = threading.Event()

    def wait_for_the_end(connection: socket.socket) -> None:
        done.wait(TIMEOUT_SECONDS)

    clamd.reply = wait_for_the_end

    with pytest.raises(ClamdError, match="in time"):
        scan(clamd, content, timeout=0.2)

    done.set()


@pytest.mark.parametrize("url", ["unix:///no/such/socket", "tcp://127.0.0.1:1"])
def test_unreachable_clamd_gives_no_verdict(url: str) -> None:
    with pytest.raises(ClamdError, match="cannot be reached") as caught:
        Clamd(url, timeout=1).scan([b"x"])

    assert "127.0.0.1" not in str(caught.value)
    assert "/no/such" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["", "clamd", "tcp://clamd", "tcp://:3310", "http://clamd:3310", "unix://x/y"],
)
def test_malformed_clamd_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an address of clamd"):
        Clamd(url, timeout=1)


def test_server_that_is_no_clamd_gives_no_verdict(clamd: FakeClamd) -> None:
    clamd.pong = b"220 mail.example.com ESMTP\0"

    with pytest.raises(ClamdError, match="is not a clamd"):
        Clamd(clamd.url, timeout=TIMEOUT_SECONDS).ping()


# The inspector


def inspector(clamd: FakeClamd, **options: Any) -> ClamAVInspector:
    return ClamAVInspector(url=clamd.url, timeout_seconds=TIMEOUT_SECONDS, **options)


def test_object_is_read_in_ranges_to_its_end(clamd: FakeClamd) -> None:
    content = bytes(range(256)) * 20_000
    asked: list[int] = []

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        return content[start : start + length]

    verdict = inspector(clamd).inspect(sample_of(content, read=read))

    assert verdict.accepted
    assert clamd.stream == content
    assert max(asked) == RANGE < len(content)


def test_malware_is_refused_with_its_name(clamd: FakeClamd) -> None:
    clamd.reply = "stream: Bad.\u202eThing FOUND\0".encode()

    verdict = inspector(clamd).inspect(sample_of(b"x"))

    assert (verdict.accepted, verdict.reason, verdict.cause) == (
        False,
        "ClamAV found malware in this file: Bad.Thing.",
        "malware",
    )


@pytest.mark.parametrize(("too_large", "accepted"), [("refuse", False), ("pass", True)])
@pytest.mark.parametrize("where", ["by size", "by clamd"])
def test_setting_decides_about_an_object_over_the_scan_limit(
    clamd: FakeClamd, too_large: str, accepted: bool, where: str
) -> None:
    clamd.reply = b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0"
    limit = 3 if where == "by size" else 100

    verdict = inspector(clamd, too_large=too_large, max_bytes=limit).inspect(
        sample_of(b"four")
    )

    assert verdict.accepted is accepted
    assert "scanned for viruses" in verdict.reason
    assert verdict.cause == "not_scanned"
    assert clamd.connections == (0 if where == "by size" else 2)


@pytest.mark.parametrize(("too_large", "accepted"), [("refuse", False), ("pass", True)])
def test_setting_decides_about_an_archive_with_a_file_over_the_scan_limit(
    clamd: FakeClamd, too_large: str, accepted: bool
) -> None:
    archive = packed(("small.txt", b"x"), ("large.txt", bytes(1_000_000)))
    assert len(archive) < 10_000
    asked = inspector(clamd, too_large=too_large, max_bytes=999_999)

    verdict = asked.inspect(sample_of(archive))

    assert verdict.accepted is accepted
    assert verdict.reason == (
        "This archive contains a file that is too large to be scanned for viruses."
    )
    assert clamd.connections == 0
    assert inspector(clamd, max_bytes=1_000_000).inspect(sample_of(archive)).accepted
    assert clamd.stream == archive


def test_archive_without_a_directory_is_scanned_like_any_other_file(
    clamd: FakeClamd,
) -> None:
    broken = packed(("large.txt", bytes(1_000_000)))[:-10]

    assert inspector(clamd, max_bytes=999_999).inspect(sample_of(broken)).accepted
    assert clamd.stream == broken


def test_upload_waits_if_clamds_limit_is_below_the_sites_limit(
    clamd: FakeClamd,
) -> None:
    # A wrong limit is the operator's mistake, so the upload waits and is not refused.
    clamd.reply = b"INSTREAM size limit exceeded. ERROR\0"

    with pytest.raises(InspectorUnavailable, match="StreamMaxLength"):
        inspector(clamd).inspect(sample_of(b"x"))


PROBED = b"stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0"


@pytest.mark.parametrize("after_probe", [CLEAN, EICAR], ids=["clean", "malware"])
def test_large_object_is_scanned_if_clamd_reports_skipped_content(
    clamd: FakeClamd, after_probe: bytes
) -> None:
    sizes: list[int] = []

    def reply(connection: socket.socket) -> None:
        clamd.read_stream(connection)
        sizes.append(len(clamd.stream))
        connection.sendall(PROBED if len(sizes) == 1 else after_probe)

    clamd.reply = reply

    verdict = inspector(clamd, unalerted_bytes=3).inspect(sample_of(b"four"))

    assert verdict.accepted is (after_probe == CLEAN)
    assert sizes[0] < 2000
    assert sizes[1:] == [4]


@pytest.mark.parametrize("reply", [CLEAN, EICAR])
def test_large_object_waits_if_clamd_does_not_report_skipped_content(
    clamd: FakeClamd, reply: bytes
) -> None:
    clamd.reply = reply
    asked = inspector(clamd, unalerted_bytes=3)

    with pytest.raises(InspectorUnavailable, match="Set AlertExceedsMax yes"):
        asked.inspect(sample_of(b"four"))
    assert clamd.stream != b"four"

    # clamd is not treated as unreachable, so smaller objects do not wait.
    assert asked.inspect(sample_of(b"two")).accepted is (reply == CLEAN)
    raised = inspector(clamd, unalerted_bytes=4)
    assert raised.inspect(sample_of(b"four")).accepted is (reply == CLEAN)


def test_object_that_ends_early_gives_no_verdict(clamd: FakeClamd) -> None:
    with pytest.raises(InspectorUnavailable, match="sent fewer bytes than"):
        inspector(clamd).inspect(sample_of(b"hello", byte_size=9))


def test_storage_error_during_a_scan_is_raised_as_a_storage_error(
    clamd: FakeClamd,
) -> None:
    def read(start: int, length: int) -> bytes:
        if start:
            raise StorageUnavailable
        return bytes(length)

    with pytest.raises(StorageUnavailable):
        inspector(clamd).inspect(sample_of(b"", byte_size=RANGE + 1, read=read))

    assert inspector(clamd).inspect(sample_of(b"x")).accepted


def test_unreachable_clamd_is_not_asked_again_during_the_pause(
    clamd: FakeClamd,
) -> None:
    asked = inspector(clamd, pause_seconds=1000)
    clamd.pong = b"what?\0"
    for _ in range(3):
        with pytest.raises(InspectorUnavailable):
            asked.inspect(sample_of(b"x"))
    assert clamd.connections == 1

    clamd.pong = b"PONG\0"
    asked._silent_until = 0
    assert asked.inspect(sample_of(b"x")).accepted


def test_empty_object_is_not_scanned() -> None:
    assert not ClamAVInspector(url="unix:///nowhere").wants(sample_of(b""))
