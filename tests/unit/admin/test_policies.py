"""The admin accepts valid policies and explains invalid ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.support.admin_pages import GB, POLICIES
from uploads.models import (
    UploadPolicy,
)

pytestmark = pytest.mark.django_db


def test_policy_accepts_one_content_type_per_line(operator: Client, alice: Any) -> None:
    answer = operator.post(
        f"{POLICIES}add/",
        {
            "user": alice.pk,
            "max_file_size": "5 GB",
            "allowed_content_types": "image/*\r\nApplication/PDF, image/*",
        },
    )

    assert answer.status_code == 302
    row = UploadPolicy.objects.get()
    assert row.allowed_content_types == ["image/*", "application/pdf"]
    assert row.max_file_size == 5 * GB


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (
            {"user": True, "allowed_content_types": "imge"},
            "allowed_content_types",
            (
                "imge is not a content type. "
                "Write one per line, such as image/* or application/pdf."
            ),
        ),
        (
            {"user": True, "allowed_content_types": "*/pdf"},
            "allowed_content_types",
            (
                "*/pdf is not a content type. "
                "Write one per line, such as image/* or application/pdf."
            ),
        ),
        ({}, "user", "Choose either a user or a group."),
    ],
)
def test_invalid_policy_is_explained(
    operator: Client, alice: Any, data: dict[str, Any], field: str, words: str
) -> None:
    if "user" in data:
        data = {**data, "user": alice.pk}

    page = operator.post(f"{POLICIES}add/", data)

    assert page.context["adminform"].form.errors == {field: [words]}
    assert not UploadPolicy.objects.exists()
