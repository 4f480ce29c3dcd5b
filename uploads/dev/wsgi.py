"""The WSGI application of the demo site, which shows the site's own page for 404.

With DEBUG, Django would show a list of URLs instead.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import debug
from django.views.defaults import page_not_found

from config.wsgi import application

__all__ = ["application"]


def _site_page(request: HttpRequest, exception: Any) -> HttpResponse:
    return page_not_found(request, exception)


debug.technical_404_response = _site_page
