"""The inspectors of settings.INSPECTORS, in their order.

Any refusal refuses. An inspector that could not look keeps the object waiting:
no answer is never a good one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from uploads.conf import REFUSE, options
from uploads.errors import InspectorUnavailable, StorageError
from uploads.inspection.budget import OverBudget
from uploads.inspection.verdicts import Inspector, Sample, Verdict, refused

logger = structlog.get_logger("slipway.inspection")

UNFINISHED = (
    "This file is too large to be checked to its end, and this site accepts no such "
    "files. Split it, or ask the people who run the site."
)


@lru_cache(maxsize=1)
def inspectors() -> tuple[Inspector, ...]:
    """Return the inspectors of ``INSPECTORS``; quick ones first, else in its order.

    Raises ImproperlyConfigured for a path that leads nowhere, for options that an
    inspector does not take, and for an entry that is no inspector.
    """
    made = [_make(entry) for entry in settings.INSPECTORS]
    return tuple(sorted(made, key=lambda inspector: inspector.slow))


def takes_long(sample: Sample) -> bool:
    """Return whether an inspector has to read the whole of what is a large object."""
    return sample.byte_size > options().inline_inspection_bytes and any(
        inspector.slow and _asked(inspector.wants, inspector, sample)
        for inspector in inspectors()
    )


def inspect(
    sample: Sample, *, quick_only: bool = False, overruled: str = ""
) -> Verdict:
    """Return the verdict on an object; it is accepted when no inspector objects.

    With ``quick_only``, acceptance means no more than that the slow inspectors
    are worth asking. A refusal by the cause ``overruled`` becomes a note. Raises
    InspectorUnavailable when one could not look and no other refuses,
    StorageUnavailable when the object cannot be read, OverBudget when an inline
    inspection would cost too much.
    """
    missing: InspectorUnavailable | None = None
    notes: list[str] = []
    reasons: list[str] = []
    detected_type = ""
    for inspector in inspectors():
        if quick_only and inspector.slow:
            continue
        try:
            with _paid(inspector, sample):
                verdict = _verdict_of(inspector, sample)
        except OverBudget as error:
            if sample.budget.is_inline:
                raise
            verdict = _unfinished(inspector, error)
        except InspectorUnavailable as error:
            missing = missing or error
            continue
        if not verdict.accepted:
            if not overruled or verdict.cause != overruled:
                return verdict
            verdict = replace(verdict, accepted=True)
        detected_type = detected_type or verdict.detected_type
        reasons += [verdict.reason] if verdict.reason else []
        notes += [verdict.note] if verdict.note else []
    if missing is not None:
        raise missing
    return Verdict(
        accepted=True,
        reason=" ".join(reasons),
        detected_type=detected_type,
        note=" ".join(notes),
    )


def _paid(inspector: Inspector, sample: Sample) -> AbstractContextManager[None]:
    """Count an inspector's work against the budget, unless it has limits of its own.

    A slow inspector reads the whole object: in the background it may.
    """
    if inspector.slow and not sample.budget.is_inline:
        return nullcontext()
    return sample.budget.running()


def _unfinished(inspector: Inspector, error: OverBudget) -> Verdict:
    """Return the site's verdict on a file that would cost too much to inspect."""
    note = error.note or f"{inspector.name}: the file was not checked to its end."
    logger.warning("inspection.unfinished", inspector=inspector.name, note=note)
    if options().unfinished_inspection == REFUSE:
        return refused(UNFINISHED)
    return Verdict(accepted=True, reason=note)


def _verdict_of(inspector: Inspector, sample: Sample) -> Verdict:
    if not _asked(inspector.wants, inspector, sample):
        return Verdict(accepted=True)
    verdict = _asked(inspector.inspect, inspector, sample)
    if not isinstance(verdict, Verdict):
        raise InspectorUnavailable(f"{inspector.name} gave no verdict.")
    return verdict


def _asked(question: Any, inspector: Inspector, sample: Sample) -> Any:
    """Return an inspector's answer; one that breaks has not said that all is well."""
    try:
        return question(sample)
    except (InspectorUnavailable, StorageError, OverBudget):
        raise
    except Exception as error:
        logger.exception("inspector.failed", inspector=inspector.name)
        raise InspectorUnavailable(
            f"{inspector.name} failed with {type(error).__name__}: see the log."
        ) from error


def _make(entry: Mapping[str, Any]) -> Inspector:
    unknown = entry.keys() - {"NAME", "OPTIONS"}
    if unknown or "NAME" not in entry:
        raise ImproperlyConfigured(
            f"An entry of INSPECTORS has NAME and OPTIONS, not {sorted(entry)}."
        )
    path = entry["NAME"]
    try:
        made: Inspector = import_string(path)(**entry.get("OPTIONS", {}))
    except (ImportError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"INSPECTORS: {path}: {error}") from error
    lacking = [
        part for part in ("name", "slow", "wants", "inspect") if not hasattr(made, part)
    ]
    if lacking:
        raise ImproperlyConfigured(
            f"INSPECTORS: {path} is no inspector: it lacks {', '.join(lacking)}."
        )
    return made


def _forget_inspectors(*, setting: str, **_: object) -> None:
    if setting == "INSPECTORS":
        inspectors.cache_clear()


setting_changed.connect(_forget_inspectors)
