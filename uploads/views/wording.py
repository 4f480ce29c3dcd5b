"""Texts that explain the state and the events of an upload to its owner."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from uploads.lifecycle import may_be_released
from uploads.lifecycle.checksums import declared_checksum
from uploads.models import AuditEvent, Upload
from uploads.states import Algorithm, State, Transport, VerifiedBy

MAX_LINES = 50

WORDS: dict[State, str] = {
    State.PENDING: "Unfinished",
    State.INSPECTING: "Checking",
    State.READY: "Ready",
    State.REJECTED: State.REJECTED.label,
    State.EXPIRED: "Expired",
    State.CANCELLED: "Cancelled",
    State.DELETED: "Deleted",
}

EXPLANATIONS = {
    State.PENDING: "The file has not arrived completely. Choose the same file again on "
    "the page of your files to send the rest.",
    State.INSPECTING: "The file has arrived and is being checked. You can download it "
    "when the check is done.",
    State.EXPIRED: "The file did not arrive completely in time, so the site deleted "
    "the parts that had arrived. Upload the file again.",
    State.CANCELLED: "The upload was cancelled. No data is kept.",
    State.DELETED: "The file was deleted from storage.",
}

FORM_EXPLANATION = (
    "The file has not arrived yet. If you have just sent the file, reload this page in "
    "a moment. If you have not sent the file, send it now. When the file has "
    "arrived, this page shows its size."
)

SENTENCES = {
    "upload.started": "Upload started",
    "upload.inspecting": "File arrived, check started",
    "upload.waiting": "Check postponed",
    "upload.ready": "Checked and stored",
    "upload.rejected": "Refused",
    "upload.expired": "Expired: the rest of the file did not arrive in time",
    "upload.cancelled": "Cancelled",
    "upload.deleted": "Deleted",
    "upload.downloaded": "Downloaded",
    "upload.previewed": "Preview shown",
    "upload.reverified": "Checked again",
    "upload.release_requested": "Release requested",
    "upload.released": "Released from quarantine as a new file",
    "upload.purged": "Deleted from storage",
    "upload.retired": "Deleted by a retention rule",
    "upload.handed_over": "Handed over to another account",
    "upload.reopened": "The storage could not join the parts. All parts must be sent "
    "again",
}


_FAMILIES = "application|audio|binary|font|image|message|model|multipart|text|video"
_TYPE = rf"(?:{_FAMILIES})/[\w.+-]+"
_TYPES = re.compile(rf" \({_TYPE}(?:, {_TYPE})*\)", re.ASCII)
"""A pattern for the content types in the reason of a refusal.

static/js/page/reason.js has the same pattern. tests/cases/reasons.json tests both.
"""

PROOFS = {
    VerifiedBy.STORAGE: "The storage compared the file with this checksum.",
    VerifiedBy.READ_BACK: "This site read the stored file and compared it with this "
    "checksum.",
}
UNPROVED = (
    "Neither the storage nor this site has compared the stored file with a checksum."
)

UNTOLD = ("upload.presigned",)
"""Kinds of events that the page leaves out. Large files have thousands of them."""


@dataclass(frozen=True)
class Description:
    """Texts about the state of an upload and about its removal."""

    word: str
    explanation: str
    reason: str
    """The reason of the refusal, or ``""`` if the file was not refused."""
    tone: str
    can_ask_for_release: bool
    removal: str
    removal_question: str
    removal_effect: str
    is_stored: bool
    is_size_open: bool
    """True if the site knows only the reserved size, and not the size of the file.

    This applies to a form without JavaScript until its file has arrived.
    """

    @property
    def removable(self) -> bool:
        return bool(self.removal)


@dataclass(frozen=True)
class Checksum:
    """The checksum of the stored bytes. ``value`` is empty if no checksum is known."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One event of an upload. ``by`` is empty if the site itself acted."""

    text: str
    at: datetime
    by: str
    reason: str


def describe(upload: Upload) -> Description:
    """Return the texts for the current state of ``upload``."""
    state = State(upload.state)
    explanation = EXPLANATIONS.get(state, "")
    reason = reason_in_words(upload.rejected_reason)
    if state == State.INSPECTING and upload.waiting_reason:
        explanation = (
            "The file has arrived, but it cannot be checked right now. The site "
            "retries the check. You need not do anything."
        )
    if state == State.REJECTED:
        told = reason or "The file breaks a rule of this site."
        explanation = f"This file was refused. {told} {_release_in_words(upload)}"
    if state == State.PENDING and upload.transport == Transport.COPY:
        explanation = (
            "An operator has released this file. The site is copying the file from "
            "quarantine."
        )
    is_form_open = state == State.PENDING and upload.transport == Transport.FORM
    if is_form_open:
        explanation = FORM_EXPLANATION
    is_releasable = may_be_released(upload) and not upload.released_as_id
    return Description(
        word=WORDS[state],
        explanation=explanation,
        reason=reason,
        tone="error" if state == State.REJECTED else "info",
        removal=_removal(state),
        removal_question=_removal_question(state),
        removal_effect=_removal_effect(state, is_releasable=is_releasable),
        can_ask_for_release=is_releasable and not upload.release_requested_at,
        is_stored=state in {State.INSPECTING, State.READY},
        is_size_open=is_form_open,
    )


def _release_in_words(upload: Upload) -> str:
    if upload.released_as_id:
        return (
            "An operator has released this file. The site has created a new upload for "
            "the released file."
        )
    if not may_be_released(upload):
        return "The file was deleted from storage."
    if upload.release_requested_at:
        return "You have asked the operators to release this file. They will decide."
    return (
        "A copy of this file is kept in quarantine. If the file is harmless, press "
        "“Ask for release”."
    )


def reason_in_words(reason: str) -> str:
    """Return the reason of a refusal for the owner, without content types."""
    return _TYPES.sub("", reason)


def describe_checksum(upload: Upload) -> Checksum:
    """Return the checksum as common tools print it.

    The note of the result says who has compared the file with the checksum.
    """
    value = upload.object_checksum or declared_checksum(upload)
    label = str(Algorithm(upload.checksum_algorithm).label)
    digest, _, part_count = value.partition("-")
    if part_count:
        words = (
            f"This SHA-256 was computed from the checksums of the {part_count} parts, "
            "not from the whole file."
        )
        return Checksum("SHA-256 of parts", value, f"{words} {_proof(upload)}".strip())
    try:
        shown = base64.b64decode(digest).hex()
    except binascii.Error:
        shown = value
    return Checksum(label, shown, _proof(upload))


def _proof(upload: Upload) -> str:
    """Return a sentence about who compared the file with its checksum.

    Return ``""`` if the upload is not ready.
    """
    if upload.state != State.READY:
        return ""
    if not upload.checksum_verified_by:
        return UNPROVED
    return PROOFS[VerifiedBy(upload.checksum_verified_by)]


def tell(upload: Upload, *, reader: Any) -> list[Line]:
    """Return the last events of ``upload``, newest first."""
    told = upload.events.exclude(kind__in=UNTOLD).select_related("actor")
    events = told.order_by("-at", "-pk")
    return [
        Line(_sentence(event), event.at, _who(event, reader), _reason(event, upload))
        for event in events[:MAX_LINES]
    ]


def _is_open(state: State) -> bool:
    return state == State.PENDING


def _removal(state: State) -> str:
    if state == State.PENDING:
        return "Discard"
    if state == State.REJECTED:
        return "Remove"
    return "Delete" if state in {State.INSPECTING, State.READY} else ""


def _removal_question(state: State) -> str:
    if state == State.REJECTED:
        return "Remove this file from the list?"
    return f"{_removal(state)} this {'upload' if _is_open(state) else 'file'}?"


def _removal_effect(state: State, *, is_releasable: bool) -> str:
    if _is_open(state):
        return "The parts that have arrived will be deleted."
    if state == State.REJECTED:
        refused = "The site refused this file and does not offer it for download."
        lost = " After the removal, no operator can release this file."
        return refused + (lost if is_releasable else "")
    return (
        "The file will be deleted from storage, and its space will be free again. This "
        "cannot be undone."
    )


def _sentence(event: AuditEvent) -> str:
    detail = event.detail or {}
    if event.kind == "upload.renamed":
        return f"Renamed from {detail.get('from', '')} to {detail.get('to', '')}"
    text = SENTENCES.get(event.kind)
    return text or event.kind.partition(".")[2].replace("_", " ").capitalize()


def _reason(event: AuditEvent, upload: Upload) -> str:
    """Return the reason of the event, or ``""``.

    A released file is ready although its content was refused. Leave out this refusal,
    because the page of the refused upload shows it.
    """
    if event.kind == "upload.ready" and upload.transport == Transport.COPY:
        return ""
    return reason_in_words((event.detail or {}).get("reason", ""))


def _who(event: AuditEvent, reader: Any) -> str:
    if event.actor is None:
        return ""
    # Do not name staff to users. The admin shows the name.
    return "you" if event.actor == reader else "an administrator"
