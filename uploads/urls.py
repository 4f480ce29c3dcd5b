"""Addresses of the pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from uploads import token_pages, views
from uploads.api import docs
from uploads.views import health, plain

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("uploads/form/", plain.start, name="upload-start"),
    path("uploads/<uuid:upload_id>/", views.upload, name="upload"),
    path("uploads/<uuid:upload_id>/send/", plain.send, name="upload-send"),
    path("uploads/<uuid:upload_id>/arrived/", plain.arrived, name="upload-arrived"),
    path("uploads/<uuid:upload_id>/rename/", views.rename, name="upload-rename"),
    path("uploads/<uuid:upload_id>/delete/", views.delete, name="upload-delete"),
    path("accounts/tokens/", token_pages.tokens, name="tokens"),
    path("accounts/tokens/revoke/", token_pages.revoke_all, name="tokens-revoke"),
    path(
        "accounts/tokens/<int:token_id>/revoke/",
        token_pages.revoke,
        name="token-revoke",
    ),
    path(
        "accounts/tokens/<int:token_id>/replace/",
        token_pages.replace,
        name="token-replace",
    ),
    path("accounts/", include("uploads.accounts.urls")),
    path("api/v1/docs", docs.page, name="api-docs"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
