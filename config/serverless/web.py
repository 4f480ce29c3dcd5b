"""The site as a Lambda function behind an HTTP API of API Gateway (format 2.0)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from apig_wsgi import make_lambda_handler

from config.serverless.secrets import load_secrets

load_secrets()

from config.wsgi import application  # noqa: E402  reads the settings

_answer = make_lambda_handler(application, binary_support=True)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Return the response to the request in ``event``, or 400 for an invalid event."""
    problem = _problem_of(event)
    if problem:
        return _bad_request(problem)
    # Drop headers with an underscore, as gunicorn does. WSGI has the same name for
    # x_forwarded_for and X-Forwarded-For, so a client could forge the latter.
    headers = {
        name: value for name, value in event["headers"].items() if "_" not in name
    }
    answer: dict[str, Any] = _answer({**event, "headers": headers}, context)
    if event["requestContext"]["http"]["method"] == "HEAD":
        # Drop the body, as WSGI servers do.
        answer |= {"body": "", "isBase64Encoded": False}
    return answer


def _bad_request(detail: str) -> dict[str, Any]:
    body = {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": detail,
        "code": "invalid_request",
    }
    return {
        "statusCode": 400,
        "headers": {"content-type": "application/problem+json"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def _problem_of(event: Any) -> str:
    """Return why ``event`` is not a request, or ``""``."""
    if not isinstance(event, dict):
        return "The event is not a JSON object."
    if event.get("version") != "2.0":
        return (
            "The event does not have API Gateway's format 2.0. Set "
            "payload_format_version of the integration to 2.0."
        )
    request = event.get("requestContext")
    http = request.get("http") if isinstance(request, dict) else None
    texts = [event.get("rawPath"), event.get("rawQueryString")]
    texts += [
        http.get(name) if isinstance(http, dict) else None
        for name in ("method", "protocol", "sourceIp")
    ]
    if not _are_texts(texts):
        return (
            "A required text is missing from the event. Required are rawPath and "
            "rawQueryString, and in requestContext.http method, protocol and sourceIp."
        )
    headers, cookies = event.get("headers"), event.get("cookies", [])
    if not isinstance(headers, dict) or not _are_texts(headers.values()):
        return "The field headers of the event must be an object with texts as values."
    if not isinstance(cookies, list) or not _are_texts(cookies):
        return "The field cookies of the event must be a list of texts."
    return _problem_of_body(event)


def _problem_of_body(event: dict[str, Any]) -> str:
    body = event.get("body") or ""
    if not isinstance(body, str):
        return "The body of the event is not a string."
    if event.get("isBase64Encoded"):
        try:
            base64.b64decode(body, validate=True)
        except ValueError:
            return "The body of the event is not valid base64."
    return ""


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
