"""Admin pages for accounts and groups. An account's page links to its audit events."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from uploads.admin.listing import Recorded
from uploads.admin.presenting import link

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AccountAdmin(Recorded, UserAdmin):  # type: ignore[type-arg]
    readonly_fields = ("events",)
    export_fields = (
        *("id", "username", "email", "first_name", "last_name", "is_active"),
        *("is_staff", "is_superuser", "date_joined", "last_login"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        parts = super().get_fieldsets(request, obj)
        if obj is None or not request.user.has_perm("uploads.view_auditevent"):
            return parts
        return [*parts, ("Audit trail", {"fields": ("events",)})]

    @admin.display(description="Events")
    def events(self, user: User) -> SafeString:
        page = "uploads_auditevent_changelist"
        about = link(page, "Events about this account", query=f"?account={user.pk}")
        by = link(page, "Events by this account", query=f"?actor={user.pk}")
        return format_html("{} · {}", about, by)


@admin.register(Group)
class TeamAdmin(Recorded, GroupAdmin):
    export_fields = ("id", "name")
