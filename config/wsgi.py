"""The WSGI entry point: `gunicorn config.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from uploads.http.requests import Utf8WSGIRequest
from uploads.s3 import descriptions

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
application.request_class = Utf8WSGIRequest
# Django would import the views, a third of all code, during somebody's first request.
get_resolver().url_patterns  # noqa: B018
# And botocore, what it knows of S3, in each web process.
descriptions.read()
