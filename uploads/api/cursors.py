"""Keyset pagination: a cursor names the last row seen, not how many came before."""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import UTC, datetime

from django.db.models import Q

from uploads.errors import InvalidRequest
from uploads.models import Upload, UploadQuerySet


def page_after(
    rows: UploadQuerySet, *, cursor: str | None, limit: int
) -> tuple[list[Upload], str | None]:
    """Return up to ``limit`` uploads, newest first, and the next page's cursor.

    Raises InvalidRequest for a cursor that was not made here.
    """
    if cursor:
        created_at, pk = _decode(cursor)
        rows = rows.filter(
            # The first condition is implied by the second: it is there for the
            # index, which no planner finds behind an OR.
            Q(created_at__lte=created_at)
            & (Q(created_at__lt=created_at) | Q(pk__lt=pk))
        )
    found = list(rows.order_by("-created_at", "-pk")[: limit + 1])
    page = found[:limit]
    return page, _encode(page[-1]) if len(found) > limit else None


def _encode(upload: Upload) -> str:
    text = f"{upload.created_at.isoformat()}|{upload.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        created_at, _, pk = text.partition("|")
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        # In UTC here, since at the ends of time the conversion fails.
        return moment.astimezone(UTC), uuid.UUID(pk)
    except (ValueError, binascii.Error, OverflowError) as error:
        raise InvalidRequest(
            fields={"cursor": ["Not a cursor: send next_cursor of the page before."]}
        ) from error
