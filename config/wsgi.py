"""The WSGI entry point: `gunicorn config.wsgi`."""

import os
import sys

import structlog
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from uploads.http.requests import Utf8WSGIRequest
from uploads.s3 import descriptions

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
# Web servers run no system checks, so log the complaints here.
for complaint in settings.VARIABLES_TO_CHECK:
    structlog.get_logger("slipway.settings").warning("variable.ignored", why=complaint)
application.request_class = Utf8WSGIRequest
# Import the views now, because they are a third of all code. Otherwise, the first
# request would import them and be slow.
get_resolver().url_patterns  # noqa: B018
# Read botocore's data about S3 now. Reading it takes 0.1 s, and would delay a request.
descriptions.read()
# A thread that waits for Python's global lock gets the lock after this time in seconds.
# A request waits for the lock after each query. With Python's default, which is ten
# times as long, short requests would be slow.
sys.setswitchinterval(0.0005)
