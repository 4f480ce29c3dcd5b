"""Contains the S3 calls that read, write and delete each setting of the bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from uploads.s3.wanted.documents import Document


class SuccessWithoutDocument(Exception):  # noqa: N818  as in errors.py
    """The server's answer has a success status, but it contains no document."""


class QueuePolicy(Protocol):
    """Reads and writes the policy of the queue that receives S3's notifications."""

    def read(self) -> str:
        """Return the policy, or an empty text if the queue has no policy."""

    def write(self, document: str) -> None:
        """Replace the policy."""


class Place(Protocol):
    """Names the bucket, its queue, and the client that configures the bucket."""

    @property
    def client(self) -> Any:
        """Return the boto3 client of the identity that may configure the bucket."""

    @property
    def target(self) -> dict[str, Any]:
        """Return the arguments that name the bucket in every boto3 call."""

    @property
    def queue(self) -> QueuePolicy | None:
        """Return the object for the queue's policy, or None if there is no queue."""


@dataclass(frozen=True)
class Verbs:
    """Contains the S3 calls that read, write and delete one setting.

    S3 answers a read with a code in ``absent`` if the bucket has no such document.
    """

    name: str
    absent: frozenset[str]
    get: Callable[[Place], Any]
    put: Callable[[Any, Document], Any]
    delete: Callable[[Place], Any]


def _document(answer: Any, name: str) -> Document:
    """Return the document in an answer, or raise SuccessWithoutDocument.

    A setting has its own URL parameter, such as ``?cors``. A server that ignores this
    parameter answers with the list of the bucket's objects. In this list, boto3 finds
    no document.
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
    """Return the members of an answer with these names, or None if there are none."""
    found = {name: answer[name] for name in names if answer.get(name)}
    return found or None


def _put_lifecycle(c: Place, document: Document) -> None:
    # If a PUT lacks TransitionDefaultMinimumObjectSize, S3 replaces the operator's
    # value with S3's default.
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
        # S3 has no call that deletes this document. An empty document has the same
        # effect: S3 sends no notifications.
        lambda c: c.client.put_bucket_notification_configuration(
            **c.target, NotificationConfiguration={}
        ),
    ),
}
