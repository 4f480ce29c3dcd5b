"""Account pages that replace or extend pages of allauth."""

from __future__ import annotations

from typing import Any

from allauth.account import views as account_views
from allauth.account.adapter import get_adapter
from allauth.account.forms import UserTokenForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import views as passkey_views
from allauth.usersessions.adapter import get_adapter as get_sessions_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_POST, require_safe

from uploads.access import second_factor
from uploads.accounts import new_sessions
from uploads.accounts.adapters import NO_ADDRESS
from uploads.accounts.browsers import describe

MAX_DIGITS = 19
"""Numbers with this many digits may overflow a 64-bit primary key."""

OURSELVES = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site in requests from this site's pages or the address bar."""

logout = require_POST(account_views.logout)


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Show the user's login methods and current sessions."""
    factors: dict[str, list[Authenticator]] = {}
    for factor in Authenticator.objects.filter(user=request.user).order_by("pk"):
        factors.setdefault(factor.type, []).append(factor)
    app, codes = (
        next(iter(factors.get(kind, [])), None) for kind in ("totp", "recovery_codes")
    )
    UserSession.objects.create_from_request(request)
    sessions = UserSession.objects.purge_and_list(request.user)
    return render(
        request,
        "account/account.html",
        {
            "app": app,
            "passkeys": factors.get("webauthn", []),
            "codes": codes,
            "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
            "required": second_factor.is_required(request.user),
            "sessions": [
                {
                    "pk": session.pk,
                    "browser": describe(session.user_agent),
                    "address": "" if session.ip == NO_ADDRESS else session.ip,
                    "created_at": session.created_at,
                    "last_seen_at": session.last_seen_at,
                    "is_current": session.is_current(),
                }
                for session in sorted(
                    sessions,
                    key=lambda row: (row.is_current(), row.last_seen_at),
                    reverse=True,
                )
            ],
        },
    )


@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """End the session that the form names, or all sessions except the current one."""
    others = UserSession.objects.filter(user=request.user).exclude(
        session_key=request.session.session_key
    )
    named = request.POST.get("session", "")
    if named:
        others = (
            others.filter(pk=named)
            if named.isdecimal() and len(named) < MAX_DIGITS
            else others.none()
        )
    ended = list(others)
    get_sessions_adapter().end_sessions(ended)
    match len(ended):
        case 0:
            messages.info(request, "That session had already ended.")
        case 1:
            messages.success(request, "That browser is logged out.")
        case count:
            messages.success(request, f"{count} other browsers are logged out.")
    return redirect("account")


@require_safe
def second_factors(request: HttpRequest) -> HttpResponse:
    """Offer the kinds of second factor. Redirect users who already have a factor."""
    if second_factor.is_set_up(request.user):
        return redirect("account")
    required = second_factor.is_required(request.user)
    return render(request, "mfa/index.html", {"required": required})


@login_not_required
def signup(request: HttpRequest) -> HttpResponseBase:
    """Create an account and log in to it. Raises Http404 if SIGNUP_OPEN is off."""
    if not settings.SIGNUP_OPEN:
        raise Http404
    response: HttpResponseBase = account_views.signup(request)
    return response


@login_not_required
def passkey_login(request: HttpRequest) -> HttpResponseBase:
    """Return a challenge for a passkey, or log in with the response of a passkey.

    allauth stores the challenge in a new session, which counts against the rate limit
    of the client's address. So only this site's own script gets a challenge. Otherwise,
    another website could use up the limits of its visitors.
    """
    if get_adapter().is_ajax(request):
        if request.headers.get("Sec-Fetch-Site", "none") not in OURSELVES:
            detail = (
                "Another website tried to start a login with a passkey. Log in on the"
                " login page."
            )
            return render(request, "403.html", {"detail": detail}, status=403)
        new_sessions.pay(request)
    response: HttpResponseBase = passkey_views.login_webauthn(request)
    return response


@login_not_required
def password_reset_from_key(
    request: HttpRequest, uidb36: str, key: str
) -> HttpResponseBase:
    """Show the form for a new password after a click on the link in a reset mail.

    allauth stores the token of a valid link in a session. An invalid link creates no
    session. A HEAD request creates no session either, because mail scanners send HEAD
    requests.
    """
    if UserTokenForm(data={"uidb36": uidb36, "key": key}).is_valid():
        if request.method == "HEAD":
            return HttpResponse()
        new_sessions.pay(request)
    response: HttpResponseBase = account_views.password_reset_from_key(
        request, uidb36=uidb36, key=key
    )
    return response


class PasswordChangeView(account_views.PasswordChangeView):  # type: ignore[misc]
    def form_valid(self, form: Any) -> HttpResponse:
        revoked = form.cleaned_data["revoke_tokens"]
        tokens = " and your API tokens are revoked" if revoked else ""
        text = f"Password changed. Other browsers are logged out{tokens}."
        messages.success(self.request, text)
        response: HttpResponse = super().form_valid(form)
        return response


@login_not_required
def admin_login(request: HttpRequest) -> HttpResponse:
    """Replace the admin's own login page, because it supports no second factor.

    Redirect anonymous users to the site's login page, and staff to the page that they
    requested. Return 403 for other users.
    """
    target = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    if not (is_ours and target.startswith("/")):
        target = reverse("admin:index")
    if not request.user.is_authenticated:
        query = urlencode({"next": target})
        return redirect(f"{reverse(settings.LOGIN_URL)}?{query}")
    if not request.user.is_staff:
        return render(request, "403.html", status=403)
    # Do not use redirect(), because it first searches for a view with this name.
    return HttpResponseRedirect(target)


@require_safe
def admin_password_change(request: HttpRequest) -> HttpResponse:
    """Redirect to the site's page for changing the password."""
    return redirect("account_change_password")
