"""Actions on the selected uploads. Each action adds messages about its results."""

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
"""Maximum number of uploads for one action. Each upload needs one or two S3 calls."""

MAX_NAMES = 5


def selected_uploads(request: HttpRequest, queryset: QuerySet[Any]) -> list[Upload]:
    """Return the selected uploads.

    If more than MAX_SELECTED are selected, add an error message and return ``[]``.
    """
    uploads = list(queryset[: MAX_SELECTED + 1])
    if len(uploads) <= MAX_SELECTED:
        return uploads
    messages.error(
        request,
        f"You selected more than {MAX_SELECTED} uploads, so nothing was done. "
        "Select fewer uploads, then try again.",
    )
    return []


def verify_again(request: HttpRequest, uploads: list[Upload]) -> None:
    budget = lifecycle.inline_budget()

    def step(upload: Upload) -> Finding:
        return reverify(upload, actor=request.user, budget=budget)

    _each(request, uploads, step)


def remove(request: HttpRequest, uploads: list[Upload]) -> None:
    def step(upload: Upload) -> Finding:
        state_before, was_final = upload.state, upload.is_final
        lifecycle.remove(upload, actor=request.user)
        if lifecycle.empty_quarantine(upload, actor=request.user):
            return Finding(True, "The copy was deleted from quarantine.")
        if was_final:
            return Finding(
                True,
                f"Nothing to delete, because the upload was already {state_before}.",
            )
        return Finding(True, f"The state is now {upload.state}.")

    _each(request, uploads, step)


def release(request: HttpRequest, uploads: list[Upload]) -> None:
    """Release rejected uploads from quarantine, each as a new upload of its owner."""

    def step(upload: Upload) -> Finding:
        made = lifecycle.begin_release(upload, actor=request.user)
        try:
            complete(made, actor=request.user)
        except StorageUnavailable:
            words = (
                "The release has started, but the storage does not answer. The sweeper "
                "will retry."
            )
            return Finding(True, words)
        if made.state == State.REJECTED:
            return Finding(False, f"The release was refused. {made.rejected_reason}")
        if made.state == State.READY:
            return Finding(True, "The file is released, and its owner can download it.")
        return Finding(
            True,
            "The release has started. The file becomes a new upload, whose state is "
            f"now {made.state}.",
        )

    _each(request, uploads, step)


def purge_again(request: HttpRequest, uploads: list[Upload]) -> None:
    def step(upload: Upload) -> Finding:
        if upload.state not in FINAL:
            words = (
                f"The object was not deleted, because the state is {upload.state}. "
                "First use the action “Delete the files”."
            )
            return Finding(False, words)
        if lifecycle.empty_quarantine(upload, actor=request.user):
            return Finding(True, "The copy was deleted from quarantine.")
        if _is_purged(upload):
            return Finding(True, "The object was already deleted.")
        if not lifecycle.purge(upload):
            words = (
                "The object was not deleted, because the storage does not answer. Try "
                "again later."
            )
            return Finding(False, words)
        record("upload.purged", upload=upload, actor=request.user)
        if _is_purged(upload):
            return Finding(True, "The object is deleted.")
        return Finding(
            True,
            "The object is deleted. Until all upload URLs have expired, a new "
            "object may arrive. The sweeper deletes such an object after that time.",
        )

    _each(request, uploads, step)


def _is_purged(upload: Upload) -> bool:
    return upload.purged_at is not None


def _each(
    request: HttpRequest, uploads: list[Upload], step: Callable[[Upload], Finding]
) -> None:
    """Apply ``step`` to each upload. Uploads with the same outcome share a message."""
    outcomes: dict[Finding, list[str]] = defaultdict(list)
    for upload in uploads:
        try:
            finding = step(upload)
        except UploadError as error:
            finding = Finding(False, error.detail)
        outcomes[finding].append(upload.filename)
    for finding, names in outcomes.items():
        add_message = messages.success if finding.agrees else messages.warning
        add_message(request, f"{_join_names(names)}: {finding.words}")


def _join_names(names: list[str]) -> str:
    """Return the first MAX_NAMES names in quotes, and the number of further names.

    Without quotes, Django would capitalise the first letter of the first name.
    """
    shown, rest = [f'"{name}"' for name in names[:MAX_NAMES]], len(names) - MAX_NAMES
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
