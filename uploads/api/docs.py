"""Show the OpenAPI document as an HTML page without JavaScript."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from uploads.api.site import api

Schema = dict[str, Any]

VERBS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """One field of a JSON object, or one parameter in the URL or a header."""

    name: str
    type: str
    required: bool
    description: str = ""


@dataclass(frozen=True)
class Answer:
    status: str
    description: str
    shape: str


@dataclass(frozen=True)
class Operation:
    """One operation of the API. It consists of an HTTP method and a path."""

    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: str
    answers: list[Answer]

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", f"{self.method}{self.path}".lower()).strip(
            "-"
        )


@dataclass(frozen=True)
class Shape:
    """A named JSON object with fields, or a named set of values."""

    name: str
    fields: list[Field]
    values: str


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show all operations and all shapes of version 1."""
    document = api.get_openapi_schema()
    context = {
        "info": document["info"],
        "operations": operations(document),
        "shapes": shapes(document),
    }
    return render(request, "api_docs.html", context)


def operations(document: Schema) -> list[Operation]:
    """Return the operations of ``document`` in the order of the document."""
    return [
        _operation(verb, path, item[verb])
        for path, item in document["paths"].items()
        for verb in VERBS
        if verb in item
    ]


def shapes(document: Schema) -> list[Shape]:
    """Return the named shapes of ``document``, sorted by name."""
    found = document["components"]["schemas"]
    return [
        Shape(
            name=name,
            fields=_fields(schema),
            values=type_name(schema) if "enum" in schema else "",
        )
        for name, schema in sorted(found.items())
    ]


def type_name(schema: Schema) -> str:
    """Return the type of ``schema`` in words, for example "list of string"."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(
                dict.fromkeys(type_name(option) for option in schema[key])
            )
    if "const" in schema:
        return repr(schema["const"]).replace("'", '"')
    if "enum" in schema:
        return ", ".join(f'"{value}"' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_name(schema.get('items', {}))}"
    name = str(schema.get("type", "anything"))
    return f"{name} ({schema['format']})" if "format" in schema else name


def _operation(verb: str, path: str, item: Schema) -> Operation:
    return Operation(
        method=verb.upper(),
        path=path,
        summary=item.get("summary", ""),
        description=item.get("description", ""),
        parameters=[
            Field(
                name=parameter["name"],
                type=f"{type_name(parameter['schema'])}, in the {parameter['in']}",
                required=parameter.get("required", False),
                description=parameter.get("description", ""),
            )
            for parameter in item.get("parameters", [])
        ],
        body=_content(item.get("requestBody", {})),
        answers=[
            Answer(str(status), answer.get("description", ""), _content(answer))
            for status, answer in sorted(item["responses"].items(), key=_status)
        ],
    )


def _status(response: tuple[int | str, Schema]) -> int:
    return int(response[0])


def _content(message: Schema) -> str:
    for media in message.get("content", {}).values():
        return type_name(media.get("schema", {}))
    return ""


def _fields(schema: Schema) -> list[Field]:
    required = schema.get("required", [])
    return [
        Field(name, type_name(value), name in required, value.get("description", ""))
        for name, value in schema.get("properties", {}).items()
    ]
