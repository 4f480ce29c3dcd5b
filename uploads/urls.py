"""Defines the URLs of the pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from uploads.api import docs
from uploads.views import files, health, listing, metrics, plain, proxies, tokens

urlpatterns: list[URLPattern | URLResolver] = [
    path("", files.home, name="home"),
    path("uploads/list.csv", listing.uploads_csv, name="uploads-csv"),
    path("uploads/form/", plain.start, name="upload-start"),
    path("uploads/<uuid:upload_id>/", files.upload, name="upload"),
    path("uploads/<uuid:upload_id>/send/", plain.send, name="upload-send"),
    path("uploads/<uuid:upload_id>/arrived/", plain.arrived, name="upload-arrived"),
    path("uploads/<uuid:upload_id>/rename/", files.rename, name="upload-rename"),
    path(
        "uploads/<uuid:upload_id>/request-release/",
        files.request_release,
        name="upload-request-release",
    ),
    path("uploads/<uuid:upload_id>/delete/", files.delete, name="upload-delete"),
    path("accounts/tokens/", tokens.tokens, name="tokens"),
    path("accounts/tokens/revoke/", tokens.revoke_all, name="tokens-revoke"),
    path(
        "accounts/tokens/<int:token_id>/revoke/",
        tokens.revoke,
        name="token-revoke",
    ),
    path(
        "accounts/tokens/<int:token_id>/replace/",
        tokens.replace,
        name="token-replace",
    ),
    path("accounts/", include("uploads.accounts.urls")),
    path("api/v1/docs", docs.page, name="api-docs"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("doctor/proxies", proxies.proxies, name="doctor-proxies"),
]
