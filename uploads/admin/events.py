"""The audit trail: read, searched, and never touched."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from uploads.admin.filters import AccountFilter, ActorFilter, KindFilter
from uploads.admin.listing import BoundedChangeList, ListAdmin, TabularInline
from uploads.admin.presenting import link
from uploads.admin.searching import MAX_MATCHES
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


class EventChangeList(BoundedChangeList):
    """Finds what is about one noun among what all other filters leave."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Any]:
        events = super().get_queryset(request, exclude_parameters)
        for spec in self.filter_specs:
            if isinstance(spec, KindFilter) and spec.kinds():
                events = newest(events, [{"kind": kind} for kind in spec.kinds()])
        return events


@admin.register(AuditEvent)
class EventAdmin(_AppendOnly, ListAdmin):
    list_display = (
        "at",
        "kind",
        "actor_link",
        "account_link",
        "upload_link",
        "address",
        "request_id",
    )
    list_display_links = ("at",)
    list_filter = (AccountFilter, ActorFilter, KindFilter)
    list_select_related = ("actor", "user", "upload")
    date_hierarchy = "at"
    sortable_by = ("at",)
    search_fields = ("request_id",)
    search_help_text = (
        "A whole user name, the id of an upload, or the whole id of a request."
    )
    fields = (
        "at",
        "kind",
        "actor_link",
        "account_link",
        "upload_link",
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

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EventChangeList

    @admin.display(description="By", empty_value="the site")
    def actor_link(self, event: AuditEvent) -> SafeString | None:
        return _filtered("actor", event.actor)

    @admin.display(description="Account", empty_value="")
    def account_link(self, event: AuditEvent) -> SafeString | None:
        return _filtered("account", event.user)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by whole names and ids: request ids of 32 hex digits look like ours."""
        term = search_term.strip()
        if not term:
            return queryset, False
        return self._found(queryset, term), False

    def _found(self, events: QuerySet[Any], term: str) -> QuerySet[Any]:
        with suppress(ValueError):
            of_upload = events.filter(upload_id=uuid.UUID(term))
            if of_upload.exists():
                return of_upload
        users = get_user_model()
        account = users.objects.filter(**{users.USERNAME_FIELD: term}).first()
        if account is not None:
            return newest(events, [{"user": account}, {"actor": account}])
        return events.filter(request_id=term)


def newest(events: QuerySet[Any], parts: list[dict[str, Any]]) -> QuerySet[Any]:
    """Return the newest MAX_MATCHES of ``events`` that one of ``parts`` describes.

    Each is read by an index of its own. Of one condition with OR a database would
    sort all that match, and that may be the table.
    """
    found: set[tuple[Any, int]] = set()
    for part in parts:
        rows = events.filter(**part).order_by("-at", "-id")
        found.update(rows.values_list("at", "id")[:MAX_MATCHES])
    ids = [pk for _, pk in sorted(found, reverse=True)[:MAX_MATCHES]]
    return events.filter(pk__in=ids)


def _filtered(name: str, account: Any) -> SafeString | None:
    """Return a link to the events of which ``account`` is the actor or the account."""
    if account is None:
        return None
    query = f"?{name}={account.pk}"
    return link("uploads_auditevent_changelist", account.get_username(), query=query)


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
    verbose_name_plural = (
        f"Events, newest first, at most {MAX_INLINE}, without the presigned batches"
    )
    fields = ("at", "kind", "actor", "address", "request_id", "facts")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        events = super().get_queryset(request).select_related("actor")
        return events.exclude(kind="upload.presigned")
