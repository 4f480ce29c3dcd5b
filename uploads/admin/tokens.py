"""Admin pages for API tokens. Operators create a token, see it once, and revoke it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from uploads.access.tokens import create_token, revoke
from uploads.admin.listing import ListAdmin, with_permission
from uploads.forms import idempotency_key_field
from uploads.models import ApiToken

DEFAULT_DAYS = 90


class NewTokenForm(forms.ModelForm):  # type: ignore[type-arg]
    idempotency_key = idempotency_key_field()


@admin.register(ApiToken)
class TokenAdmin(ListAdmin):
    export_fields = (
        *("id", "user", "name", "scope", "created_at", "expires_at"),
        *("last_used_at", "revoked_at"),
    )
    form = NewTokenForm
    # The form defines its own field idempotency_key, and `create_token` stores the
    # value. The model's field of this name is not editable. Without `exclude`, Django
    # would raise an error.
    exclude = ("idempotency_key",)
    list_display = (
        *("name", "user", "scope", "created_at"),
        *("expires_at", "last_used_at", "revoked_at"),
    )
    actions = ("revoke_chosen",)
    list_select_related = ("user",)
    ordering = ("-pk",)
    sortable_by = ()
    search_fields = ("name", f"user__{get_user_model().USERNAME_FIELD}")
    search_help_text = "Part of the token's name or of a username."
    autocomplete_fields = ("user",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return self.list_display
        # A token gives access to the account of its user. Only superusers may create a
        # token for another user. Superusers can also set the password of this user, so
        # the token gives them no additional rights.
        others = ("user",) if request.user.is_superuser else ()
        return (*others, "name", "scope", "expires_at", "idempotency_key")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        expires_at: datetime = timezone.now() + timedelta(days=DEFAULT_DAYS)
        return {"user": request.user.pk, "expires_at": expires_at}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False, because audit events refer to the row.

        Operators revoke a token instead of deleting it.
        """
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return with_permission(request, "delete_apitoken")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke_chosen(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        tokens = list(queryset.select_related("user"))
        count = sum(revoke(token, actor=request.user) for token in tokens)
        were = f"{count} token was" if count == 1 else f"{count} tokens were"
        messages.success(request, f"{were} revoked.")

    def save_model(
        self, request: HttpRequest, obj: ApiToken, form: Any, change: bool
    ) -> None:
        owner = obj.user if request.user.is_superuser else request.user
        row, secret = create_token(
            owner,
            name=obj.name,
            scope=obj.scope,
            expires_at=obj.expires_at,
            actor=request.user,
            idempotency_key=form.cleaned_data["idempotency_key"],
        )
        obj.__dict__.update(row.__dict__)
        request.new_token_secret = secret  # type: ignore[attr-defined]

    def log_addition(self, request: HttpRequest, obj: ApiToken, message: Any) -> Any:
        """Write Django's log entry for a new token.

        If the browser sends the same form twice, the second request creates no token
        and writes no entry.
        """
        if request.new_token_secret:  # type: ignore[attr-defined]
            return super().log_addition(request, obj, message)
        return None

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret in this response only.

        Django's messages would store the secret in a cookie.
        """
        secret = request.new_token_secret  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy the token now" if secret else "The token already exists",
            "opts": self.opts,
            "token": obj,
            "secret": secret,
        }
        return TemplateResponse(request, "admin/uploads/apitoken/created.html", context)
