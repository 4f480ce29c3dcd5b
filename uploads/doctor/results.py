"""Findings: a status, the fact, the consequence for a user, and the fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """The statuses, the best first."""

    OK = "OK"
    NOTE = "NOTE"
    SKIP = "SKIP"
    WARN = "WARN"
    FAIL = "FAIL"


_ORDER = list(Status)


@dataclass(frozen=True)
class Finding:
    """The answer to one question; ``name`` is stable, as in ``cors.preflight``.

    ``fact`` is the observation, ``consequence`` its effect on users, and ``fix`` the
    advice to the operator. ``heals`` has the settings of setup_bucket that fix the
    finding. The status of a finding with ``children`` is the worst of theirs.
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
        """The worst of its own status and the statuses of its children.

        Skipped children count only if all children were skipped.
        """
        found = [child.status for child in self.children]
        asked = [status for status in found if status != Status.SKIP]
        return worst([self.own_status, *(asked or found)])

    def walk(self) -> Iterator[Finding]:
        """Yield this finding and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON has it."""
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
    """Return the worst status, or OK without findings."""
    return max(statuses, key=_ORDER.index, default=Status.OK)


def is_green(findings: Sequence[Finding]) -> bool:
    """Return whether there is no FAIL and no WARN."""
    return worst([finding.status for finding in findings]) not in {
        Status.WARN,
        Status.FAIL,
    }


def ok(name: str, title: str, fact: str = "") -> Finding:
    """Return an OK finding."""
    return Finding(name, title, Status.OK, fact)


def note(name: str, title: str, fact: str, consequence: str = "") -> Finding:
    """Return a finding about a gap of the provider that needs no action."""
    return Finding(name, title, Status.NOTE, fact, consequence)


def skip(name: str, title: str, reason: str) -> Finding:
    """Return a skipped finding, with the reason."""
    return Finding(name, title, Status.SKIP, reason)


def warn(
    name: str, title: str, fact: str, consequence: str, fix: str, *heals: str
) -> Finding:
    """Return a finding about a fault that may affect users later."""
    return Finding(name, title, Status.WARN, fact, consequence, fix, heals)


def fail(
    name: str, title: str, fact: str, consequence: str, fix: str, *heals: str
) -> Finding:
    """Return a finding about a fault that stops users now."""
    return Finding(name, title, Status.FAIL, fact, consequence, fix, heals)


def group(name: str, title: str, children: Sequence[Finding]) -> Finding:
    """Return one finding for several; it takes the worst status of its children."""
    return replace(Finding(name, title), children=tuple(children))
