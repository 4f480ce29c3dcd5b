"""The states of an upload and the moves between them, on one screen.

             start              complete               inspectors pass
(nothing) --------> pending --------------> inspecting ----------------> ready
                     |    |                  |      |                     |
              cancel |    | overdue   refuse |      | delete       delete |
                     v    v                  v      v                     v
             cancelled    expired     rejected      deleted         deleted
"""

from __future__ import annotations

from django.db import models


class State(models.TextChoices):
    PENDING = "pending"  # URLs are out; bytes may be in flight
    INSPECTING = "inspecting"  # the object is what was declared, not yet trusted
    READY = "ready"  # verified and inspected; safe to serve
    REJECTED = "rejected", "Refused"  # facts or content were; people read "Refused"
    EXPIRED = "expired"  # not completed in time
    CANCELLED = "cancelled"  # given up by its owner before it was complete
    DELETED = "deleted"  # removed by its owner or an operator


MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset(
        {State.INSPECTING, State.REJECTED, State.EXPIRED, State.CANCELLED}
    ),
    State.INSPECTING: frozenset({State.READY, State.REJECTED, State.DELETED}),
    State.READY: frozenset({State.REJECTED, State.DELETED}),
    # Bytes and quota are gone by then: its owner takes it off the list.
    State.REJECTED: frozenset({State.DELETED}),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
    State.DELETED: frozenset(),
}

RESERVING = frozenset({State.PENDING, State.INSPECTING})
"""States whose bytes are promised: counted in ``reserved_bytes``."""

USING = frozenset({State.READY})
"""States whose bytes are in use: counted in ``used_bytes``."""

FINAL = frozenset(State) - RESERVING - USING
"""States that hold nothing. The row stays as a tombstone, the bytes go."""


class Transport(models.TextChoices):
    PUT = "put"  # one presigned PUT
    MULTIPART = "multipart"  # presigned parts, completed by the server
    POST = "post"  # one presigned POST form
    FORM = "form"  # a form without JavaScript: neither size nor checksum is declared
    COPY = "copy"  # the server copies it from quarantine, when an operator releases it
