"""libmagic's opinion, where python-magic is installed: programs that our table misses.

Only programs are taken over. Of texts libmagic often says too much: to it a note
that begins with "#include" is a program in C.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

PROGRAMS = {
    "application/vnd.microsoft.portable-executable": (
        "application/vnd.microsoft.portable-executable"
    ),
    "application/x-dosexec": "application/vnd.microsoft.portable-executable",
    "application/x-executable": "application/x-elf",
    "application/x-mach-binary": "application/x-mach-binary",
    "application/x-pie-executable": "application/x-elf",
    "application/x-sharedlib": "application/x-elf",
    "text/x-php": "application/x-httpd-php",
}
"""What libmagic calls them, and what we do."""


def detect_program(head: bytes) -> str:
    """Return the type of the program that ``head`` begins, or ``""``."""
    magic = _library()
    if magic is None or not head:
        return ""
    return PROGRAMS.get(str(magic.from_buffer(head, mime=True)), "")


@lru_cache(maxsize=1)
def _library() -> Any:
    try:
        import magic  # type: ignore[import-not-found,unused-ignore]
    except ImportError:  # not installed, or installed without libmagic itself
        return None
    return magic
