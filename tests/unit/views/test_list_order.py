"""Every list of files begins with the newest file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests.support.builders import begin
from uploads.models import Upload

pytestmark = pytest.mark.django_db
OLDEST_FIRST = ["first.txt", "second.txt", "third.txt"]


@pytest.fixture
def alice() -> User:
    """Return a user with three files, which are stored in another order."""
    alice = User.objects.create_user("alice")
    for name in ("second.txt", "third.txt", "first.txt"):
        upload = begin(alice, b"hello", filename=name)
        created_at = timezone.now() + timedelta(minutes=OLDEST_FIRST.index(name))
        Upload.objects.filter(pk=upload.pk).update(created_at=created_at)
    return alice


@pytest.mark.parametrize("path", ["/", "/uploads/list.csv", "/api/v1/uploads"])
def test_a_list_of_own_files_begins_with_the_newest(
    client: Client, alice: User, path: str
) -> None:
    client.force_login(alice)

    answer: Any = client.get(path)

    assert names_in(answer.getvalue().decode()) == OLDEST_FIRST[::-1]


def test_the_admin_begins_with_the_newest_upload(
    admin_client: Client, alice: User
) -> None:
    answer = admin_client.get("/admin/uploads/upload/")

    assert names_in(answer.text) == OLDEST_FIRST[::-1]


def test_export_uploads_begins_with_the_newest_file(alice: User, capsys: Any) -> None:
    call_command("export_uploads", "alice")

    assert names_in(capsys.readouterr().out) == OLDEST_FIRST[::-1]


def names_in(text: str) -> list[str]:
    """Return the file names in the order of their first occurrence."""
    found = [name for name in OLDEST_FIRST if name in text]
    return sorted(found, key=text.find)
