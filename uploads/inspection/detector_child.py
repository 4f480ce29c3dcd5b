"""The child process in which libmagic reads the first bytes (the head) of each file.

detector.py runs this file as a program. libmagic is a C parser that reads untrusted
bytes. So this process has none of the site's secrets, no open files and little memory.

Parent and child exchange messages over one socket, which is file descriptor 0 in this
process. First the parent sends Python's search path for modules, and the child answers
``ready``. Then the parent sends one or more heads at a time, and the child answers each
head with a content type. A message consists of the length of its content in four bytes,
and the content.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator

MEMORY_BYTES = 512 * 1024**2
READ_BYTES = 128 * 1024
CPU_SECONDS = 600
"""The system ends this process after this CPU time. The parent starts a new process."""

OLDEST_WANTED = 541
"""If the system's libmagic is older than this version, pylibmagic's copy is used."""

# Flags of magic.h: MIME_TYPE, NO_CHECK_COMPRESS, NO_CHECK_ELF, NO_CHECK_CSV. libmagic
# need not check for ELF, because active_content.py detects it. With a check for CSV, it
# would report most texts with commas as CSV.
FLAGS = 0x10 | 0x1000 | 0x10000 | 0x80000


def main() -> None:
    received = _received()
    sys.path[:] = json.loads(next(received)[0])
    magic = _library()  # type: ignore[no-untyped-call]
    cookie = magic.magic_open(FLAGS)
    magic.magic_load(cookie, None)
    _confine()
    _send([b"ready"])
    for heads in received:
        _send([_type_of(head, magic, cookie) for head in heads])  # type: ignore[no-untyped-call]


def _type_of(head, magic, cookie):  # type: ignore[no-untyped-def]
    try:
        return magic.magic_buffer(cookie, head)
    except magic.MagicException:
        return b""


def _library():  # type: ignore[no-untyped-def]
    """Return the module ``magic`` (python-magic).

    The module uses the system's libmagic if this is new enough, else pylibmagic's copy.
    """
    try:
        import magic

        if magic.version() >= OLDEST_WANTED:  # type: ignore[no-untyped-call]
            return magic
    except (ImportError, NotImplementedError):
        pass
    for name in [name for name in sys.modules if name.partition(".")[0] == "magic"]:
        del sys.modules[name]
    import magic
    import pylibmagic  # noqa: F401  makes python-magic use the bundled libmagic

    return magic


def _confine() -> None:
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 8,
    }
    for which, wanted in limits.items():
        _, most = resource.getrlimit(which)
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(which, (value, value))


def _received() -> Iterator[list[bytes]]:
    """Yield the messages of the parent, until the parent closes the socket.

    The messages that arrive together are one list, so that one write can answer them.
    """
    rest = b""
    while piece := os.read(0, READ_BYTES):
        rest += piece
        messages, start = [], 0
        while len(rest) >= (begin := start + 4):
            end = begin + int.from_bytes(rest[start:begin], "big")
            if len(rest) < end:
                break
            messages.append(rest[begin:end])
            start = end
        rest = rest[start:]
        if messages:
            yield messages


def _send(contents: list[bytes]) -> None:
    os.write(0, b"".join(len(one).to_bytes(4, "big") + one for one in contents))


if __name__ == "__main__":
    main()
