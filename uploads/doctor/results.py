"""Describes findings: the results of the doctor's questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Lists the statuses of a finding. Better statuses come first."""

    OK = "OK"
    NOTE = "NOTE"
    SKIP = "SKIP"
    WARN = "WARN"
    FAIL = "FAIL"


_ORDER = list(Status)


@dataclass(frozen=True)
class Finding:
    """Contains the answer to one question, or to a group of questions.

    ``name`` never changes, for example ``cors.preflight``. ``title`` is the expectation,
    and ``fact`` the observation. ``consequence`` is its effect on users. ``fix`` is the advice to the operator.
    ``heals`` names the bucket settings that fix the problem. ``children`` are the
    findings of a group.
    """

    name: str
    title: str
    own_status: Status = Status.OK
    fact: str = ""
    consequence: str = ""
    fix: str = ""
    heals: tuple[str, ...] = ()
    children: tuple[Finding, ...] = ()

    @property
    def status(self) -> Status:
        """Return the worst status among this finding and its children.

        Skipped children are ignored, except if all children were skipped.
        """
        found = [child.status for child in self.children]
        asked = [status for status in found if status != Status.SKIP]
        return worst([self.own_status, *(asked or found)])

    @property
    def is_unexpected(self) -> bool:
        """True if the observation differs from the title, which is the expectation."""
        return self.own_status not in {Status.OK, Status.SKIP}

    def walk(self) -> Iterator[Finding]:
        """Yield this finding, its children, and their children."""
        yield self
        for child in self.children:
            yield from child.walk()

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as a dictionary for JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "status": self.status.value,
            "fact": self.fact,
            "consequence": self.consequence,
            "fix": self.fix,
            "heals": list(self.heals),
            "children": [child.as_dict() for child in self.children],
        }


def worst(statuses: Sequence[Status]) -> Status:
    """Return the worst of the statuses, or OK if the list is empty."""
    return max(statuses, key=_ORDER.index, default=Status.OK)


def is_green(findings: Sequence[Finding]) -> bool:
    """Return whether all findings are free of WARN and FAIL."""
    return worst([finding.status for finding in findings]) not in {
        Status.WARN,
        Status.FAIL,
    }


def ok(name: str, title: str, fact: str = "") -> Finding:
    """Return a finding without a problem."""
    return Finding(name, title, Status.OK, fact)


def note(name: str, title: str, fact: str, consequence: str = "") -> Finding:
    """Return a finding for the operator's information. No action is necessary."""
    return Finding(name, title, Status.NOTE, fact, consequence)


def skip(name: str, title: str, reason: str) -> Finding:
    """Return a finding for a question that the doctor could not ask."""
    return Finding(name, title, Status.SKIP, reason)


def warn(
    name: str, title: str, fact: str, consequence: str, fix: str, *heals: str
) -> Finding:
    """Return a finding about a fault that may affect users later."""
    return Finding(name, title, Status.WARN, fact, consequence, fix, heals)


def fail(
    name: str, title: str, fact: str, consequence: str, fix: str, *heals: str
) -> Finding:
    """Return a finding about a fault that affects users or their files now."""
    return Finding(name, title, Status.FAIL, fact, consequence, fix, heals)


def group(name: str, title: str, children: Sequence[Finding]) -> Finding:
    """Return one finding for a group of findings. Its status is their worst status."""
    return replace(Finding(name, title), children=tuple(children))
