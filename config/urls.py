"""The URLs of the site."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path

from uploads.accounts import views as accounts
from uploads.admin import cockpit, doctor
from uploads.api.hooks import s3_notification
from uploads.api.site import api
from uploads.http.csp_reports import csp_reports

api_patterns, api_app, api_namespace = api.urls
for pattern in api_patterns:
    # PrivateMiddleware redirects requests without a login to the login page. Exempt the
    # API, because it returns 401 itself.
    login_not_required(cast("Any", pattern.callback))

urlpatterns = [
    path("api/v1/", (api_patterns, api_app, api_namespace)),
    path("hooks/s3", s3_notification, name="s3-notification"),
    path("csp-reports", csp_reports, name="csp-reports"),
    # These views replace the admin's login pages, which do not support second factors.
    path("admin/login/", accounts.admin_login, name="admin-login"),
    path("admin/logout/", accounts.logout, name="admin-logout"),
    path(
        "admin/password_change/",
        accounts.admin_password_change,
        name="admin-password-change",
    ),
    path("admin/", admin.site.admin_view(cockpit.index), name="cockpit"),
    path("admin/doctor/", admin.site.admin_view(doctor.doctor), name="doctor"),
    path(
        "admin/doctor/begin/", admin.site.admin_view(doctor.begin), name="doctor-begin"
    ),
    path("admin/doctor/end/", admin.site.admin_view(doctor.end), name="doctor-end"),
    path("admin/", admin.site.urls),
    path("", include("uploads.urls")),
]
