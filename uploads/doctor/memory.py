"""Remembers what was seen of the bucket: its promises, and settings that it refused."""

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
    """Keep which settings an attempt to apply them had to leave out, and why."""
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
    """Keep which promises the bucket keeps: completion and pages act on them.

    Questions that were not asked change nothing. Without a database nothing is kept.
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
    """Keep how many findings of each status a whole examination had."""
    leaves = [f for top in found for f in top.walk() if not f.children]
    counts = {s.value: sum(f.status == s for f in leaves) for s in Status}
    try:
        remember_job(JobReport.DOCTOR, counts)
    except Error:
        return  # the findings say that the database is away


def refusals() -> dict[str, str]:
    """Return the settings that the provider does not keep, each with the reason."""
    rows = BucketFact.objects.filter(place=place(), name__startswith=_SETUP)
    return {
        name.removeprefix(_SETUP): value
        for name, value in rows.values_list("name", "value")
    }
