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

MAX_ANSWER = 255
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
            if self._exchange(json.dumps(paths).encode()) != b"ready":
                raise OSError("the child did not say that it is ready")
            self._socket.settimeout(ANSWER_SECONDS)
        except OSError:
            self.stop()
            raise

    def ask(self, head: bytes) -> str:
        """Return libmagic's content type of one head. Raises OSError."""
        self.asked += 1
        return self._exchange(head).decode("ascii", "replace")

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

    def _exchange(self, message: bytes) -> bytes:
        self._socket.sendall(len(message).to_bytes(4, "big") + message)
        size = int.from_bytes(self._read(4), "big")
        if size > MAX_ANSWER:
            raise OSError("the child's answer is too long for a content type")
        return self._read(size)

    def _read(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            piece = self._socket.recv(length - len(found))
            if not piece:
                raise OSError("the child closed the connection")
            found += piece
        return found


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
        with self._lock:
            child = self._running()
            try:
                return child.ask(head)
            except OSError as error:
                # libmagic crashed or hung. The head is the likely cause, so do not try
                # again with the same head.
                logger.warning("detector.failed", error=type(error).__name__)
                self._stop()
                return ""

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
