"""The inspectors in their order; the first refusal is the verdict."""

from __future__ import annotations

from uploads.inspection.declared_type import inspect_declared_type
from uploads.inspection.verdicts import Inspector, Sample, Verdict

INSPECTORS: tuple[Inspector, ...] = (inspect_declared_type,)


def inspect(sample: Sample) -> Verdict:
    """Return the verdict on an object; it is accepted when no inspector objects."""
    detected_type = ""
    for inspector in INSPECTORS:
        verdict = inspector(sample)
        if not verdict.accepted:
            return verdict
        detected_type = detected_type or verdict.detected_type
    return Verdict(accepted=True, detected_type=detected_type)
