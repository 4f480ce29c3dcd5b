"""The calls that read, write and delete each setting of the bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from uploads.s3.wanted.documents import Document


class SuccessWithoutDocument(Exception):  # noqa: N818  as in errors.py
    """The server answered with success, but without the document."""


class QueuePolicy(Protocol):
    """The policy of the notification queue."""

    def read(self) -> str:
        """Return the policy, or an empty text without one."""

    def write(self, document: str) -> None:
        """Replace the policy."""


class Place(Protocol):
    """The bucket, the queue, and the client that configures them."""

    @property
    def client(self) -> Any:
        """The client of the identity that may configure the bucket."""

    @property
    def target(self) -> dict[str, Any]:
        """The arguments that name the bucket."""

    @property
    def queue(self) -> QueuePolicy | None:
        """The queue that S3 sends notifications to."""


@dataclass(frozen=True)
class Verbs:
    """The calls that read, write and delete one document."""

    name: str
    absent: frozenset[str]
    get: Callable[[Place], Any]
    put: Callable[[Any, Document], Any]
    delete: Callable[[Place], Any]


def _document(answer: Any, name: str) -> Document:
    """Return a document. Raises SuccessWithoutDocument if it is empty.

    A server that does not know a subresource may answer with the list of the
    bucket's objects. boto3 then returns an empty document.
    """
    found: Document | None = answer.get(name)
    if not found:
        raise SuccessWithoutDocument
    return found


def _queue_policy(queue: QueuePolicy | None) -> Document | None:
    text = queue.read() if queue else ""
    return _policy({"Policy": text}) if text else None


def _write_queue_policy(queue: QueuePolicy | None, text: str) -> None:
    if queue is not None:
        queue.write(text)


def _lifecycle(answer: Any) -> Document:
    least = "TransitionDefaultMinimumObjectSize"
    found: Document = {"Rules": _document(answer, "Rules")}
    return found | ({least: answer[least]} if least in answer else {})


def _policy(answer: Any) -> Document:
    try:
        found = json.loads(answer.get("Policy") or "")
    except ValueError as error:
        raise SuccessWithoutDocument from error
    if not isinstance(found, dict):
        raise SuccessWithoutDocument
    return found


def _plain(answer: Any, *names: str) -> Document | None:
    """Return the members of an answer that belong to the document."""
    found = {name: answer[name] for name in names if answer.get(name)}
    return found or None


def _put_lifecycle(c: Place, document: Document) -> None:
    # A PUT without this value would reset it to S3's default.
    least = document.get("TransitionDefaultMinimumObjectSize")
    is_usual = least in {None, "all_storage_classes_128K"}
    extra = {} if is_usual else {"TransitionDefaultMinimumObjectSize": least}
    rules = {"Rules": document["Rules"]}
    c.client.put_bucket_lifecycle_configuration(
        **c.target, **extra, LifecycleConfiguration=rules
    )


VERBS: dict[str, Verbs] = {
    "cors": Verbs(
        "BucketCors",
        frozenset({"NoSuchCORSConfiguration"}),
        lambda c: {
            "CORSRules": _document(c.client.get_bucket_cors(**c.target), "CORSRules")
        },
        lambda c, d: c.client.put_bucket_cors(**c.target, CORSConfiguration=d),
        lambda c: c.client.delete_bucket_cors(**c.target),
    ),
    "public_access": Verbs(
        "PublicAccessBlock",
        frozenset({"NoSuchPublicAccessBlockConfiguration"}),
        lambda c: _document(
            c.client.get_public_access_block(**c.target),
            "PublicAccessBlockConfiguration",
        ),
        lambda c, d: c.client.put_public_access_block(
            **c.target, PublicAccessBlockConfiguration=d
        ),
        lambda c: c.client.delete_public_access_block(**c.target),
    ),
    "ownership": Verbs(
        "BucketOwnershipControls",
        frozenset({"OwnershipControlsNotFoundError"}),
        lambda c: _document(
            c.client.get_bucket_ownership_controls(**c.target), "OwnershipControls"
        ),
        lambda c, d: c.client.put_bucket_ownership_controls(
            **c.target, OwnershipControls=d
        ),
        lambda c: c.client.delete_bucket_ownership_controls(**c.target),
    ),
    "encryption": Verbs(
        "BucketEncryption",
        frozenset({"ServerSideEncryptionConfigurationNotFoundError"}),
        lambda c: _document(
            c.client.get_bucket_encryption(**c.target),
            "ServerSideEncryptionConfiguration",
        ),
        lambda c, d: c.client.put_bucket_encryption(
            **c.target, ServerSideEncryptionConfiguration=d
        ),
        lambda c: c.client.delete_bucket_encryption(**c.target),
    ),
    "lifecycle": Verbs(
        "BucketLifecycleConfiguration",
        frozenset({"NoSuchLifecycleConfiguration"}),
        lambda c: _lifecycle(c.client.get_bucket_lifecycle_configuration(**c.target)),
        _put_lifecycle,
        lambda c: c.client.delete_bucket_lifecycle(**c.target),
    ),
    "policy": Verbs(
        "BucketPolicy",
        frozenset({"NoSuchBucketPolicy"}),
        lambda c: _policy(c.client.get_bucket_policy(**c.target)),
        lambda c, d: c.client.put_bucket_policy(**c.target, Policy=json.dumps(d)),
        lambda c: c.client.delete_bucket_policy(**c.target),
    ),
    "queue_policy": Verbs(
        "QueuePolicy",
        frozenset(),
        lambda c: _queue_policy(c.queue),
        lambda c, d: _write_queue_policy(c.queue, json.dumps(d)),
        lambda c: _write_queue_policy(c.queue, ""),
    ),
    "notifications": Verbs(
        "BucketNotificationConfiguration",
        frozenset(),
        lambda c: _plain(
            c.client.get_bucket_notification_configuration(**c.target),
            "TopicConfigurations",
            "QueueConfigurations",
            "LambdaFunctionConfigurations",
            "EventBridgeConfiguration",
        ),
        lambda c, d: c.client.put_bucket_notification_configuration(
            **c.target, NotificationConfiguration=d
        ),
        # S3 has no DELETE for it. An empty document turns notifications off.
        lambda c: c.client.put_bucket_notification_configuration(
            **c.target, NotificationConfiguration={}
        ),
    ),
}
