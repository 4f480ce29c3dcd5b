"""The ASGI entry point, for hosts that do not support WSGI."""

import os

from django.core.asgi import get_asgi_application

from uploads.http.requests import Utf8ASGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
application.request_class = Utf8ASGIRequest
