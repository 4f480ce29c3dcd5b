"""Endpoints that start or complete many uploads. Each upload has its own result."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from ninja import Router
from ninja.params.functions import Header

from uploads import lifecycle
from uploads.api import schemas
from uploads.api.auth import caller
from uploads.api.paying import Pays, pay_for_items
from uploads.api.presenting import present, present_started
from uploads.api.problems import problem_of
from uploads.errors import NotFound, UploadError
from uploads.lifecycle import reconciliation
from uploads.lifecycle.policy import policy_for
from uploads.models import Upload
from uploads.states import Transport
from uploads.text.filenames import clean_filename, clean_relative_path

router = Router()

IDEMPOTENCY_KEY: Any = Header(
    None,
    alias="Idempotency-Key",
    pattern=schemas.IDEMPOTENCY_KEY_PATTERN,
    description="A text that you choose, different for each request. If you repeat a "
    "request with the same text, the API returns the same uploads, and creates no new "
    "uploads.",
)


def declaration_of(body: schemas.StartBody) -> lifecycle.Declaration:
    return lifecycle.Declaration(
        filename=clean_filename(body.filename),
        byte_size=body.byte_size,
        content_type=body.content_type,
        checksum_sha256=body.checksum_sha256 or "",
        checksum_crc64nvme=body.checksum_crc64nvme or "",
        transport=Transport(body.transport) if body.transport else None,
        relative_path=clean_relative_path(body.relative_path or ""),
        last_modified=body.last_modified,
        fingerprint=body.fingerprint or "",
        head=base64.b64decode(body.head or ""),
        part_size=body.part_size,
    )


@router.post(
    "/uploads/batch",
    response=schemas.StartedBatchOut,
    tags=["uploads"],
    throttle=Pays("start"),
)
def start_batch(
    request: HttpRequest,
    body: schemas.StartBatchBody,
    idempotency_key: str | None = IDEMPOTENCY_KEY,
) -> Any:
    """Start up to 100 uploads, in the order of the list. Each upload has a result."""
    pay_for_items(request, "start", count=len(body.uploads))
    wanted = [
        lifecycle.Wanted(
            declaration_of(item),
            item.idempotency_key or _key_of_item(idempotency_key, index),
        )
        for index, item in enumerate(body.uploads)
    ]
    policy = policy_for(caller(request))
    started = lifecycle.start_many(owner=caller(request), wanted=wanted, policy=policy)
    return {"results": [_answer(_present_started, one) for one in started]}


def _key_of_item(key: str | None, index: int) -> str | None:
    return f"{key}/{index}" if key else None


def _present_started(one: lifecycle.Started) -> dict[str, Any]:
    return {"status": 201, "upload": present_started(one)}


@router.post(
    "/uploads/complete-batch",
    response=schemas.CompletedBatchOut,
    tags=["uploads"],
    throttle=Pays("complete"),
)
def complete_batch(request: HttpRequest, body: schemas.CompleteBatchBody) -> Any:
    """Complete up to 100 uploads. Each upload has a result."""
    pay_for_items(request, "complete", count=len(body.ids))
    own = _own_uploads(caller(request), body.ids)
    objects = lifecycle.prefetch(own.values())
    budget = lifecycle.inline_budget()
    lifecycle.complete_many(
        caller(request),
        own.values(),
        actor=caller(request),
        objects=objects,
        budget=budget,
    )

    def complete_one(upload_id: uuid.UUID) -> dict[str, Any]:
        if upload_id not in own:
            raise NotFound
        upload = reconciliation.complete(
            own[upload_id], actor=caller(request), objects=objects, budget=budget
        )
        return {"status": 200, "upload": present(upload)}

    return {"results": [_answer(complete_one, upload_id) for upload_id in body.ids]}


def _own_uploads(owner: Any, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Upload]:
    """Return the owner's uploads with these ids, in the order of ``ids``.

    With a condition on the owner, SQLite would read all uploads of the owner. Foreign
    rows are not loaded, so they take as long as unknown ids.
    """
    owners = Upload.objects.filter(pk__in=ids).values_list("pk", "owner_id")
    own = [pk for pk, owner_id in owners if owner_id == owner.pk]
    found = Upload.objects.in_bulk(own)
    return {pk: found[pk] for pk in ids if pk in found}


def _answer(act: Any, *arguments: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = act(*arguments)
    except UploadError as error:
        problem = problem_of(error)
        return {"status": problem["status"], "problem": problem}
    return answer
