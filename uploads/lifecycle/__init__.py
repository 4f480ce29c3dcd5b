"""The life of an upload: what the rest of the house calls.

Every function here follows one order: commit the row, then talk to S3, then
record the answer. No S3 request is made inside a transaction. What dies in
between leaves a row that says so, and the sweeper takes it from there.
"""

from uploads.inspection.budget import Budget
from uploads.lifecycle.completing_many import complete_many
from uploads.lifecycle.completion import complete, preview, stored_parts
from uploads.lifecycle.inspecting import (
    inline_budget,
    reject_uninspected,
    wait,
)
from uploads.lifecycle.judging import Objects, note_on
from uploads.lifecycle.moving import expire, move, purge
from uploads.lifecycle.owning import remove, rename
from uploads.lifecycle.presigning import (
    WantedPart,
    may_show_inline,
    presign,
    presign_download,
    presign_parts,
)
from uploads.lifecycle.quarantine import empty_quarantine
from uploads.lifecycle.receiving import (
    MAX_FORM_BYTES,
    NO_FORMS,
    discard_incoming,
    presign_form,
    start_form,
)
from uploads.lifecycle.releasing import (
    begin_release,
    may_be_released,
    request_release,
)
from uploads.lifecycle.starting import Declaration, start
from uploads.lifecycle.starting_many import Started, Wanted, start_many

__all__ = [
    "MAX_FORM_BYTES",
    "NO_FORMS",
    "Budget",
    "Declaration",
    "Objects",
    "Started",
    "Wanted",
    "WantedPart",
    "begin_release",
    "complete",
    "complete_many",
    "discard_incoming",
    "empty_quarantine",
    "expire",
    "inline_budget",
    "may_be_released",
    "may_show_inline",
    "move",
    "note_on",
    "presign",
    "presign_download",
    "presign_form",
    "presign_parts",
    "preview",
    "purge",
    "reject_uninspected",
    "remove",
    "rename",
    "request_release",
    "start",
    "start_form",
    "start_many",
    "stored_parts",
    "wait",
]
