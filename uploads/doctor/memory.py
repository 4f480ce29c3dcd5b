"""Stores the doctor's results in the database.

The results are the promises that the provider keeps, and the settings that it refuses.
A promise is a behaviour of the storage that the site relies on.
"""

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
    """Store which settings the provider does not support, with the reasons.

    If the bucket now has a wanted setting, this function deletes its stored reason.
    """
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
    """Store which promises the provider keeps for this bucket.

    The site uses these facts when it completes an upload, or offers the form without
    JavaScript. If a question was skipped, its stored result stays the same. If the
    database fails, this function stores nothing.
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


def remember_examination(found: Iterable[Finding], *, run_by: str) -> None:
    """Store how many findings have each status, for the metrics and the admin.

    Call it only after a complete run of the doctor. Each run replaces the stored result
    of the run before. ``run_by`` names the program that ran the doctor.
    """
    leaves = [f for top in found for f in top.walk() if not f.children]
    counts = {s.value: sum(f.status == s for f in leaves) for s in Status}
    try:
        remember_job(JobReport.DOCTOR, {**counts, "run_by": run_by})
    except Error:
        return  # One of the findings says that the database does not answer.


def refusals() -> dict[str, str]:
    """Return the stored reasons of settings that the provider does not support.

    The keys are the names of the settings.
    """
    rows = BucketFact.objects.filter(place=place(), name__startswith=_SETUP)
    return {
        name.removeprefix(_SETUP): value
        for name, value in rows.values_list("name", "value")
    }
