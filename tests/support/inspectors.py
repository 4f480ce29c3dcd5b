"""Provide inspectors and samples. Tests put the inspectors into INSPECTORS."""

from __future__ import annotations

from typing import Any

from uploads.errors import InspectorUnavailable
from uploads.inspection.verdicts import ACCEPTED, MALWARE, Sample, Verdict, refused


def sample_of(
    content: bytes, content_type: str = "", filename: str = "file", **changes: Any
) -> Sample:
    """Return a sample of ``content`` for an inspector."""
    facts: dict[str, Any] = {
        "filename": filename,
        "content_type": content_type or "application/octet-stream",
        "byte_size": len(content),
        "read": lambda start, length: content[start : start + length],
        **changes,
    }
    return Sample(**facts)


class Accepting:
    """Accepts every file, and records the file names in ``seen``."""

    name = "Accepting"
    slow = False
    seen: list[str] = []

    def __init__(
        self, *, note: str = "", owner_note: str = "", slow: bool = False
    ) -> None:
        self.note = note
        self.owner_note = owner_note
        self.slow = slow
        self.seen.clear()

    def wants(self, sample: Sample) -> bool:
        return True

    def inspect(self, sample: Sample) -> Verdict:
        self.seen.append(sample.filename)
        return Verdict(accepted=True, reason=self.note, note=self.owner_note)


class Refusing(Accepting):
    """Refuses every file."""

    name = "Refusing"

    def inspect(self, sample: Sample) -> Verdict:
        return refused("No.")


class Malware(Accepting):
    """Refuses every file as malware."""

    name = "Malware"

    def inspect(self, sample: Sample) -> Verdict:
        return refused("Malware.", cause=MALWARE)


class Unavailable(Accepting):
    """Reports that it is unavailable while ``is_unavailable`` is true."""

    name = "Unavailable"
    is_unavailable = True

    def inspect(self, sample: Sample) -> Verdict:
        if type(self).is_unavailable:
            raise InspectorUnavailable("Unavailable: The test scanner does not answer.")
        return ACCEPTED


class Failing(Accepting):
    """Raises an error in ``inspect``, or in ``wants`` if ``early`` is true."""

    name = "Failing"

    def __init__(self, *, early: bool = False) -> None:
        super().__init__()
        self.early = early

    def wants(self, sample: Sample) -> bool:
        return not self.early or bool(1 / 0)

    def inspect(self, sample: Sample) -> Verdict:
        raise ZeroDivisionError("a secret")


class ReturningNone(Accepting):
    """Returns None instead of a verdict."""

    name = "ReturningNone"

    def inspect(self, sample: Sample) -> Any:
        return None


class NotAnInspector:
    """A class that is not an inspector."""


def entries(*names: str, **options: Any) -> list[dict[str, Any]]:
    """Return a value for INSPECTORS. ``options`` are for the last inspector."""
    found: list[dict[str, Any]] = [{"NAME": f"{__name__}.{name}"} for name in names]
    found[-1]["OPTIONS"] = options
    return found
