"""What the upkeep could not settle by itself: read here, and decided by a person."""

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
    sortable_by = ()
    fields = ("at", "source", "error", "body")
    readonly_fields = fields
    actions = ("take_in_again",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="Take in again", permissions=["delete"])
    def take_in_again(self, request: HttpRequest, parked: QuerySet[Any]) -> None:
        """Handle messages anew; those that can be are parked no more."""
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
            messages.warning(request, f"Still cannot be handled: {failures}.")
        else:
            messages.success(request, "All were handled.")


@admin.register(Orphan)
class OrphanAdmin(ListAdmin):
    list_display = ("key", "byte_size", "modified_at", "first_seen_at", "last_seen_at")
    sortable_by = ()
    fields = list_display
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The line would come back with the next sweep: the object is still there.
        return False
