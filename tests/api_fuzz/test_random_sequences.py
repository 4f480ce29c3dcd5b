"""Random sequences of API requests, compared with a model of the expected answers."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.races.files import checksum
from tests.support.generated_inputs import examples
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import get_bucket

pytestmark = pytest.mark.django_db

LIMIT_BYTES = 60
MAX_FILES = 4
numbers = itertools.count()


@dataclass
class Expected:
    """The expected state of an upload."""

    id: str
    key: str
    content: bytes
    transport: str
    state: str = "pending"
    sent: bool = False


class RandomSequence(RuleBasedStateMachine):
    """One person's random actions. The test predicts the API's answers."""

    uploads = Bundle("uploads")

    @initialize()
    def log_in(self) -> None:
        user = User.objects.create_user(f"walker-{next(numbers)}")
        StorageQuota.objects.create(
            user=user, limit_bytes=LIMIT_BYTES, max_files=MAX_FILES
        )
        self.client = Client()
        self.client.force_login(user)
        self.all: list[Expected] = []

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method,
            f"/api/v1{path}",
            b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            headers=headers,
        )

    def sizes_in(self, *states: str) -> list[int]:
        return [len(row.content) for row in self.all if row.state in states]

    @rule(
        target=uploads,
        size=st.integers(0, 30),
        transport=st.sampled_from(["put", "post", "multipart"]),
    )
    def start(self, size: int, transport: str) -> Expected | None:
        content = b"x" * size
        body = self.declaration(content, transport)
        key = f"key-{len(self.all)}"
        sizes_in = self.sizes_in("pending", "ready")

        answer = self.call("POST", "/uploads", body, **{"Idempotency-Key": key})

        if transport == "multipart" and not size:
            assert answer.status_code == 422
        elif sum(sizes_in) + size > LIMIT_BYTES or len(sizes_in) >= MAX_FILES:
            assert answer.status_code == 403
            assert answer.json()["code"] == "quota_exceeded"
        else:
            assert answer.status_code == 201
            self.all.append(Expected(answer.json()["id"], key, content, transport))
        return self.all[-1] if self.all else None

    @rule(row=uploads)
    def start_again(self, row: Expected | None) -> None:
        if row is None:
            return
        body = self.declaration(row.content, row.transport)

        answer = self.call("POST", "/uploads", body, **{"Idempotency-Key": row.key})

        assert answer.status_code == 201
        assert (answer.json()["id"], answer.json()["state"]) == (row.id, row.state)
        if row.transport != "multipart":
            assert (answer.json()["request"] is None) == (row.state != "pending")

    @rule(row=uploads)
    def send(self, row: Expected | None) -> None:
        if row is None or row.state != "pending" or row.sent:
            return
        upload, bucket = Upload.objects.get(pk=row.id), get_bucket()
        target: Any = {"Bucket": bucket.name, "Key": upload.key, "Body": row.content}
        target["ChecksumSHA256"] = checksum(row.content)
        if row.transport == "multipart":
            part: Any = {"UploadId": upload.multipart_id, "PartNumber": 1}
            bucket.client.upload_part(**target, **part)
        else:
            bucket.client.put_object(
                **target, ContentType="text/plain", ChecksumAlgorithm="SHA256"
            )
        row.sent = True

    @rule(row=uploads)
    def complete(self, row: Expected | None) -> None:
        if row is None:
            return
        answer = self.call("POST", f"/uploads/{row.id}/complete")

        if row.state == "pending" and row.sent:
            row.state = "ready"
        if row.state == "ready":
            assert answer.status_code == 200
            assert answer.json()["state"] == "ready"
        else:
            assert answer.status_code == 409
            code = "incomplete" if row.state == "pending" else "invalid_state"
            assert answer.json()["code"] == code

    @rule(row=uploads)
    def remove(self, row: Expected | None) -> None:
        if row is None:
            return
        answer = self.call("DELETE", f"/uploads/{row.id}")

        assert answer.status_code == 204
        ended = {"pending": "cancelled", "ready": "deleted"}
        row.state = ended.get(row.state, row.state)
        assert get_bucket().head_object(Upload.objects.get(pk=row.id).key) is None

    @rule(row=uploads, name=st.text("ab.", min_size=1, max_size=3))
    def rename(self, row: Expected | None, name: str) -> None:
        if row is None:
            return
        answer = self.call("PATCH", f"/uploads/{row.id}", {"filename": f"x{name}x"})

        ended = row.state in {"cancelled", "deleted"}
        assert answer.status_code == (409 if ended else 200)

    @rule(row=uploads)
    def download(self, row: Expected | None) -> None:
        if row is None:
            return
        answer = self.call("GET", f"/uploads/{row.id}/download")

        assert answer.status_code == (302 if row.state == "ready" else 409)

    @invariant()
    def quota_matches_uploads(self) -> None:
        received = self.call("GET", "/me").json()["quota"]
        assert received["used_bytes"] == sum(self.sizes_in("ready"))
        assert received["reserved_bytes"] == sum(self.sizes_in("pending"))
        assert received["file_count"] == len(self.sizes_in("ready"))

    @invariant()
    def list_has_pending_and_ready_uploads(self) -> None:
        received = self.call("GET", "/uploads").json()["results"]
        listed = [row for row in self.all if row.state in {"pending", "ready"}]
        assert [(row["id"], row["state"]) for row in received] == [
            (row.id, row.state) for row in reversed(listed)
        ]

    @staticmethod
    def declaration(content: bytes, transport: str) -> dict[str, Any]:
        return {
            "filename": "notes.txt",
            "byte_size": len(content),
            "content_type": "text/plain",
            "checksum_sha256": checksum(content),
            "transport": transport,
        }


def test_random_sequence_is_answered_as_the_model_predicts() -> None:
    run_state_machine_as_test(
        RandomSequence,
        settings=settings(
            max_examples=examples(8),
            stateful_step_count=20,
            suppress_health_check=list(HealthCheck),
        ),
    )
