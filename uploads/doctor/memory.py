"""Stores facts about the bucket: kept promises and refused settings."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import Error
from django.utils import timezone

from uploads.doctor.certificate import UNTRIED, certificate
from uploads.doctor.results import Finding, Status
from uploads.lifecycle.capabilities import PROMISE, forget_capabilities, place
from uploads.models import BucketFact, JobReport
from uploads.s3.setting_up import Outcome, Result
from uploads.upkeep.figures import remember_job

_SETUP = "setup."


def remember(results: Iterable[Result]) -> None:
    """Store the settings that could not be applied, each with the reason."""
    for result in results:
        facts = BucketFact.objects.filter(place=place(), name=_SETUP + result.name)
        if result.outcome == Outcome.SKIPPED:
            BucketFact.objects.update_or_create(
                place=place(),
                name=_SETUP + result.name,
                defaults={"value": result.reason, "at": timezone.now()},
            )
        elif result.outcome in {Outcome.CHANGED, Outcome.SAME}:
            facts.delete()


def remember_promises(found: Iterable[Finding]) -> None:
    """Store which promises the bucket keeps. Completion and pages use them.

    A skipped question keeps its earlier result. Without a database nothing is stored.
    """
    here, now = place(), timezone.now()
    facts = [
        BucketFact(name=PROMISE + name, place=here, value=promise["kept"], at=now)
        for name, promise in certificate(found, here)["promises"].items()
        if promise["kept"] != UNTRIED
    ]
    try:
        BucketFact.objects.bulk_create(
            facts,
            update_conflicts=True,
            unique_fields=["place", "name"],
            update_fields=["value", "at"],
        )
    except Error:
        return
    forget_capabilities()


def remember_examination(found: Iterable[Finding]) -> None:
    """Store the number of findings of each status, after a full examination."""
    leaves = [f for top in found for f in top.walk() if not f.children]
    counts = {s.value: sum(f.status == s for f in leaves) for s in Status}
    try:
        remember_job(JobReport.DOCTOR, counts)
    except Error:
        return  # The findings already report that the database is unavailable.


def refusals() -> dict[str, str]:
    """Return the settings that the provider refuses, each with the reason."""
    rows = BucketFact.objects.filter(place=place(), name__startswith=_SETUP)
    return {
        name.removeprefix(_SETUP): value
        for name, value in rows.values_list("name", "value")
    }
