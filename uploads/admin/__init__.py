"""The operators' side of the site: Django's admin, made for millions of rows."""

from django.contrib import admin

from uploads.admin import accounts, events, leftovers, policies, quotas, tokens, uploads

admin.site.site_header = "Slipway"
admin.site.site_title = "Slipway"
# The lists are wide, and the breadcrumbs lead everywhere.
admin.site.enable_nav_sidebar = False

__all__ = ["accounts", "events", "leftovers", "policies", "quotas", "tokens", "uploads"]
