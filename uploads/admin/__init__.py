"""Django's admin for operators. Every list stays fast with millions of rows."""

from django.contrib import admin

from uploads.admin import (
    accounts,
    events,
    leftovers,
    policies,
    quotas,
    retention,
    second_factors,
    tokens,
    uploads,
)

admin.site.site_header = "Slipway"
admin.site.site_title = "Slipway"
# Hide Django's sidebar, because the wide lists need the space.
admin.site.enable_nav_sidebar = False

__all__ = [
    "accounts",
    "events",
    "leftovers",
    "policies",
    "quotas",
    "retention",
    "second_factors",
    "tokens",
    "uploads",
]
