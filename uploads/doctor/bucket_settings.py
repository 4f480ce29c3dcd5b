"""Compares the bucket's settings with the wanted settings.

Only setup, the identity that configures the bucket, has the permission to read most of
these settings.
"""

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
    "cors": "Browsers cannot upload, because the bucket's CORS rules do not allow the "
    "site's pages.",
    "public_access": "A wrong bucket policy or ACL can make all files public.",
    "ownership": "An ACL can make a file readable for everybody.",
    "encryption": "Files are stored unencrypted.",
    "sse_c": "A client can encrypt a file with its own key (SSE-C), so that the site "
    "cannot read the file.",
    "lifecycle": "Objects that the sweeper fails to delete cost money forever.",
    "policy": "S3 accepts unwanted requests, for example over HTTP without TLS or with "
    "old signatures.",
    "queue_policy": "S3 cannot notify the site of new objects.",
    "notifications": "If a person closes the browser right after an upload, the file "
    "becomes ready only at the next sweep.",
    "bucket": "Nobody can upload a file.",
}


def ask_settings(examination: Examination) -> Iterator[Finding]:
    """Compare each setting as `setup_bucket` does, but change nothing."""
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
            "The bucket's settings can be read",
            f"{error} So the settings were not compared.",
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
        fact = f"The setup identity cannot read this setting. {result.reason}"
        return skip(name, result.title, fact)
    family = result.name.split(".")[0]
    if result.outcome == Outcome.WARNED:
        fix = result.fix
        return warn(name, result.title, result.reason, CONSEQUENCES[family], fix)
    if refused:
        fact = f"manage.py setup_bucket has tried to apply this setting. {refused}"
        return note(name, result.title, fact)
    return warn(
        name,
        result.title,
        result.reason or _fact(result.changes),
        CONSEQUENCES[family],
        "manage.py setup_bucket --apply",
        result.name,
    )


def _fact(changes: Sequence[Change]) -> str:
    """Return the differences between the setting and its wanted value as text."""
    if not any(change.before for change in changes):
        return "The bucket does not have this setting."
    return ", ".join(
        f"{change.path} is {change.before or 'absent'}" for change in changes[:3]
    )
