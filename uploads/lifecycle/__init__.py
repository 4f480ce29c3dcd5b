"""Exports the functions by which other packages start, complete and end uploads.

Every function here commits the row, then calls S3, then records the answer of S3. No
function calls S3 inside a transaction. If the process dies, the row shows the last step
that it finished, and the sweeper continues with the next step.
"""

from uploads.inspection.budget import Budget
from uploads.lifecycle.completing_many import complete_many
from uploads.lifecycle.completion import advance, prefetch, stored_parts
from uploads.lifecycle.inspecting import (
    inline_budget,
    note_waiting,
    reject_uninspected,
)
from uploads.lifecycle.judging import Objects, note_on
from uploads.lifecycle.moving import expire, move, purge
from uploads.lifecycle.new_uploads import Declaration
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
from uploads.lifecycle.starting import start
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
    "advance",
    "begin_release",
    "complete_many",
    "discard_incoming",
    "empty_quarantine",
    "expire",
    "inline_budget",
    "may_be_released",
    "may_show_inline",
    "move",
    "note_on",
    "note_waiting",
    "prefetch",
    "presign",
    "presign_download",
    "presign_form",
    "presign_parts",
    "purge",
    "reject_uninspected",
    "remove",
    "rename",
    "request_release",
    "start",
    "start_form",
    "start_many",
    "stored_parts",
]
