"""The WSGI application of the demo site. It turns off two features of DEBUG.

For 404, it shows the site's own page and not Django's list of URLs. It also does not
store all SQL statements.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse
from django.views import debug
from django.views.defaults import page_not_found

from config.wsgi import application

__all__ = ["application"]


def _site_page(request: HttpRequest, exception: Any) -> HttpResponse:
    return page_not_found(request, exception)


debug.technical_404_response = _site_page

# With DEBUG, Django formats and stores each SQL statement. The demo site shows these
# statements nowhere, and they would take a tenth of its CPU time.
BaseDatabaseWrapper.queries_logged = False  # type: ignore[assignment, method-assign]
