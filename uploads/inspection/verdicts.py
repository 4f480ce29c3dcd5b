"""The interface of an inspector, its input (Sample) and its result (Verdict)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from uploads.inspection.budget import Budget
from uploads.inspection.detection import HEAD_BYTES, container_of, detect_type


@dataclass(frozen=True)
class Sample:
    """An object as inspectors see it: the declaration, and a way to its bytes.

    ``read(start, length)`` returns at most ``length`` bytes by a ranged GET, and
    raises StorageUnavailable where the object is another by now. A read that
    ``budget`` does not cover raises OverBudget: let it pass.
    """

    filename: str
    content_type: str
    byte_size: int
    read: Callable[[int, int], bytes]
    budget: Budget = field(default_factory=Budget)

    @cached_property
    def head(self) -> bytes:
        """The first bytes, HEAD_BYTES of them where it has so many; read once."""
        return self.read(0, min(HEAD_BYTES, self.byte_size)) if self.byte_size else b""

    @cached_property
    def precise_type(self) -> str:
        """The content type that the first bytes give away, or ``""``."""
        return detect_type(self.head)

    @property
    def detected_type(self) -> str:
        """The same, but ``application/zip`` for all documents that are ZIP archives."""
        return container_of(self.head, self.precise_type)


CONTENT = "content"
"""The content breaks a rule of this site. An operator may decide otherwise."""

MALWARE = "malware"
"""A scanner found malware: nobody releases it."""

NOT_SCANNED = "not_scanned"
"""It is too large for the scanner. An operator may decide otherwise."""


@dataclass(frozen=True)
class Verdict:
    """``accepted``, or the reason in words that its owner can act on.

    ``cause`` of a refusal is stable: programs and operators go by it. A ``reason``
    beside acceptance is for the audit trail, such as what could not be looked into. A
    ``note`` is for the owner of an accepted file.
    """

    accepted: bool
    reason: str = ""
    detected_type: str = ""
    cause: str = CONTENT
    note: str = ""


ACCEPTED = Verdict(accepted=True)


def refused(reason: str, *, cause: str = CONTENT) -> Verdict:
    """Return the verdict that refuses, in words for the file's owner."""
    return Verdict(accepted=False, reason=reason, cause=cause)


class Inspector(Protocol):
    """One look at an object's content.

    Made once a process from its entry in ``INSPECTORS``, with its OPTIONS as
    keyword arguments, and then used by many threads at once.
    """

    name: str
    """Short, for operators: it names the inspector that uploads wait for."""

    slow: bool
    """Whether it reads the whole object: large ones are then left to a worker."""

    def wants(self, sample: Sample) -> bool:
        """Return whether it has anything to say of this object; reads nothing twice."""
        ...

    def inspect(self, sample: Sample) -> Verdict:
        """Return the verdict. Raises InspectorUnavailable where there can be none."""
        ...
