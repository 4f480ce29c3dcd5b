"""The list of uploads: filters that an index serves first, then the others."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from uploads.admin.filters import ScanningFilter
from uploads.admin.listing import BoundedChangeList, first_ids

WINDOW = 100_000
"""Rows that a filter or a name may read one by one, newest first."""

MAX_MATCHES = 1_000
"""Uploads that one search finds, newest first."""


class UploadChangeList(BoundedChangeList):
    """Narrows by index first, so that what must be read row by row stays few.

    State, owner and dates have an index. Type, transport, size and names have
    none: they are looked for in the newest WINDOW of what the others leave, and
    ``is_cut`` tells the page when that was not everything.
    """

    is_cut = False

    @property
    def window(self) -> str:
        return f"{WINDOW:,}"

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Any]:
        uploads = super().get_queryset(request, exclude_parameters)
        scans = [
            spec.condition()
            for spec in self.filter_specs
            if isinstance(spec, ScanningFilter) and spec.value()
        ]
        if scans:
            uploads = self._newest(uploads).filter(*scans)
        term = self.query.strip()
        return self._search(uploads, term) if term else uploads

    def _newest(self, uploads: Any) -> Any:
        """Return the newest WINDOW of ``uploads``, as a condition on their date."""
        dates = uploads.order_by("-created_at", "-id").values_list(
            "created_at", flat=True
        )
        last_and_next = list(dates[WINDOW - 1 : WINDOW + 1])
        if len(last_and_next) < 2:
            return uploads
        self.is_cut = True
        return uploads.filter(created_at__gte=last_and_next[0])

    def _search(self, uploads: QuerySet[Any], term: str) -> QuerySet[Any]:
        if (upload_id := _uuid(term)) is not None:
            return uploads.filter(pk=upload_id)
        if "/" in term:
            return uploads.filter(pk__in=_keys_beginning(uploads, term))
        # One query for both would make the database choose between two indexes,
        # and it may choose to read the whole table.
        named = self._newest(uploads).named(term)
        found = first_ids(named, MAX_MATCHES)
        owner = _owner(term)
        if owner is not None:
            found += first_ids(uploads.filter(owner=owner), MAX_MATCHES)
        return uploads.filter(pk__in=found)


def _uuid(term: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(term)
    except ValueError:
        return None


def _owner(term: str) -> Any:
    users = get_user_model()
    return users.objects.filter(**{f"{users.USERNAME_FIELD}__iexact": term}).first()


def _keys_beginning(uploads: QuerySet[Any], prefix: str) -> list[Any]:
    condition = Q(key__startswith=prefix)
    if connections[uploads.db].vendor == "sqlite":
        # SQLite's LIKE takes no index here, its comparison does. PostgreSQL is
        # the other way round: its comparison follows a language's rules.
        condition &= Q(key__gte=prefix, key__lt=prefix + chr(0x10FFFF))
    return first_ids(uploads.filter(condition).order_by(), MAX_MATCHES)
