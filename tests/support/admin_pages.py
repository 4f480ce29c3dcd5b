"""Provide URLs, accounts and rows for tests of the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.support.builders import put
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State

GB = 1000**3
LIST = "/admin/uploads/upload/"
EVENTS = "/admin/uploads/auditevent/"
QUOTAS = "/admin/uploads/storagequota/"
POLICIES = "/admin/uploads/uploadpolicy/"
TOKENS = "/admin/uploads/apitoken/"


def staff_client(users: Any, *permissions: str) -> Client:
    """Create a staff account with only these permissions. Return its client."""
    person = users.objects.create_user("sam", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(person)
    return client


def make_upload(owner: Any, number: int = 0, **changes: Any) -> Upload:
    now = timezone.now()
    facts: dict[str, Any] = {
        "owner": owner,
        "state": State.READY,
        "transport": "put",
        "key": f"uploads/00/00{number:038x}",
        "filename": f"notes {number}.txt",
        "byte_size": 5,
        "part_size": 5,
        "content_type": "text/plain",
        "created_at": now - timedelta(minutes=number),
        "expires_at": now + timedelta(days=7),
        "completed_at": now,
    }
    return Upload.objects.create(**{**facts, **changes})


def store(bucket: Bucket, upload: Upload, content: bytes = b"hello") -> None:
    put(bucket, upload, content)


def run_action(client: Client, action: str, *uploads: Upload, **more: Any) -> Any:
    chosen = [str(upload.pk) for upload in uploads]
    data = {"action": action, "_selected_action": chosen, "index": 0, **more}
    return client.post(LIST, data, follow=True)


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def change_page(upload: Upload) -> str:
    return f"{LIST}{upload.pk}/change/"


def download_page(upload: Upload) -> str:
    return reverse("admin:uploads_upload_download", args=[upload.pk])
