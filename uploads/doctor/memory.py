"""Remembers what was seen of the bucket: what its provider refused to be set to."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils import timezone

from uploads.models import BucketFact
from uploads.s3.setting_up import Outcome, Result

_SETUP = "setup."


def place() -> str:
    """Return which bucket of which provider is meant."""
    return f"{settings.S3_ENDPOINT_URL or 'aws'} {settings.S3_BUCKET}"[:400]


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


def refusals() -> dict[str, str]:
    """Return the settings that the provider does not keep, each with the reason."""
    rows = BucketFact.objects.filter(place=place(), name__startswith=_SETUP)
    return {
        name.removeprefix(_SETUP): value
        for name, value in rows.values_list("name", "value")
    }
