"""Admin pages for parked notifications and orphans. An operator must decide about them.

A parked notification could not be processed. An orphan is an object without a row.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from uploads.admin.listing import ListAdmin
from uploads.errors import StorageError
from uploads.models import Orphan, ParkedNotification
from uploads.s3.notifications import UnreadableNotification
from uploads.trail.writing import record
from uploads.upkeep.intake import take_in


@admin.register(ParkedNotification)
class ParkedNotificationAdmin(ListAdmin):
    list_display = ("at", "source", "error")
    export_fields = ("at", "source", "error", "body")
    sortable_by = ()
    fields = ("at", "source", "error", "body")
    readonly_fields = fields
    actions = ("take_in_again",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="Process again", permissions=["delete"])
    def take_in_again(self, request: HttpRequest, parked: QuerySet[Any]) -> None:
        """Process the selected messages again, and delete each processed message."""
        failures = handled = 0
        for message in parked:
            try:
                take_in(message.body)
            except (UnreadableNotification, StorageError):
                failures += 1
            else:
                message.delete()
                handled += 1
        record(
            "notification.taken_in",
            actor=request.user,
            detail={"handled": handled, "failed": failures},
        )
        if failures:
            messages.warning(request, f"Messages that failed again: {failures}.")
        else:
            messages.success(request, "All messages were processed.")


@admin.register(Orphan)
class OrphanAdmin(ListAdmin):
    list_display = ("key", "byte_size", "modified_at", "first_seen_at", "last_seen_at")
    export_fields = list_display
    sortable_by = ()
    fields = list_display
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The next sweep would add the row again, because the object still exists.
        return False
