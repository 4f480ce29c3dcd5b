"""Django's admin for operators. Every list works with millions of rows."""

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
# The wide lists need the space. The breadcrumbs link to every page.
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
