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
# Web servers run no system checks.
for complaint in settings.VARIABLES_TO_CHECK:
    structlog.get_logger("slipway.settings").warning("variable.ignored", why=complaint)
application.request_class = Utf8WSGIRequest
# Import the views now, a third of all code. Otherwise, the first request imports them.
get_resolver().url_patterns  # noqa: B018
# Read botocore's service descriptions now, once, instead of in each web process.
descriptions.read()
# A thread that waits for Python's lock gets the lock after this time. The default is ten
# times as long. A request waits for the lock at each query, so short requests would be slow.
sys.setswitchinterval(0.0005)
