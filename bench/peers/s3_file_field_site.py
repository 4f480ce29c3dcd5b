"""A Django site with django-s3-file-field, for bench/batches.py.

Environment variables contain its S3 settings.
"""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.urls import include, path

settings.configure(
    DEBUG=False,
    SECRET_KEY="bench",  # noqa: S106
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["rest_framework", "s3_file_field"],
    DATABASES={},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    STORAGES={
        "default": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": os.environ["S3_BUCKET"],
                "endpoint_url": os.environ["S3_ENDPOINT_URL"],
                "region_name": "us-east-1",
                "access_key": os.environ["S3_ACCESS_KEY_ID"],
                "secret_key": os.environ["S3_SECRET_ACCESS_KEY"],
                "addressing_style": "path",
                "signature_version": "s3v4",
            },
        }
    },
)
django.setup()

from s3_file_field.fields import S3FileField  # noqa: E402


class Resource(models.Model):  # noqa: DJ008
    blob = S3FileField()

    class Meta:
        app_label = "bench"


urlpatterns = [path("api/s3-upload/", include("s3_file_field.urls"))]
application = get_wsgi_application()
