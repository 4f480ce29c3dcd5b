"""Does the bucket have the wanted settings? Most settings only setup may read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.db import Error

from uploads.doctor.examination import Examination
from uploads.doctor.memory import refusals
from uploads.doctor.results import Finding, note, ok, skip, warn
from uploads.errors import StorageError
from uploads.s3.bucket_config import set_up_site, setup_bucket, setup_queue
from uploads.s3.setting_up import Outcome, Result
from uploads.s3.wanted.merging import Change

CONSEQUENCES = {
    "cors": "S3 refuses the site's browsers.",
    "public_access": "One wrong policy or ACL makes all files public.",
    "ownership": "ACLs can make single files readable for others.",
    "encryption": "Files are stored unencrypted.",
    "sse_c": "A sender can encrypt a file with a key that the site does not have.",
    "lifecycle": "Leftovers that the sweeper misses stay forever and cost money.",
    "policy": "S3 also answers requests that the site never makes.",
    "queue_policy": "S3 cannot notify the site of new objects.",
    "notifications": "If the browser closes early, files wait for the next sweep.",
    "bucket": "Nothing can be uploaded.",
}


def ask_settings(examination: Examination) -> Iterator[Finding]:
    """Compare each setting as setup_bucket does, and change nothing."""
    try:
        facts = examination.facts
        queue = setup_queue(examination.profile)
        if queue is not None:
            facts = replace(facts, queue_arn=queue.arn())
        bucket = setup_bucket(examination.profile)
        results = list(set_up_site(facts, bucket, apply=False, queue=queue))
    except (StorageError, ValueError) as error:
        yield skip(
            "settings.all",
            "The settings can be read",
            f"{error} They were not compared.",
        )
        return
    left_out = _left_out()
    for result in results:
        yield _finding(result, left_out.get(result.name, ""))


def _left_out() -> dict[str, str]:
    try:
        return refusals()
    except Error:
        return {}


def _finding(result: Result, refused: str) -> Finding:
    name = f"settings.{result.name}"
    if result.outcome == Outcome.SAME:
        return ok(name, result.title)
    if result.outcome == Outcome.SKIPPED:
        return skip(name, result.title, result.reason)
    if result.outcome == Outcome.FAILED:
        return skip(name, result.title, f"Setup may not read it. {result.reason}")
    family = result.name.split(".")[0]
    if result.outcome == Outcome.WARNED:
        fix = result.fix
        return warn(name, result.title, result.reason, CONSEQUENCES[family], fix)
    if refused:
        return note(name, result.title, f"Tried before. {refused}")
    return warn(
        name,
        result.title,
        _fact(result.changes),
        CONSEQUENCES[family],
        "manage.py setup_bucket --apply",
        result.name,
    )


def _fact(changes: Sequence[Change]) -> str:
    """Return the differences as text; a setting without any wanted value is not set."""
    if not any(change.before for change in changes):
        return "It is not set."
    return ", ".join(
        f"{change.path} is {change.before or 'absent'}" for change in changes[:3]
    )
