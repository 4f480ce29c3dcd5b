"""The process that lets libmagic read the first bytes of files. Run, not imported.

libmagic is a parser in C, and it reads bytes that strangers send. So it runs here:
without the secrets of the site, without open files, and with little memory. The
parent speaks over one socket, which is file descriptor 0. It sends the module search
path first, then heads; each message is its length in four bytes and its content. The
answer to each is a content type, in the same form.
"""

from __future__ import annotations

import json
import os
import resource
import sys

MEMORY_BYTES = 512 * 1024**2
CPU_SECONDS = 600
"""Of the whole life of this process. The parent starts another one afterwards."""

OLDEST_WANTED = 541
"""A libmagic of the system that is older than the bundled one is passed over."""

# magic.h: MIME_TYPE, NO_CHECK_COMPRESS, NO_CHECK_ELF, NO_CHECK_CSV. ELF is known by
# its first bytes already, and to libmagic most lists with commas are CSV.
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
    """Return python-magic, on the system's libmagic if that is new enough."""
    try:
        import magic

        if magic.version() >= OLDEST_WANTED:  # type: ignore[no-untyped-call]
            return magic
    except (ImportError, NotImplementedError):
        pass
    for name in [name for name in sys.modules if name.partition(".")[0] == "magic"]:
        del sys.modules[name]
    import magic
    import pylibmagic  # noqa: F401  it makes python-magic find its own libmagic

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
    """Return one message; empty when the parent has hung up."""
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
