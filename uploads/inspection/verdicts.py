"""Defines the interface of inspectors, their input (Sample) and result (Verdict)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from uploads.inspection.budget import Budget
from uploads.inspection.detection import (
    HEAD_BYTES,
    container_of,
    detect_type,
    detect_types,
)


@dataclass(frozen=True)
class Sample:
    """The input of an inspector.

    It has the client's declaration, and a function that reads the object.

    ``read(start, length)`` returns at most ``length`` bytes. It raises
    StorageUnavailable if the object was replaced, and OverBudget if the read exceeds
    ``budget``. Inspectors must not catch OverBudget.
    """

    filename: str
    content_type: str
    byte_size: int
    read: Callable[[int, int], bytes]
    budget: Budget = field(default_factory=Budget)

    @cached_property
    def head(self) -> bytes:
        """The first HEAD_BYTES of the object, or all bytes of a shorter object."""
        return self.read(0, min(HEAD_BYTES, self.byte_size)) if self.byte_size else b""

    @cached_property
    def precise_type(self) -> str:
        """The content type detected from the first bytes, or ``""``."""
        return detect_type(self.head)

    @property
    def detected_type(self) -> str:
        """``application/zip`` for all ZIP archives, else ``precise_type``."""
        return container_of(self.head, self.precise_type)


def detect_in_advance(samples: Sequence[Sample]) -> None:
    """Detect the types of many samples at once, before an inspector needs them.

    This needs less CPU time than one detection for each sample.
    """
    types = detect_types([sample.head for sample in samples])
    for sample, found in zip(samples, types, strict=True):
        if found is not None:
            vars(sample)["precise_type"] = found  # the value of the cached property


CONTENT = "content"
"""The content breaks a rule of this site. An operator may release the upload."""

MALWARE = "malware"
"""A scanner found malware. Nobody can release the upload."""

NOT_SCANNED = "not_scanned"
"""The object is too large for the scanner. An operator may release the upload."""


@dataclass(frozen=True)
class Verdict:
    """The result of an inspection.

    ``reason``: if the file is refused, a message for the owner that says what to do. If
    the file is accepted, a remark for the audit trail, for example that the file was
    not checked to its end.
    ``cause``: the stable code of a refusal, for programs and operators.
    ``note``: a message for the owner of an accepted file.
    """

    accepted: bool
    reason: str = ""
    detected_type: str = ""
    cause: str = CONTENT
    note: str = ""


ACCEPTED = Verdict(accepted=True)


def refused(reason: str, *, cause: str = CONTENT) -> Verdict:
    """Return a verdict that refuses the file. ``reason`` is a message for its owner."""
    return Verdict(accepted=False, reason=reason, cause=cause)


class Inspector(Protocol):
    """The interface of a class that checks an object's content.

    Each process creates one instance from the entry in the setting ``INSPECTORS``. The
    OPTIONS of the entry are the keyword arguments of the class. Many threads use the
    instance at the same time.
    """

    name: str
    """A short name for operators. It appears in ``waiting_reason`` and in logs."""

    slow: bool
    """Whether this inspector reads the whole object.

    The site runs slow inspectors on large objects only in the background.
    """

    def wants(self, sample: Sample) -> bool:
        """Return whether this inspector has to check the object.

        This method must be fast.
        """
        ...

    def inspect(self, sample: Sample) -> Verdict:
        """Return the verdict. Raises InspectorUnavailable if this is impossible now."""
        ...
