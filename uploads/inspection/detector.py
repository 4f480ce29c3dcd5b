"""Runs libmagic in a child process, and replaces the child after a failure.

All threads of this process share one child. After a fork, each process starts its own
child. If libmagic crashes or hangs while it reads the first bytes (the head) of a file,
this file gets no type from libmagic.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog

logger = structlog.get_logger("slipway.inspection")

CHILD = Path(__file__).with_name("detector_child.py")
START_SECONDS = 15
ANSWER_SECONDS = 2
PAUSE_SECONDS = 30
"""After the child has failed to start, the site does not use libmagic for this time."""

MAX_QUESTIONS = 20_000
"""After this number of heads, a new child replaces the old, to limit memory leaks."""

HEADS_AT_ONCE = 16
"""Maximum number of heads that the parent sends before it reads the answers.

With more heads, the buffers of the socket could become full.
"""

MAX_ANSWER = 255
RECEIVED_AT_ONCE = HEADS_AT_ONCE * (4 + MAX_ANSWER)
ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
"""All environment variables of the child. They contain no secret of the site."""


class DetectorUnavailableError(Exception):
    """libmagic cannot be started. The text of the error is the reason."""


class Child:
    """A process that runs detector_child.py. All methods raise only OSError."""

    def __init__(self, command: list[str]) -> None:
        self.asked = 0
        self._socket, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=ENVIRONMENT,
                    cwd="/",
                )
        except OSError:
            self._socket.close()
            raise
        try:
            self._socket.settimeout(START_SECONDS)
            paths = [path or str(Path.cwd()) for path in sys.path]
            if self._exchange([json.dumps(paths).encode()]) != [b"ready"]:
                raise OSError("the child did not say that it is ready")
            self._socket.settimeout(ANSWER_SECONDS)
        except OSError:
            self.stop()
            raise

    def ask(self, heads: Sequence[bytes]) -> list[str]:
        """Return libmagic's content types of up to HEADS_AT_ONCE heads.

        Raises OSError.
        """
        self.asked += len(heads)
        answers = self._exchange(heads)
        return [answer.decode("ascii", "replace") for answer in answers]

    def stop(self) -> None:
        self.disown()
        self._process.kill()
        self._process.wait()

    def disown(self) -> None:
        """Close this end of the socket, but do not stop the child.

        After a fork, the new process calls this method, because the child belongs to
        the parent process.
        """
        self._socket.close()

    def _exchange(self, messages: Sequence[bytes]) -> list[bytes]:
        self._socket.sendall(
            b"".join(len(one).to_bytes(4, "big") + one for one in messages)
        )
        answers: list[bytes] = []
        received = b""
        while len(answers) < len(messages):
            piece = self._socket.recv(RECEIVED_AT_ONCE)
            if not piece:
                raise OSError("the child closed the connection")
            received += piece
            while len(received) >= (end := _end_of_answer(received)):
                answers.append(received[4:end])
                received = received[end:]
        if received or len(answers) > len(messages):
            raise OSError("the child sent more answers than it was asked for")
        return answers


def _end_of_answer(received: bytes) -> int:
    """Return the number of bytes until the end of the first answer in ``received``."""
    size = int.from_bytes(received[:4], "big") if len(received) >= 4 else 0
    if size > MAX_ANSWER:
        raise OSError("the child's answer is too long for a content type")
    return 4 + size


class Detector:
    """Returns content types from libmagic. It is thread-safe."""

    def __init__(self, command: list[str] | None = None) -> None:
        self._command = command or [_python(), "-I", "-S", str(CHILD)]
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._pause_until = 0.0
        os.register_at_fork(after_in_child=self._begin_anew)

    def detect(self, head: bytes) -> str:
        """Return libmagic's content type of ``head``, or ``""`` if there is none.

        Raises DetectorUnavailableError if libmagic cannot be started.
        """
        if not head:
            return ""
        try:
            [found] = self._detect_at_once([head])
        except OSError as error:
            # libmagic crashed or hung. The head is the likely cause, so do not try
            # again with the same head.
            logger.warning("detector.failed", error=type(error).__name__)
            return ""
        return found

    def detect_many(self, heads: Sequence[bytes]) -> list[str]:
        """Return libmagic's content types of many heads. No head may be empty.

        This method needs less CPU time than ``detect``. But after an error, the result
        is shorter than ``heads``. Then call ``detect`` for each remaining head.
        """
        found: list[str] = []
        with suppress(OSError, DetectorUnavailableError):
            for start in range(0, len(heads), HEADS_AT_ONCE):
                found += self._detect_at_once(heads[start : start + HEADS_AT_ONCE])
        return found

    def _detect_at_once(self, heads: Sequence[bytes]) -> list[str]:
        """Ask the child, and stop it after an error, which this method raises."""
        with self._lock:
            child = self._running()
            try:
                return child.ask(heads)
            except OSError:
                self._stop()
                raise

    @property
    def is_missing(self) -> bool:
        """Whether libmagic has failed to start in the last PAUSE_SECONDS."""
        return time.monotonic() < self._pause_until

    def stop(self) -> None:
        """Stop the child, if there is one."""
        with self._lock:
            self._stop()

    def _running(self) -> Child:
        if self._child is not None and self._child.asked < MAX_QUESTIONS:
            return self._child
        self._stop()
        if self.is_missing:
            raise DetectorUnavailableError("libmagic did not start. Try again later.")
        try:
            self._child = Child(self._command)
        except OSError as error:
            self._pause_until = time.monotonic() + PAUSE_SECONDS
            logger.exception("detector.unavailable")
            raise DetectorUnavailableError(
                "libmagic cannot be started. Install python-magic and pylibmagic."
            ) from error
        return self._child

    def _stop(self) -> None:
        if self._child is not None:
            self._child.stop()
        self._child = None

    def _begin_anew(self) -> None:
        """After a fork, forget the parent's child, so that a new child can start."""
        if self._child is not None:
            self._child.disown()
        self._child = None
        self._lock = threading.Lock()


def _python() -> str:
    """Return the path of Python. Under uWSGI ``sys.executable`` is uWSGI's path."""
    if Path(sys.executable).name.startswith(("python", "pypy")):
        return sys.executable
    return str(Path(sys.prefix) / "bin" / "python3")


detector = Detector()
