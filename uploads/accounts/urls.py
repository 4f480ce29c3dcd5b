"""URLs of the account pages. allauth finds each page by the name of its URL."""

from __future__ import annotations

from allauth.account import views as allauth
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from uploads.accounts import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.account, name="account"),
    path(
        "login/",
        # Pass a callable, so that each request reads the setting again.
        allauth.LoginView.as_view(
            extra_context={"signup_open": lambda: settings.SIGNUP_OPEN}
        ),
        name="account_login",
    ),
    path("logout/", views.logout, name="account_logout"),
    path("signup/", views.signup, name="account_signup"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path(
        "password_change/",
        views.PasswordChangeView.as_view(),
        name="account_change_password",
    ),
    path("password_set/", allauth.password_set, name="account_set_password"),
    path("password_reset/", allauth.password_reset, name="account_reset_password"),
    path(
        "password_reset/done/",
        allauth.password_reset_done,
        name="account_reset_password_done",
    ),
    path(
        "reset/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path(
        "reset/<slug:uidb36>/<str:key>/",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("sessions/end/", views.end_sessions, name="sessions-end"),
    # allauth lists the factors on these two pages. On this site, the account page lists
    # the factors.
    path("2fa/", views.second_factors, name="mfa_index"),
    path("2fa/webauthn/", views.second_factors, name="mfa_list_webauthn"),
    path("2fa/webauthn/login/", views.passkey_login, name="mfa_login_webauthn"),
    path("2fa/", include("allauth.mfa.urls")),
]
