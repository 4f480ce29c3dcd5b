"""Admin pages for second factors. Operators can list and delete them."""

from __future__ import annotations

from typing import Any

# These imports register allauth's admin pages. The code below unregisters these pages.
import allauth.account.admin
import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from uploads.admin.listing import ListAdmin

admin.site.unregister([EmailAddress, UserSession, Authenticator])


@admin.register(Authenticator)
class SecondFactorAdmin(ListAdmin):
    """The list of second factors. No page shows the secret of a factor.

    If a user has lost a factor, for example a phone, an operator deletes the factor.
    """

    list_display = ("user", "type", "created_at", "last_used_at")
    export_fields = list_display
    list_select_related = ("user",)
    list_filter = ("type",)
    sortable_by = ()
    ordering = ("-pk",)
    search_fields = (f"user__{get_user_model().USERNAME_FIELD}",)
    search_help_text = "Part of a username."
    fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
