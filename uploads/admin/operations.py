"""What operators do to many uploads at once, and how they are told of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest

from uploads import lifecycle
from uploads.errors import StorageUnavailable, UploadError
from uploads.lifecycle.reconciliation import complete
from uploads.models import Upload
from uploads.states import FINAL, State
from uploads.trail.writing import record
from uploads.upkeep.reverification import Finding, reverify

MAX_SELECTED = 500
"""Each upload costs a request or two to S3, and a person waits for the answer."""

MAX_NAMES = 5


def chosen(request: HttpRequest, queryset: QuerySet[Any]) -> list[Upload]:
    """Return the chosen uploads; none, and say so, where they are too many."""
    uploads = list(queryset[: MAX_SELECTED + 1])
    if len(uploads) <= MAX_SELECTED:
        return uploads
    messages.error(
        request, f"Choose at most {MAX_SELECTED} uploads at a time: nothing was done."
    )
    return []


def verify_again(request: HttpRequest, uploads: list[Upload]) -> None:
    budget = lifecycle.inline_budget()

    def step(upload: Upload) -> Finding:
        return reverify(upload, actor=request.user, budget=budget)

    _each(request, uploads, step)


def remove(request: HttpRequest, uploads: list[Upload]) -> None:
    def step(upload: Upload) -> Finding:
        was_over = upload.is_final
        lifecycle.remove(upload, actor=request.user)
        if lifecycle.empty_quarantine(upload, actor=request.user):
            return Finding(True, "It is gone from quarantine.")
        if was_over:
            return Finding(True, "It was over already.")
        return Finding(True, f"It is now {upload.state}.")

    _each(request, uploads, step)


def release(request: HttpRequest, uploads: list[Upload]) -> None:
    """Release rejected uploads from quarantine, each as a new upload of its owner."""

    def step(upload: Upload) -> Finding:
        made = lifecycle.begin_release(upload, actor=request.user)
        try:
            complete(made, actor=request.user)
        except StorageUnavailable:
            words = "It is being released; the storage does not answer at the moment."
            return Finding(True, words)
        if made.state == State.REJECTED:
            return Finding(False, f"Its release was refused. {made.rejected_reason}")
        if made.state == State.READY:
            return Finding(True, "It is released, and ready for its owner.")
        return Finding(True, f"It is being released, and now {made.state}.")

    _each(request, uploads, step)


def purge_again(request: HttpRequest, uploads: list[Upload]) -> None:
    def step(upload: Upload) -> Finding:
        if upload.state not in FINAL:
            return Finding(False, f"It is {upload.state}: delete it first.")
        if lifecycle.empty_quarantine(upload, actor=request.user):
            return Finding(True, "It is gone from quarantine.")
        if _is_purged(upload):
            return Finding(True, "Its bytes were gone for good already.")
        if not lifecycle.purge(upload):
            return Finding(False, "The storage does not answer: try again later.")
        record("upload.purged", upload=upload, actor=request.user)
        if _is_purged(upload):
            return Finding(True, "Its bytes are gone for good.")
        return Finding(
            True, "Its bytes are gone; a last look is due once its URLs have died."
        )

    _each(request, uploads, step)


def _is_purged(upload: Upload) -> bool:
    return upload.purged_at is not None


def _each(
    request: HttpRequest, uploads: list[Upload], step: Callable[[Upload], Finding]
) -> None:
    """Take one step with each upload, and tell of every outcome once, with names."""
    outcomes: dict[Finding, list[str]] = defaultdict(list)
    for upload in uploads:
        try:
            finding = step(upload)
        except UploadError as error:
            finding = Finding(False, error.detail)
        outcomes[finding].append(upload.filename)
    for finding, names in outcomes.items():
        tell = messages.success if finding.agrees else messages.warning
        tell(request, f"{_listed(names)}: {finding.words}")


def _listed(names: list[str]) -> str:
    shown, rest = names[:MAX_NAMES], len(names) - MAX_NAMES
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
