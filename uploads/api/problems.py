"""Convert errors to problem+json (RFC 9457). STATUS maps errors to HTTP statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from uploads import errors
from uploads.errors import RateLimited, UploadError
from uploads.outages import log_outage, remember_outage

CONTENT_TYPE = "application/problem+json"
PREFIX = "/api/"
RETRY_AFTER_SECONDS = 5

STATUS: dict[type[UploadError], HTTPStatus] = {
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.PermissionDenied: HTTPStatus.FORBIDDEN,
    errors.CsrfFailed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.InvalidState: HTTPStatus.CONFLICT,
    errors.StaleUpload: HTTPStatus.CONFLICT,
    errors.Incomplete: HTTPStatus.CONFLICT,
    errors.QuotaExceeded: HTTPStatus.FORBIDDEN,
    errors.FileTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.ContentTypeNotAllowed: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.InspectorUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StorageUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NoSuchMultipartUpload: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ObjectExists: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.PartsRefused: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ChecksumRefused: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CompletionConflict: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CopyRefused: HTTPStatus.SERVICE_UNAVAILABLE,
}

CODES: dict[int, str] = {
    400: "invalid_request",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    411: "invalid_request",
    413: "request_too_large",
    422: "invalid_request",
    429: "rate_limited",
    503: "storage_unavailable",
}
MAX_MISSING_PARTS = 100
MAX_ERRORS = 20
MAX_NAME = 100
"""Maximum length of a field's name in an error, because clients may send any name."""


def problem(
    status: int, *, code: str = "", detail: str = "", **members: Any
) -> dict[str, Any]:
    """Return the JSON of a problem, with ``members`` as additional members."""
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail or title,
        "code": code or CODES.get(status, "error"),
        **members,
    }


def problem_of(error: UploadError) -> dict[str, Any]:
    """Return the JSON of the problem for ``error``."""
    members: dict[str, Any] = {}
    detail = error.detail
    if isinstance(error, errors.InvalidRequest) and error.fields:
        members["errors"], left_out = _first_errors(error.fields)
        if left_out:
            detail = (
                f"{detail} The first {MAX_ERRORS} errors are listed; {left_out} more"
                " are left out."
            )
    if isinstance(error, errors.Incomplete):
        members["missing_parts"] = error.missing_parts[:MAX_MISSING_PARTS]
    seconds = retry_after(error)
    if seconds is not None:
        # The body has the seconds too, because a batch has no header for each item.
        members["retry_after"] = seconds
    return problem(STATUS[type(error)], code=error.code, detail=detail, **members)


def _first_errors(fields: dict[str, list[str]]) -> tuple[dict[str, list[str]], int]:
    """Return the first MAX_ERRORS errors of all fields, and the number of the rest."""
    told: dict[str, list[str]] = {}
    room, left_out = MAX_ERRORS, 0
    for name, texts in fields.items():
        if kept := texts[:room]:
            told[name] = kept
        room -= len(kept)
        left_out += len(texts) - len(kept)
    return told, left_out


def retry_after(error: UploadError) -> int | None:
    """Return the seconds for Retry-After, or None for errors without this header."""
    if isinstance(error, errors.RateLimited):
        return error.retry_after
    if isinstance(error, errors.StorageError):
        return RETRY_AFTER_SECONDS
    return None


def respond(
    body: dict[str, Any], *, retry_after_seconds: int | None = None
) -> HttpResponse:
    """Return the HTTP response with the problem ``body``."""
    response = HttpResponse(
        json.dumps(body), status=body["status"], content_type=CONTENT_TYPE
    )
    if retry_after_seconds is not None:
        response["Retry-After"] = str(retry_after_seconds)
    return response


def body_too_large() -> dict[str, Any]:
    """Return the JSON of the problem for a body above the limit."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    detail = f"The body is larger than {limit} bytes. Send less data in one request."
    return problem(413, detail=detail)


def database_down(request: HttpRequest, error: BaseException) -> HttpResponse:
    """Return a 503 for a database outage. Log ``error`` and store it on the request."""
    remember_outage(request, error)
    log_outage(error)
    body = problem(
        503,
        code="database_unavailable",
        detail="The database does not answer. Try again in a moment.",
    )
    return respond(body, retry_after_seconds=RETRY_AFTER_SECONDS)


def _problem_of_status(status: int) -> dict[str, Any]:
    return body_too_large() if status == 413 else problem(status)


class ProblemMiddleware:
    """Converts Django's HTML errors to problem+json for paths of the API.

    Django itself answers requests with an unknown path, a wrong method, a refused host
    or a body that is too large. Its responses are HTML. The middleware also forbids
    caches to store responses of the API, because they contain presigned URLs. For the
    API and for pages, it converts RateLimited to a response with status 429.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(PREFIX):
            return response
        is_problem = response.headers.get("Content-Type", "") == CONTENT_TYPE
        if response.status_code >= 400 and not is_problem:
            allow = response.headers.get("Allow")
            response = respond(_problem_of_status(response.status_code))
            if allow:
                response["Allow"] = allow
        response["Cache-Control"] = "no-store"
        return response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        """Return a 429 for RateLimited, or None for other exceptions."""
        if not isinstance(exception, RateLimited):
            return None
        if request.path.startswith(PREFIX):
            return respond(
                problem_of(exception), retry_after_seconds=exception.retry_after
            )
        response = render(request, "429.html", {"error": exception}, status=429)
        response["Retry-After"] = str(exception.retry_after)
        response["Cache-Control"] = "no-store"
        return response
