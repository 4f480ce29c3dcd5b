"""The inspector that sends the whole object to ClamAV."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from functools import lru_cache

from uploads.errors import InspectorUnavailable
from uploads.inspection.archives import largest_member
from uploads.inspection.clamd import Clamd, ClamdError
from uploads.inspection.verdicts import (
    ACCEPTED,
    MALWARE,
    NOT_SCANNED,
    Sample,
    Verdict,
    refused,
)

RANGE = 4 * 1024**2
"""Bytes of one GET. Only one such range of a file is in memory at a time."""

SLOWEST_SCAN = 5_000_000
"""Bytes per second. A slower clamd counts as stopped."""

PAUSE_SECONDS = 10
LIMITS = "Heuristics.Limits.Exceeded"
"""Finding of clamd, with ``AlertExceedsMax yes``, for content that it did not scan."""

REFUSE, PASS = "refuse", "pass"

UNALERTED_BYTES = 25_000_000
"""The smallest MaxFileSize that any clamd has by default: 25 MiB."""

PROBE_DEPTH = 30
"""Levels of gzip in the probe. clamd unpacks 17 levels by default."""


class ClamAVInspector:
    """Refuses objects in which the clamd at ``url`` finds malware.

    ``max_bytes``: the largest file that clamd is configured to scan.
    ``too_large``: the outcome for larger objects, and for ZIP archives that declare a
    larger file. ``refuse``, or ``pass`` with a note in the audit trail.
    ``unalerted_bytes``: larger objects wait until clamd reports content that it did
    not scan.
    ``pause_seconds``: no scan starts for this time after clamd failed to answer.
    """

    name = "ClamAV"
    slow = True

    def __init__(
        self,
        *,
        url: str,
        max_bytes: int = 2_000_000_000,
        too_large: str = REFUSE,
        unalerted_bytes: int = UNALERTED_BYTES,
        timeout_seconds: float = 15,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        if too_large not in {REFUSE, PASS}:
            raise ValueError(
                f"too_large must be {REFUSE!r} or {PASS!r}, not {too_large!r}."
            )
        self.clamd = Clamd(url, timeout=timeout_seconds)
        self.max_bytes = max_bytes
        self.too_large = too_large
        self.unalerted_bytes = unalerted_bytes
        self.pause_seconds = pause_seconds
        self._silent_until = 0.0

    def wants(self, sample: Sample) -> bool:
        return sample.byte_size > 0

    def inspect(self, sample: Sample) -> Verdict:
        if sample.byte_size > self.max_bytes:
            return self._too_large("This file is too large to be scanned for viruses.")
        if largest_member(sample) > self.max_bytes:
            # clamd skips such a member and does not report it.
            return self._too_large(
                "This archive holds a file that is too large to be scanned for viruses."
            )
        if time.monotonic() < self._silent_until:
            raise InspectorUnavailable("ClamAV: clamd did not answer a moment ago.")
        try:
            # A ping fails within one timeout; sending a whole file may take far longer.
            self.clamd.ping()
            if sample.byte_size > self.unalerted_bytes:
                self._require_alerts()
            found = self.clamd.scan(
                _ranges(sample), patience=sample.byte_size / SLOWEST_SCAN
            )
        except ClamdError as error:
            self._silent_until = time.monotonic() + self.pause_seconds
            raise InspectorUnavailable(f"ClamAV: {error}.") from error
        if found.startswith(LIMITS):
            return self._too_large(
                "This file could not be completely scanned for viruses."
            )
        if found:
            return refused(
                f"It holds what ClamAV knows as {_printable(found)}.", cause=MALWARE
            )
        return ACCEPTED

    def alerts(self) -> bool:
        """Return whether clamd reports unscanned content. Raises ClamdError."""
        return self.clamd.scan([_probe()]).startswith(LIMITS)

    def _require_alerts(self) -> None:
        """Raise InspectorUnavailable if clamd does not report unscanned content.

        Without such a report, clamd's OK does not mean that it read the whole file.
        clamd does not tell its settings, so a probe beyond its limits is sent.
        """
        if not self.alerts():
            raise InspectorUnavailable(
                "ClamAV: clamd does not report content that it skips. Set "
                "AlertExceedsMax yes in clamd.conf. Files above "
                f"{self.unalerted_bytes} bytes wait until then."
            )

    def _too_large(self, reason: str) -> Verdict:
        return Verdict(
            accepted=self.too_large == PASS, reason=reason, cause=NOT_SCANNED
        )


@lru_cache(maxsize=1)
def _probe() -> bytes:
    """Return PROBE_DEPTH gzip files nested in each other, a few hundred bytes."""
    content = b"x"
    for _ in range(PROBE_DEPTH):
        content = gzip.compress(content, mtime=0)
    return content


def _ranges(sample: Sample) -> Iterator[bytes]:
    """Yield the whole object. Raises InspectorUnavailable if a read is too short."""
    for start in range(0, sample.byte_size, RANGE):
        length = min(RANGE, sample.byte_size - start)
        found = sample.read(start, length)
        if len(found) < length:
            raise InspectorUnavailable("ClamAV: the object is shorter than its size.")
        yield found


def _printable(name: str) -> str:
    return "".join(char for char in name if char.isascii() and char.isprintable())[:100]
