"""Findings about promises that a provider keeps or breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from uploads.doctor.results import Finding, Status, ok
from uploads.s3.wire import Answer

OTHER_PROVIDER = "Only another provider, or a newer version of this one, fixes it."


@dataclass(frozen=True)
class Promise:
    """A request that S3 must refuse. ``status`` is the finding's if S3 accepts it."""

    name: str
    title: str
    status: Status
    consequence: str
    fix: str = OTHER_PROVIDER

    def refused(self, answer: Answer) -> Finding:
        """Return the finding for an answer that should be a refusal."""
        if answer.status >= 300:
            return ok(self.name, self.title, str(answer.status))
        return self.broken(f"S3 accepted it: {answer.status}.")

    def broken(self, fact: str) -> Finding:
        """Return the finding for a promise that was not kept."""
        fix = "" if self.status == Status.NOTE else self.fix
        return Finding(self.name, self.title, self.status, fact, self.consequence, fix)

    def kept(self, is_kept: bool, fact: str) -> Finding:
        """Return the finding for a promise that was tested without a refusal."""
        return ok(self.name, self.title, fact) if is_kept else self.broken(fact)


Request = Callable[[], Answer]
