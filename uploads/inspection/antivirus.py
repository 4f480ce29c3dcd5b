"""Sends the whole object to ClamAV and refuses malware."""

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
"""Number of bytes that one GET request reads. Only one range is in memory at a time."""

SLOWEST_SCAN = 5_000_000
"""Assumed minimum speed of clamd in bytes per second. It determines the timeout."""

PAUSE_SECONDS = 10
LIMITS = "Heuristics.Limits.Exceeded"
"""clamd reports this name for content that exceeds its limits and was not scanned.

clamd reports the name only if clamd.conf contains ``AlertExceedsMax yes``.
"""

REFUSE, PASS = "refuse", "pass"

UNALERTED_BYTES = 25_000_000
"""Default of ``unalerted_bytes``.

With its default settings, every version of clamd scans files of this size. The smallest
default of MaxFileSize in any version is 25 MiB.
"""

PROBE_DEPTH = 30
"""Number of gzip files that are nested in the probe file of ``alerts``.

By default, clamd unpacks 17 levels.
"""


class ClamAVInspector:
    """Refuses objects in which the clamd at ``url`` finds malware.

    ``max_bytes``: the largest file that clamd is configured to scan.
    ``too_large``: the outcome for larger objects, and for ZIP archives that declare a
    larger file. It is ``refuse``, or ``pass`` with a note in the audit trail.
    ``unalerted_bytes``: before the scan of a larger object, this class tests whether
    clamd reports content that it does not scan. If the test fails, the object waits.
    ``pause_seconds``: after clamd has failed to answer, no scan starts for this time.
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
            # clamd skips such a large file in an archive without any report.
            return self._too_large(
                "This archive contains a file that is too large to be scanned for "
                "viruses."
            )
        if time.monotonic() < self._silent_until:
            raise InspectorUnavailable(
                "ClamAV: clamd did not answer, so no scan starts for some seconds."
            )
        try:
            # If clamd does not answer, a ping fails sooner than the transfer of a file.
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
                f"ClamAV found malware in this file: {_printable(found)}.",
                cause=MALWARE,
            )
        return ACCEPTED

    def alerts(self) -> bool:
        """Return whether clamd reports content that it has not scanned.

        Raises ClamdError.
        """
        return self.clamd.scan([_probe()]).startswith(LIMITS)

    def _require_alerts(self) -> None:
        """Raise InspectorUnavailable if clamd does not report unscanned content.

        If clamd does not report it, the answer OK does not mean that clamd has read the
        whole file. No command returns clamd's settings, so the site sends a probe that
        exceeds clamd's limits.
        """
        if not self.alerts():
            raise InspectorUnavailable(
                "ClamAV: clamd does not report content that it has not scanned. Set "
                "AlertExceedsMax yes in clamd.conf. Until then, files above "
                f"{self.unalerted_bytes} bytes remain in inspection."
            )

    def _too_large(self, reason: str) -> Verdict:
        return Verdict(
            accepted=self.too_large == PASS, reason=reason, cause=NOT_SCANNED
        )


@lru_cache(maxsize=1)
def _probe() -> bytes:
    """Return a small file with PROBE_DEPTH gzip files inside each other."""
    content = b"x"
    for _ in range(PROBE_DEPTH):
        content = gzip.compress(content, mtime=0)
    return content


def _ranges(sample: Sample) -> Iterator[bytes]:
    """Yield the object in ranges. Raises InspectorUnavailable if a range is short."""
    for start in range(0, sample.byte_size, RANGE):
        length = min(RANGE, sample.byte_size - start)
        found = sample.read(start, length)
        if len(found) < length:
            raise InspectorUnavailable(
                "ClamAV: S3 sent fewer bytes than the object has."
            )
        yield found


def _printable(name: str) -> str:
    return "".join(char for char in name if char.isascii() and char.isprintable())[:100]
