"""Every request gets a valid answer or a problem document, never an exception."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.races.files import checksum, declare
from tests.support.generated_inputs import examples
from uploads import lifecycle
from uploads.models import Upload

pytestmark = pytest.mark.django_db

SOME_ID = "6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11"
BOUNDED = settings(max_examples=examples(120), suppress_health_check=list(HealthCheck))

# The texts include lone surrogates, which JSON can represent and UTF-8 cannot.
TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
NUMBERS = st.integers() | st.integers(-(10**40), 10**40) | st.floats()
LEAVES = st.none() | st.booleans() | NUMBERS | TEXT
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)
MOMENTS = st.datetimes(timezones=st.none() | st.timezones()).map(
    lambda moment: moment.isoformat()
) | st.sampled_from(
    [
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "1970-01-01T00:00:00+00:00:00.000001",
    ]
)
VALUES = TREES | MOMENTS
START = st.fixed_dictionaries(
    {
        "filename": st.just("a.txt") | VALUES,
        "byte_size": st.just(5) | VALUES,
        "content_type": st.just("text/plain") | VALUES,
        "checksum_sha256": st.just(checksum(b"hello")) | VALUES,
    },
    optional={
        "transport": st.sampled_from(["put", "post", "multipart"]) | VALUES,
        "relative_path": VALUES,
        "last_modified": VALUES,
        "fingerprint": VALUES,
    },
)
PART = st.fixed_dictionaries(
    {"part_number": VALUES, "checksum_sha256": st.just(checksum(b"")) | VALUES}
)
DOCUMENTS = (
    TREES
    | START
    | st.fixed_dictionaries({"uploads": st.lists(START | TREES, max_size=3)})
    | st.fixed_dictionaries({"parts": st.lists(PART | TREES, max_size=3)})
    | st.fixed_dictionaries({"ids": st.lists(TREES, max_size=3)})
    | st.fixed_dictionaries({"filename": VALUES})
)
DEEP = st.integers(1, 200_000).map(lambda depth: b"[" * depth + b"]" * depth)
LONG_NUMBERS = st.integers(1, 20_000).map(lambda n: b'{"byte_size":' + b"9" * n + b"}")
BODIES = (
    DOCUMENTS.map(lambda document: json.dumps(document).encode())
    | st.binary(max_size=200)
    | DEEP
    | LONG_NUMBERS
)
TARGETS = st.sampled_from(
    [
        ("POST", "/uploads"),
        ("POST", "/uploads/batch"),
        ("POST", "/uploads/complete-batch"),
        ("POST", "/uploads/{id}/parts"),
        ("POST", "/uploads/{id}/complete"),
        ("PATCH", "/uploads/{id}"),
        ("DELETE", "/uploads/{id}"),
        ("PUT", "/uploads/{id}"),
    ]
)
CONTENT_TYPES = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json; charset=utf-7",
        "application/json; charset=no-such",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
        ";",
    ]
)
# WSGI decodes the bytes of headers as Latin-1.
HEADER_VALUES = st.text(st.characters(max_codepoint=255), max_size=300)


def send(
    session: str, method: str, path: str, body: bytes = b"", **environ: Any
) -> dict[str, Any]:
    """Send a request, check the form of the answer, and return its JSON.

    Exceptions that the API does not catch are raised here, as in Django's test client.
    """
    client = Client()
    client.cookies[site.SESSION_COOKIE_NAME] = session
    answer = client.generic(method, f"/api/v1{path}", body, **environ)
    assert answer.status_code < 500, answer.content
    if answer.status_code in {204, 302}:
        return {}
    received: dict[str, Any] = json.loads(answer.content)
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert received["status"] == answer.status_code
        assert {"type", "title", "detail", "code"} <= received.keys()
    else:
        assert answer["Content-Type"].startswith("application/json")
    return received


@BOUNDED
@given(target=TARGETS, body=BODIES)
@example(("POST", "/uploads"), b"[" * 500_000)
@example(("POST", "/uploads"), b'{"a":' * 150_000)
@example(("POST", "/uploads"), b"\xff\xfe{\x00}\x00")
def test_random_body_gets_a_valid_answer_or_a_problem(
    session: str, an_upload: Upload, target: tuple[str, str], body: bytes
) -> None:
    method, path = target

    send(
        session,
        method,
        path.format(id=an_upload.pk),
        body,
        content_type="application/json",
    )


@BOUNDED
@given(document=START)
def test_random_declaration_gets_a_valid_answer_or_a_problem(
    session: str, document: Any
) -> None:
    received = send(
        session,
        "POST",
        "/uploads",
        json.dumps(document).encode(),
        content_type="application/json",
    )

    if "id" in received:
        assert (
            send(session, "GET", f"/uploads/{received['id']}")["id"] == received["id"]
        )


@BOUNDED
@given(
    content_type=CONTENT_TYPES | HEADER_VALUES,
    headers=st.dictionaries(
        st.sampled_from(
            [
                "HTTP_IDEMPOTENCY_KEY",
                "HTTP_AUTHORIZATION",
                "HTTP_ACCEPT",
                "HTTP_COOKIE",
                "HTTP_X_REQUEST_ID",
                "HTTP_X_CSRFTOKEN",
                "HTTP_ORIGIN",
                "HTTP_REFERER",
                "HTTP_HOST",
                "HTTP_X_FORWARDED_FOR",
                "HTTP_CONTENT_ENCODING",
            ]
        ),
        HEADER_VALUES,
        max_size=3,
    ),
)
def test_random_headers_get_a_valid_answer_or_a_problem(
    session: str, content_type: str, headers: dict[str, str]
) -> None:
    body = {
        "filename": "a.txt",
        "byte_size": 5,
        "content_type": "text/plain",
        "checksum_sha256": checksum(b"hello"),
    }

    send(
        session,
        "POST",
        "/uploads",
        json.dumps(body).encode(),
        content_type=content_type,
        **headers,
    )


CURSORS = (
    TEXT
    | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
    | st.tuples(MOMENTS, st.uuids().map(str) | TEXT).map(
        lambda pair: (
            base64.urlsafe_b64encode("|".join(pair).encode("utf-8", "surrogatepass"))
            .decode()
            .rstrip("=")
        )
    )
)


@BOUNDED
@given(
    query=st.fixed_dictionaries(
        {},
        optional={
            "cursor": CURSORS,
            "limit": st.integers(-5, 200).map(str) | TEXT,
            "state": st.sampled_from(["ready", "pending"]) | TEXT,
            "q": TEXT,
        },
    )
)
@example(
    {
        "cursor": base64.urlsafe_b64encode(
            b"0001-01-01T00:00:00+23:59|" + SOME_ID.encode()
        ).decode()
    }
)
@example(
    {
        "cursor": base64.urlsafe_b64encode(
            b"9999-12-31T23:59:59-23:59|" + SOME_ID.encode()
        ).decode()
    }
)
@example({"q": "a\x00b"})
@example({"limit": "9" * 5000})
def test_random_query_gets_a_valid_answer_or_a_problem(
    session: str, query: dict[str, str]
) -> None:
    raw = "&".join(f"{name}={percent(value)}" for name, value in query.items())

    send(session, "GET", "/uploads", QUERY_STRING=raw)


@BOUNDED
@given(
    path=TEXT | st.uuids().map(str), tail=TEXT | st.sampled_from(["parts", "download"])
)
def test_random_path_gets_a_valid_answer_or_a_problem(
    session: str, path: str, tail: str
) -> None:
    send(session, "GET", f"/uploads/{percent(path)}/{percent(tail)}")


def percent(text: str) -> str:
    """Percent-encode every byte."""
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


@pytest.fixture
def an_upload(fuzzer: User) -> Upload:
    """Create an upload of the fuzzer.

    All examples share this upload and may change it.
    """
    return lifecycle.start(owner=fuzzer, declaration=declare(uuid.uuid4().bytes))
