"""The audit trail: read, searched, and never touched."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.functional import cached_property

from uploads.admin.filters import KindFilter
from uploads.admin.listing import ListAdmin, TabularInline
from uploads.admin.presenting import link
from uploads.models import AuditEvent

MAX_INLINE = 50


class _AppendOnly:
    """Refuses to add, change or delete, whatever permissions an account has."""

    def has_add_permission(self, *_: Any, **__: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        return False

    @admin.display(description="Detail")
    def facts(self, event: AuditEvent) -> str:
        return (
            json.dumps(event.detail, ensure_ascii=False, sort_keys=True)
            if event.detail
            else ""
        )


@admin.register(AuditEvent)
class EventAdmin(_AppendOnly, ListAdmin):
    list_display = ("at", "kind", "upload_link", "actor", "address", "request_id")
    list_display_links = ("at",)
    list_filter = (KindFilter,)
    list_select_related = ("actor", "upload")
    date_hierarchy = "at"
    sortable_by = ("at",)
    search_fields = ("request_id",)
    search_help_text = "The id of an upload, or the whole id of a request."
    fields = (
        "at",
        "kind",
        "upload_link",
        "actor",
        "address",
        "request_id",
        "facts",
    )
    readonly_fields = fields

    @admin.display(description="Upload")
    def upload_link(self, event: AuditEvent) -> str:
        if event.upload is None:
            return ""
        return link("uploads_upload_change", event.upload, event.upload_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by exact ids only: request ids of 32 hex digits look like ours."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            of_upload = queryset.filter(upload_id=uuid.UUID(term))
        except ValueError:
            return queryset.filter(request_id=term), False
        found = of_upload if of_upload.exists() else queryset.filter(request_id=term)
        return found, False


class NewestEvents(BaseInlineFormSet):  # type: ignore[type-arg]
    """The newest few: an upload that is downloaded daily has thousands."""

    @cached_property
    def newest(self) -> Any:
        # Kept, because each slice of a queryset asks the database again.
        return super().get_queryset()[:MAX_INLINE]

    def get_queryset(self) -> Any:
        return self.newest


class EventInline(_AppendOnly, TabularInline):
    model = AuditEvent
    formset = NewestEvents
    extra = 0
    verbose_name_plural = f"Events, newest first, at most {MAX_INLINE}"
    fields = ("at", "kind", "actor", "address", "request_id", "facts")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("actor")
