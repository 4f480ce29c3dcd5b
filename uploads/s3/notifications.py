"""Reads the notifications that S3-compatible stores send about new objects.

Supported formats: S3 events (AWS, MinIO, Ceph), S3 events through SNS or
EventBridge, Cloudflare R2 events, SeaweedFS filer events. A notification does not prove
that the object exists, so the receiver must ask the bucket.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

MAX_DEPTH = 3
"""Maximum depth of nested messages.

An SNS message that contains an S3 event has the depth 1. No supported format has a
greater depth.
"""

CREATED = ("ObjectCreated:", "Object Created")
R2_CREATED = {"PutObject", "CopyObject", "CompleteMultipartUpload"}
FILER_CREATED = {"create", "update"}


class UnreadableNotification(ValueError):  # noqa: N818  as in errors.py
    """The message does not have a supported format."""


@dataclass(frozen=True)
class CreatedObject:
    """Describes a new object, as a notification names it.

    ``at`` is the time of the event. If the message has no bucket, ``bucket`` is empty.
    If the message has no time, ``at`` is None.
    """

    bucket: str
    key: str
    at: datetime | None = field(default=None, compare=False)


def parse_notification(body: str | bytes) -> list[CreatedObject]:
    """Return the new objects that a message names, in the order of the message.

    Returns an empty list for S3's test message and for events about other changes.
    Raises UnreadableNotification if the message does not have a supported format.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableNotification("The message is not JSON.") from error
    try:
        return list(_created(message, depth=0))
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise UnreadableNotification(
            f"A value in the message is missing or has the wrong type: {error!r}."
        ) from error


def _created(message: Any, *, depth: int) -> Iterator[CreatedObject]:
    if depth > MAX_DEPTH:
        raise UnreadableNotification(
            f"The message contains messages nested more than {MAX_DEPTH} levels deep."
        )
    if message.get("Type") == "Notification" and "Message" in message:
        yield from _created(_unwrapped(message["Message"]), depth=depth + 1)
    elif "Records" in message:
        for record in message["Records"] or []:
            yield from _of_record(record, depth=depth)
    elif message.get("Event") != "s3:TestEvent":
        yield from _of_one_event(message)


def _of_one_event(message: Any) -> Iterator[CreatedObject]:
    if {"detail", "detail-type"} <= message.keys():
        if _is_created(message["detail-type"]):
            detail = message["detail"]
            # EventBridge sends the key unchanged. S3 events have a URL-encoded key.
            place = detail["bucket"]["name"], detail["object"]["key"]
            yield _named(*place, message.get("time"))
    elif {"action", "object"} <= message.keys():
        if message["action"] in R2_CREATED:
            place = message.get("bucket", ""), message["object"]["key"]
            yield _named(*place, message.get("eventTime"))
    elif {"event_type", "key"} <= message.keys():
        yield from _of_filer(message)
    else:
        raise UnreadableNotification("The message has an unknown format.")


def _of_record(record: Any, *, depth: int) -> Iterator[CreatedObject]:
    if "Sns" in record:
        yield from _created(_unwrapped(record["Sns"]["Message"]), depth=depth + 1)
    elif _is_created(record["eventName"]):
        entity = record["s3"]
        place = entity["bucket"]["name"], unquote_plus(entity["object"]["key"])
        yield _named(*place, record.get("eventTime"))


def _of_filer(message: Any) -> Iterator[CreatedObject]:
    # SeaweedFS sends the object's path in its file store: /buckets/<bucket>/<key>
    path = message["key"].split("/", 3)
    is_object = len(path) == 4 and path[:2] == ["", "buckets"]
    if message["event_type"] in FILER_CREATED and is_object:
        yield _named(*path[2:])


def _named(bucket: Any, key: Any, at: Any = None) -> CreatedObject:
    if not isinstance(bucket, str) or not isinstance(key, str):
        raise UnreadableNotification(
            "The bucket or the key in the message is not text."
        )
    return CreatedObject(bucket, key, _moment(at))


def _moment(text: Any) -> datetime | None:
    """Return the time of an event, or None if it is missing or unreadable."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _unwrapped(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableNotification(
            "The field Message contains a text that is not JSON."
        ) from error


def _is_created(name: str) -> bool:
    return any(word in name for word in CREATED)
