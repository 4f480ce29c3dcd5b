"""The pages on which people create and revoke their own API tokens.

These pages accept sessions only, so a token cannot be used to create another token.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from uploads.access.tokens import create_token
from uploads.access.tokens import replace as replace_token
from uploads.access.tokens import revoke as revoke_token
from uploads.access.tokens import revoke_all as revoke_all_tokens
from uploads.forms import IdempotentForm, TokenForm
from uploads.models import ApiToken
from uploads.views.paying import spend

MAX_LIVE = 50
"""Maximum number of valid tokens of one person, so that the person can review them."""

MAX_ENDED = 20


@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Show the person's tokens. For a POST, create a token.

    The response to the POST shows the secret. For a redirect to another page, the site
    would have to store the secret in a message or in the session. If the person reloads
    the page, the browser sends the form again. The idempotency key is the same, so the
    server creates no second token.
    """
    form = TokenForm(request.POST or None)
    made, secret = None, ""
    if request.method == "POST":
        spend(request, "change")
        if form.is_valid() and _has_room(request, form):
            days = form.cleaned_data["days"]
            made, secret = create_token(
                request.user,
                name=form.cleaned_data["name"],
                scope=form.cleaned_data["scope"],
                expires_at=timezone.now() + timedelta(days=days) if days else None,
                actor=request.user,
                idempotency_key=form.cleaned_data["idempotency_key"],
            )
            form = TokenForm()
    return _page(request, form, made, secret)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def replace(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke a token whose secret was lost, and create a new token.

    A person without JavaScript may lose a secret by a double click. The browser then
    sends the form twice and shows the second response, which has no secret.
    """
    token = get_object_or_404(_own(request), pk=token_id)
    if request.method != "POST":
        # The browser sends a GET after a login, or if the person opens the URL.
        return redirect("tokens")
    spend(request, "change")
    sent = IdempotentForm(request.POST)
    made, secret = token, ""
    if sent.is_valid():
        key = sent.cleaned_data["idempotency_key"]
        made, secret = replace_token(token, actor=request.user, idempotency_key=key)
    return _page(request, TokenForm(), made, secret)


def _page(
    request: HttpRequest, form: TokenForm, made: ApiToken | None, secret: str
) -> HttpResponse:
    rows = list(_own(request).order_by(F("revoked_at").desc(nulls_first=True), "-pk"))
    context = {
        "form": form,
        "made": made,
        "secret": secret,
        "again": IdempotentForm(auto_id=False),
        "live": [row for row in rows if row.is_live],
        "ended": [row for row in rows if not row.is_live][:MAX_ENDED],
    }
    return render(request, "tokens.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one token, after a confirmation page."""
    token = get_object_or_404(_own(request), pk=token_id)
    if request.method == "GET":
        return render(request, "token_revoke.html", {"tokens": [token]})
    spend(request, "change")
    revoke_token(token, actor=request.user)
    messages.success(request, f"{token.name} is revoked.")
    return redirect("tokens")


@never_cache
@require_http_methods(["GET", "POST"])
def revoke_all(request: HttpRequest) -> HttpResponse:
    """Revoke all tokens of the person, after a confirmation page."""
    if request.method == "GET":
        found = _own(request).filter(revoked_at=None).order_by("-pk")
        live = [token for token in found if token.is_live]
        return render(request, "token_revoke.html", {"tokens": live})
    spend(request, "change")
    revoke_all_tokens(request.user, actor=request.user)
    messages.success(request, "All your tokens are revoked.")
    return redirect("tokens")


def _own(request: HttpRequest) -> QuerySet[ApiToken]:
    user: Any = request.user
    return ApiToken.objects.filter(user=user)


def _has_room(request: HttpRequest, form: TokenForm) -> bool:
    """Return whether one more token may be created. Otherwise, add a form error."""
    live = sum(token.is_live for token in _own(request).filter(revoked_at=None))
    if live >= MAX_LIVE:
        form.add_error(
            None, f"You have {live} tokens; the limit is {MAX_LIVE}. Revoke one first."
        )
    return live < MAX_LIVE
