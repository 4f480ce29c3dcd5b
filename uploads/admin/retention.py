"""Admin pages for retention rules."""

from __future__ import annotations

from django.contrib import admin

from uploads.admin.listing import ListAdmin
from uploads.models import RetentionRule


@admin.register(RetentionRule)
class RetentionRuleAdmin(ListAdmin):
    list_display = ("name", "is_active", "group", "content_type", "days", "warn_days")
    list_select_related = ("group",)
    export_fields = list_display
    fields = list_display
    sortable_by = ()
    search_fields = ("name",)
