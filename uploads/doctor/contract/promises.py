"""Creates the findings about promises.

A promise is a behaviour of the storage that the site relies on.
"""

from __future__ import annotations

from dataclasses import dataclass

from uploads.doctor.results import Finding, Status, ok
from uploads.s3.wire import Answer

OTHER_PROVIDER = "Use another provider, or a newer version of this one."


@dataclass(frozen=True)
class Promise:
    """Describes a promise of the storage, for example that S3 refuses a request.

    ``status`` and ``consequence`` belong to the finding if the promise is broken.
    """

    name: str
    title: str
    status: Status
    consequence: str
    fix: str = OTHER_PROVIDER

    def refused(self, answer: Answer) -> Finding:
        """Return OK if ``answer`` is a refusal, or else the result of ``broken``."""
        if answer.status >= 300:
            return ok(self.name, self.title, str(answer.status))
        return self.broken(f"S3 accepted the request: {answer.status}.")

    def broken(self, fact: str) -> Finding:
        """Return the finding for a broken promise."""
        fix = "" if self.status == Status.NOTE else self.fix
        return Finding(self.name, self.title, self.status, fact, self.consequence, fix)

    def kept(self, is_kept: bool, fact: str, *, otherwise: str = "") -> Finding:
        """Return OK with ``fact`` if ``is_kept`` is true, or else a broken promise.

        The fact of a broken promise is ``otherwise``, or ``fact`` if both are the same.
        """
        if is_kept:
            return ok(self.name, self.title, fact)
        return self.broken(otherwise or fact)
