"""The child process in which libmagic reads the first bytes (the head) of each file.

detector.py runs this file as a program. libmagic is a C parser that reads untrusted
bytes. So this process has none of the site's secrets, no open files and little memory.

Parent and child exchange messages over one socket, which is file descriptor 0 in this
process. First the parent sends Python's search path for modules, and the child answers
``ready``. Then the parent sends one head at a time, and the child answers each head
with a content type. A message consists of the length of its content in four bytes, and
the content.
"""

from __future__ import annotations

import json
import os
import resource
import sys

MEMORY_BYTES = 512 * 1024**2
CPU_SECONDS = 600
"""The system ends this process after this CPU time. The parent starts a new process."""

OLDEST_WANTED = 541
"""If the system's libmagic is older than this version, pylibmagic's copy is used."""

# Flags of magic.h: MIME_TYPE, NO_CHECK_COMPRESS, NO_CHECK_ELF, NO_CHECK_CSV. libmagic
# need not check for ELF, because active_content.py detects it. With a check for CSV, it
# would report most texts with commas as CSV.
FLAGS = 0x10 | 0x1000 | 0x10000 | 0x80000


def main() -> None:
    sys.path[:] = json.loads(_receive() or b"[]")
    magic = _library()  # type: ignore[no-untyped-call]
    cookie = magic.magic_open(FLAGS)
    magic.magic_load(cookie, None)
    _confine()
    _send(b"ready")
    while head := _receive():
        try:
            found = magic.magic_buffer(cookie, head)
        except magic.MagicException:
            found = b""
        _send(found)


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


def _receive() -> bytes:
    """Return one message, or ``b""`` if the parent has closed the socket."""
    size = _read(4)
    return _read(int.from_bytes(size, "big")) if size else b""


def _read(length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = os.read(0, length - len(found))
        if not piece:
            return b""
        found += piece
    return found


def _send(content: bytes) -> None:
    os.write(0, len(content).to_bytes(4, "big") + content)


if __name__ == "__main__":
    main()
