"""Create the API, with its authentication, error handlers and OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.renderers import BaseRenderer
from ninja.schema import NinjaGenerateJsonSchema
from pydantic_core import to_json

from uploads.api import schemas
from uploads.api.auth import BrowserAuth, TokenAuth
from uploads.api.parsing import StrictParser
from uploads.api.paying import refusal_of
from uploads.api.problems import (
    CONTENT_TYPE,
    MAX_NAME,
    body_too_large,
    database_down,
    problem,
    problem_of,
    respond,
    retry_after,
)
from uploads.api.v1 import router
from uploads.errors import InvalidRequest, NotAuthenticated, UploadError
from uploads.outages import is_outage


class JsonRenderer(BaseRenderer):
    """Writes JSON in UTF-8, without blanks."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        """Return the JSON of a response. Ninja has converted its models to dicts."""
        return to_json(data)


OpenAPI = dict[str, Any]

EVERYWHERE = (401, 403, 422, 429, 503)
WITH_UPLOAD = (404, 409)
ON_START = (409, 413, 415)


class SlipwayAPI(NinjaAPI):
    """A NinjaAPI whose OpenAPI document also lists the problem responses."""

    def get_openapi_schema(self, **options: Any) -> Any:
        document = super().get_openapi_schema(**options)
        problem_schema = schemas.ProblemOut.model_json_schema(
            schema_generator=NinjaGenerateJsonSchema
        )
        document["components"]["schemas"]["Problem"] = problem_schema
        content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for path, operations in document["paths"].items():
            statuses = EVERYWHERE + (WITH_UPLOAD if "{" in path else ON_START)
            for operation in operations.values():
                for status in statuses:
                    operation["responses"][status] = {
                        "description": problem(status)["title"],
                        "content": content,
                    }
        return document


api = SlipwayAPI(
    title="Slipway",
    version="1",
    description="Clients send files directly to S3, with presigned URLs that this API "
    "returns.",
    docs_url=None,
    openapi_url=None,
    auth=[TokenAuth(), BrowserAuth()],
    parser=StrictParser(),
    renderer=JsonRenderer(),
)
api.add_router("", router)


@api.get("/openapi.json", include_in_schema=False)
def openapi(request: HttpRequest) -> Any:
    """Return the OpenAPI document of this version."""
    return api.get_openapi_schema()


@api.exception_handler(UploadError)
def on_upload_error(request: HttpRequest, error: UploadError) -> HttpResponse:
    return respond(problem_of(error), retry_after_seconds=retry_after(error))


@api.exception_handler(ValidationError)
def on_validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields: dict[str, list[str]] = {}
    for item in error.errors:
        # ("body", "body", "parts", 0, "part_number") -> "parts.0.part_number"
        steps = (str(step)[:MAX_NAME] for step in item["loc"][1:] if step != "body")
        fields.setdefault(".".join(steps) or "body", []).append(item["msg"])
    return respond(problem_of(InvalidRequest(fields=fields)))


@api.exception_handler(Throttled)
def on_throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    answer: HttpResponse = api.on_exception(request, refusal_of(request))
    return answer


@api.exception_handler(AuthenticationError)
def on_anonymous(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return respond(problem_of(NotAuthenticated()))


@api.exception_handler(Http404)
def on_not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return respond(problem(404))


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, UploadError):  # raised by StrictParser
        return on_upload_error(request, error.__cause__)
    return respond(problem(error.status_code, detail=str(error)))


@api.exception_handler(RequestDataTooBig)
def on_huge_body(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return respond(body_too_large())


@api.exception_handler(UnreadablePostError)
def on_broken_body(request: HttpRequest, error: UnreadablePostError) -> HttpResponse:
    # The client has closed the connection, so only the log shows this response.
    detail = "The connection ended before the whole body had arrived."
    return respond(problem(400, detail=detail))


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
@api.exception_handler(InternalError)
def on_database_error(request: HttpRequest, error: Exception) -> HttpResponse:
    if not is_outage(error):
        raise error
    return database_down(request, error)
