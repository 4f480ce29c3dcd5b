"""Defines the states of an upload and the permitted moves between them.

             start              complete               inspectors pass
(nothing) --------> pending --------------> inspecting ----------------> ready
                     |    |                  |      |                     |
              cancel |    | expire    reject |      | delete       delete |
                     v    v                  v      v                     v
             cancelled    expired     rejected      deleted         deleted

Three more moves are possible. Verification may reject a pending upload. A later check
may reject a ready upload. The owner may delete a rejected upload.
"""

from __future__ import annotations

from django.db import models


class State(models.TextChoices):
    PENDING = "pending"  # presigned URLs may be valid, and bytes may be in flight
    INSPECTING = "inspecting"  # the object matches the declaration, inspectors check it
    READY = "ready"  # verification and inspection are complete, downloads are possible
    REJECTED = "rejected", "Refused"  # verification or an inspector refused the object
    EXPIRED = "expired"  # the upload was not completed before its deadline
    CANCELLED = "cancelled"  # the owner cancelled the upload before it was complete
    DELETED = "deleted"  # the owner or an operator deleted the file


MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset(
        {State.INSPECTING, State.REJECTED, State.EXPIRED, State.CANCELLED}
    ),
    State.INSPECTING: frozenset({State.READY, State.REJECTED, State.DELETED}),
    State.READY: frozenset({State.REJECTED, State.DELETED}),
    # The rejection has released the quota. So the deletion only removes the upload from
    # the owner's list.
    State.REJECTED: frozenset({State.DELETED}),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
    State.DELETED: frozenset(),
}

RESERVING = frozenset({State.PENDING, State.INSPECTING})
"""The bytes of uploads in these states count as ``reserved_bytes``."""

USING = frozenset({State.READY})
"""The bytes of uploads in these states count as ``used_bytes``."""

FINAL = frozenset(State) - RESERVING - USING
"""Uploads in these states use no quota.

The site deletes their objects and keeps their rows.
"""


class Algorithm(models.TextChoices):
    """Names the algorithm of an upload's checksums (see s3/checksums.py)."""

    SHA256 = "sha256", "SHA-256"
    CRC64NVME = "crc64nvme", "CRC64NVME"


class VerifiedBy(models.TextChoices):
    """Names the party that compared the stored bytes with the declared checksum."""

    STORAGE = "storage", "the storage"
    READ_BACK = "readback", "this site"


class Transport(models.TextChoices):
    PUT = "put", "One PUT"  # one presigned PUT
    MULTIPART = "multipart", "Multipart"  # presigned parts, completed by the server
    POST = "post", "POST form"  # one presigned POST form
    # A form with no declared size and checksum
    FORM = "form", "Form without JavaScript"
    # A release: the server copies the object from quarantine
    COPY = "copy", "Copy from quarantine"
