"""Runs the inspectors of settings.INSPECTORS on an object.

If one inspector refuses the object, the verdict is a refusal. If an inspector fails and
no other inspector refuses the object, the upload waits until the inspector works again.
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
from uploads.inspection.verdicts import ACCEPTED, Inspector, Sample, Verdict, refused

logger = structlog.get_logger("slipway.inspection")

UNFINISHED = (
    "This file is too large to be checked completely, and this site accepts only "
    "completely checked files. Split the file, or ask the people who run the site."
)


@lru_cache(maxsize=1)
def inspectors() -> tuple[Inspector, ...]:
    """Return all inspectors in the order of the setting, but slow inspectors last.

    Raises ImproperlyConfigured if an entry of ``INSPECTORS`` cannot be imported, is not
    an inspector, or has wrong options.
    """
    made = [_make(entry) for entry in settings.INSPECTORS]
    return tuple(sorted(made, key=lambda inspector: inspector.slow))


def takes_long(sample: Sample) -> bool:
    """Return whether the object is large and a slow inspector must read all of it."""
    return sample.byte_size > options().inline_inspection_bytes and any(
        inspector.slow and _asked(inspector.wants, inspector, sample)
        for inspector in inspectors()
    )


def inspect(
    sample: Sample, *, quick_only: bool = False, overruled: str = ""
) -> Verdict:
    """Return the verdict of all inspectors on an object.

    ``quick_only``: skip the slow inspectors. The caller must run them later.
    ``overruled``: ignore refusals with this cause. The verdict keeps their reasons.
    Raises InspectorUnavailable if an inspector fails and no other inspector refuses the
    object. Raises StorageUnavailable if the object cannot be read. Raises OverBudget if
    an inspection inside a request would cost too much.
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
    """Return a context that subtracts an inspector's work from the budget.

    In the background, it does not subtract the work of slow inspectors, because they
    must read the whole object.
    """
    if inspector.slow and not sample.budget.is_inline:
        return nullcontext()
    return sample.budget.running()


def _unfinished(inspector: Inspector, error: OverBudget) -> Verdict:
    """Return the verdict on a file whose inspection exceeds the budget.

    The setting ``unfinished_inspection`` decides whether the file is accepted.
    """
    note = error.note or f"{inspector.name}: the file was not checked to its end."
    logger.warning("inspection.unfinished", inspector=inspector.name, note=note)
    if options().unfinished_inspection == REFUSE:
        return refused(UNFINISHED)
    return Verdict(accepted=True, reason=note)


def _verdict_of(inspector: Inspector, sample: Sample) -> Verdict:
    if not _asked(inspector.wants, inspector, sample):
        return ACCEPTED
    verdict = _asked(inspector.inspect, inspector, sample)
    if not isinstance(verdict, Verdict):
        raise InspectorUnavailable(f"{inspector.name} gave no verdict.")
    return verdict


def _asked(question: Any, inspector: Inspector, sample: Sample) -> Any:
    """Return an inspector's answer. Raises InspectorUnavailable if it fails."""
    try:
        return question(sample)
    except (InspectorUnavailable, StorageError, OverBudget):
        raise
    except Exception as error:
        logger.exception("inspector.failed", inspector=inspector.name)
        raise InspectorUnavailable(
            f"{inspector.name} failed with {type(error).__name__}. See the log."
        ) from error


def _make(entry: Mapping[str, Any]) -> Inspector:
    unknown = entry.keys() - {"NAME", "OPTIONS"}
    if unknown or "NAME" not in entry:
        raise ImproperlyConfigured(
            "An entry of INSPECTORS must have the key NAME, and may have only one "
            f"other key: OPTIONS. The keys of this entry are {sorted(entry)}."
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
            f"INSPECTORS: {path} is not an inspector. Missing attributes: "
            f"{', '.join(lacking)}."
        )
    return made


def _forget_inspectors(*, setting: str, **_: object) -> None:
    if setting == "INSPECTORS":
        inspectors.cache_clear()


setting_changed.connect(_forget_inspectors)
