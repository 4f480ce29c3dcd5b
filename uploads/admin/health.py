"""Summarise the last results of the background jobs for the admin's first page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from uploads.models import JobReport

SWEEP_LATE = timedelta(minutes=10)
NOTHING, GOOD, WARN, BAD = "nothing", "good", "warn", "bad"
WORDS = {NOTHING: "Not run", GOOD: "OK", WARN: "Check", BAD: "Problem"}


@dataclass(frozen=True)
class Health:
    """The state of one job, with the time of its last run (``at``)."""

    name: str
    level: str
    words: str
    at: datetime | None = None

    @property
    def level_words(self) -> str:
        return WORDS[self.level]


def health_of(jobs: Mapping[str, JobReport]) -> list[Health]:
    """Return the states of the sweeper, the audit, the doctor and the notifications."""
    return [
        _sweeper(jobs.get(JobReport.SWEEP)),
        _audit(jobs.get(JobReport.AUDIT)),
        _doctor(jobs.get(JobReport.DOCTOR)),
        _notifications(jobs.get(JobReport.NOTIFICATIONS)),
    ]


def _sweeper(job: JobReport | None) -> Health:
    if job is None:
        words = "The sweeper has not run yet. Run manage.py sweep once a minute."
        return Health("Sweeper", BAD, words)
    done = job.figures
    at, took = job.finished_at, f"The last sweep took {job.seconds:.1f} s."
    if timezone.now() - at > SWEEP_LATE:
        words = (
            "The sweeper last ran more than 10 minutes ago. Run manage.py sweep once a "
            "minute."
        )
        return Health("Sweeper", BAD, words, at)
    if done.get("young_orphans"):
        count = f"{done['young_orphans']:,}"
        words = (
            f"{count} objects in the bucket have no row in the database. See Orphans "
            f"below. {took}"
        )
        return Health("Sweeper", BAD, words, at)
    troubles = [
        f"{words}: {done[name]:,}"
        for name, words in (
            ("failed", "Checks that failed"),
            ("given_up", "Uploads ended after repeated errors"),
            ("waiting", "Uploads that could not be inspected yet"),
            ("quotas_mended", "Corrected quotas"),
        )
        if done.get(name)
    ]
    if troubles:
        return Health("Sweeper", WARN, f"{'. '.join(troubles)}. {took}", at)
    return Health("Sweeper", GOOD, f"No problems. {took}", at)


def _audit(job: JobReport | None) -> Health:
    if job is None:
        words = "Run manage.py audit to compare the bucket with the database."
        return Health("Audit", NOTHING, words)
    found = job.figures
    if found["differences"]:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in found["kinds"].items())
        words = f"The last audit found differences: {kinds}."
        return Health("Audit", WARN, words, job.finished_at)
    words = (
        f"The last audit found no differences between {found['objects']:,} objects and "
        f"{found['rows']:,} rows."
    )
    return Health("Audit", GOOD, words, job.finished_at)


def _doctor(job: JobReport | None) -> Health:
    if job is None:
        words = (
            "No complete run of the doctor is stored. Run manage.py doctor to test "
            "bucket and site."
        )
        return Health("Doctor", NOTHING, words)
    failures, warnings = job.figures.get("FAIL", 0), job.figures.get("WARN", 0)
    run_by = job.figures.get("run_by")  # missing in a result of an older version
    last = f" Last complete run: by {run_by}." if run_by else ""
    if failures or warnings:
        words = f"The doctor found {failures} failures and {warnings} warnings.{last}"
        return Health("Doctor", BAD if failures else WARN, words, job.finished_at)
    return Health(
        "Doctor", GOOD, f"The doctor found no problems.{last}", job.finished_at
    )


def _notifications(job: JobReport | None) -> Health:
    if job is None:
        words = (
            "The site has processed no notification of S3 yet. Browsers and the "
            "sweeper complete the uploads instead."
        )
        return Health("Notifications", NOTHING, words)
    delay = job.figures.get("delay_seconds")
    words = "The last notification was processed."
    if delay is not None:
        words = (
            f"The last notification was processed {delay:.1f} s after the change in "
            "the bucket."
        )
    return Health("Notifications", GOOD, words, job.finished_at)
