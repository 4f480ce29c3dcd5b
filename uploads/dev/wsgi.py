"""The demo site under gunicorn: the site itself, but with its own page for 404.

In development Django answers 404 with a list of its addresses. A demo is looked at
by people who want to see the site.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import debug
from django.views.defaults import page_not_found

from config.wsgi import application

__all__ = ["application"]


def _own_page(request: HttpRequest, exception: Any) -> HttpResponse:
    return page_not_found(request, exception)


debug.technical_404_response = _own_page
