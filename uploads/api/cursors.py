"""Keyset pagination. A cursor contains the position of the last row of a page."""

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

    Raises InvalidRequest if ``cursor`` cannot be decoded.
    """
    if cursor:
        created_at, pk = _decode(cursor)
        rows = rows.filter(
            # The condition with OR alone selects the same rows, but the database uses
            # no index for it. Because of the first condition, it uses an index.
            Q(created_at__lte=created_at)
            & (Q(created_at__lt=created_at) | Q(pk__lt=pk))
        )
    found = rows.newest(limit + 1)
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
        # Convert the date in this try block, because extreme dates raise OverflowError.
        return moment.astimezone(UTC), uuid.UUID(pk)
    except (ValueError, binascii.Error, OverflowError) as error:
        raise InvalidRequest(
            fields={
                "cursor": [
                    "This is not a cursor. Send the next_cursor of the previous page."
                ]
            }
        ) from error
