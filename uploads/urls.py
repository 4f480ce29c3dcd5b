"""Addresses of the pages."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import views as auth
from django.urls import URLPattern, URLResolver, include, path

from uploads import forms, token_pages, views
from uploads.api import docs
from uploads.views import plain

accounts: list[URLPattern] = [
    path(
        "login/",
        auth.LoginView.as_view(
            authentication_form=forms.LoginForm,
            redirect_authenticated_user=True,
            # A callable, so that it is read at each request.
            extra_context={"signup_open": lambda: settings.SIGNUP_OPEN},
        ),
        name="login",
    ),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("signup/", views.signup, name="signup"),
    path("tokens/", token_pages.tokens, name="tokens"),
    path("tokens/revoke/", token_pages.revoke_all, name="tokens-revoke"),
    path("tokens/<int:token_id>/revoke/", token_pages.revoke, name="token-revoke"),
    path(
        "password_change/",
        auth.PasswordChangeView.as_view(form_class=forms.PasswordChangeForm),
        name="password_change",
    ),
    path(
        "password_change/done/",
        auth.PasswordChangeDoneView.as_view(),
        name="password_change_done",
    ),
    path(
        "password_reset/",
        auth.PasswordResetView.as_view(form_class=forms.PasswordResetForm),
        name="password_reset",
    ),
    path(
        "password_reset/done/",
        auth.PasswordResetDoneView.as_view(),
        name="password_reset_done",
    ),
    path(
        "reset/<uidb64>/<token>/",
        auth.PasswordResetConfirmView.as_view(form_class=forms.SetPasswordForm),
        name="password_reset_confirm",
    ),
    path(
        "reset/done/",
        auth.PasswordResetCompleteView.as_view(),
        name="password_reset_complete",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("uploads/form/", plain.start, name="upload-start"),
    path("uploads/<uuid:upload_id>/", views.upload, name="upload"),
    path("uploads/<uuid:upload_id>/send/", plain.send, name="upload-send"),
    path("uploads/<uuid:upload_id>/arrived/", plain.arrived, name="upload-arrived"),
    path("uploads/<uuid:upload_id>/rename/", views.rename, name="upload-rename"),
    path("uploads/<uuid:upload_id>/delete/", views.delete, name="upload-delete"),
    path("accounts/", include(accounts)),
    path("api/v1/docs", docs.page, name="api-docs"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
