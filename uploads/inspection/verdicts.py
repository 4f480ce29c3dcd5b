"""What an inspector is shown, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """An object as inspectors see it: the declaration, and a way to its bytes.

    ``read(start, length)`` returns at most ``length`` bytes by a ranged GET.
    """

    filename: str
    content_type: str
    byte_size: int
    read: Callable[[int, int], bytes]


@dataclass(frozen=True)
class Verdict:
    """``accepted``, or the reason in words that its owner can act on."""

    accepted: bool
    reason: str = ""
    detected_type: str = ""


Inspector = Callable[[Sample], Verdict]
