"""Creates certificates. A certificate lists which promises a provider keeps.

A promise is a behaviour of the storage that the site relies on. For example, S3 refuses
an upload that differs from its signed URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from uploads.doctor.results import Finding, Status

FAMILIES = ("connection", "contract", "cors")
KEPT, BROKEN, UNTRIED = "yes", "no", "not tried"
_ORDER = (KEPT, UNTRIED, BROKEN)


def certificate(found: Iterable[Finding], place: str) -> dict[str, Any]:
    """Return a certificate for the storage ``place`` from the doctor's findings.

    For each promise, the certificate contains the title, whether the provider keeps the
    promise, and the observed fact. A promise that was tested for several origins is
    kept only if it is kept for all of them.
    """
    promises: dict[str, dict[str, str]] = {}
    for top in found:
        for finding in top.walk():
            if finding.children or not finding.name.startswith(("contract.", "cors.")):
                continue
            name = _question(finding.name)
            promise = {
                "title": finding.title,
                "kept": _kept(finding.status),
                "fact": finding.fact,
            }
            promises[name] = max(promises.get(name, promise), promise, key=_badness)
    return {
        "place": place,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "promises": promises,
    }


def row(document: dict[str, Any], names: Iterable[str]) -> list[str]:
    """Return the provider's results for the promises ``names`` as Markdown cells."""
    promises = document["promises"]
    return [
        f"**{found}**" if found == BROKEN else found
        for found in (
            promises[name]["kept"] if name in promises else UNTRIED for name in names
        )
    ]


def markdown_row(document: dict[str, Any]) -> str:
    """Return a row of a Markdown table that sums up the certificate.

    The row contains the place, the date, the number of kept promises, and the titles of
    the broken promises.
    """
    promises = document["promises"]
    broken = [p["title"] for p in promises.values() if p["kept"] == BROKEN]
    kept = sum(p["kept"] == KEPT for p in promises.values())
    gaps = "; ".join(broken) or "none"
    return f"| {document['place']} | {document['date']} | {kept} | {gaps} |"


def _question(name: str) -> str:
    """Return the name of the promise that a finding is about.

    For example, contract.put.right.kms is about the promise contract.put.right.
    """
    return ".".join(name.split(".")[:3]) if name.startswith(_CAUSED) else name


_CAUSED = "contract.put.right."


def _badness(promise: dict[str, str]) -> int:
    return _ORDER.index(promise["kept"])


def _kept(status: Status) -> str:
    if status == Status.SKIP:
        return UNTRIED
    return KEPT if status == Status.OK else BROKEN
