"""Reads and writes the bucket's settings, one document each.

Some servers do not know every subresource and apply the request to the bucket itself.
Then a PUT creates the bucket, and a DELETE deletes it. So a document is written or
deleted only after it was read successfully.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from uploads.s3.bucket import Bucket
from uploads.s3.failures import NO_CREDENTIALS, error_code
from uploads.s3.setting_verbs import VERBS, QueuePolicy, SuccessWithoutDocument
from uploads.s3.wanted.documents import Document

_DEFAULT_REGION = "us-east-1"

NO_DOCUMENT = "NoDocument"

UNKNOWN = {
    NO_DOCUMENT,
    "405",
    "501",
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "MethodNotAllowed",
    "NotImplemented",
    "UnsupportedOperation",
}
"""Answers of servers that do not support a setting. The second and the third come from
servers that took the request for a creation of the bucket."""

UNKNOWN_IF_WRITTEN = UNKNOWN | {"InvalidArgument", "MalformedXML"}
"""Our documents are well formed, so this code means that the server cannot read them."""

REFUSED = {"AccessDenied", "403", "AllAccessDisabled"}


@dataclass(frozen=True)
class Refusal:
    """S3's answer to a failed call."""

    operation: str
    code: str
    status: int
    message: str

    @property
    def is_unknown_setting(self) -> bool:
        """Whether the server does not support the setting (after a read)."""
        return self.code in UNKNOWN

    @property
    def is_unwritable_setting(self) -> bool:
        """Whether the server does not support the setting (after a write)."""
        return self.code in UNKNOWN_IF_WRITTEN

    @property
    def is_denied(self) -> bool:
        """Whether the identity lacks the permission."""
        return self.code in REFUSED

    def __str__(self) -> str:
        status = f" ({self.status})" if self.status else ""
        message = f": {self.message}" if self.message else ""
        return f"{self.operation} answered {self.code}{status}{message}"


class ConfigurationError(Exception):
    """A failed call; ``refusal`` is S3's answer."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal))


class Configuration:
    """The settings of one bucket. Every method raises ConfigurationError."""

    def __init__(self, bucket: Bucket, queue: QueuePolicy | None = None) -> None:
        self._bucket = bucket
        self._queue = queue
        self._read: dict[str, Document | None] = {}

    def exists(self) -> bool:
        """Return whether the bucket exists."""
        head = self._bucket.client.head_bucket
        try:
            attempt("HeadBucket", lambda: head(**self._bucket.target))
        except ConfigurationError as error:
            if error.refusal.code in {"404", "NoSuchBucket"}:
                return False
            raise
        return True

    def create(self) -> None:
        """Create the bucket."""
        client, region = self._bucket.client, self._bucket.client.meta.region_name
        place: Any = {}
        if region != _DEFAULT_REGION:
            # S3 refuses the name of the default region here.
            place["CreateBucketConfiguration"] = {"LocationConstraint": region}
        create = client.create_bucket
        attempt("CreateBucket", lambda: create(Bucket=self._bucket.name, **place))

    def use_object(self, key: str) -> str:
        """Put and delete an object; return the error, or an empty text."""
        client = self._bucket.client
        place = {**self._bucket.target, "Key": key}
        try:
            attempt("PutObject", lambda: client.put_object(**place, Body=b"setup"))
            attempt("DeleteObject", lambda: client.delete_object(**place))
        except ConfigurationError as error:
            return str(error)
        return ""

    def is_versioned(self) -> bool:
        """Return whether the bucket keeps versions of deleted objects."""
        get = self._bucket.client.get_bucket_versioning
        try:
            answer = attempt("GetBucketVersioning", lambda: get(**self._bucket.target))
        except ConfigurationError as error:
            if error.refusal.is_unknown_setting:
                return False
            raise
        return bool(answer.get("Status"))

    def read(self, name: str) -> Document | None:
        """Return a document, or None if the bucket has none."""
        verbs = VERBS[name]
        try:
            found: Document | None = attempt(
                f"Get{verbs.name}", lambda: verbs.get(self)
            )
        except ConfigurationError as error:
            if error.refusal.code not in verbs.absent:
                raise
            found = None
        self._read[name] = found
        return found

    def write(self, name: str, document: Document) -> None:
        """Replace a document that was read before."""
        verbs = VERBS[name]
        self._require_read(name)
        attempt(f"Put{verbs.name}", lambda: verbs.put(self, document))

    def remove(self, name: str) -> None:
        """Delete a document that was read before. It is read again first."""
        verbs = VERBS[name]
        self._require_read(name)
        if self.read(name) is not None:
            attempt(f"Delete{verbs.name}", lambda: verbs.delete(self))

    def _require_read(self, name: str) -> None:
        if name not in self._read:
            raise RuntimeError(f"{name} must be read before it is changed.")

    @property
    def client(self) -> Any:
        """The client of the identity that may configure the bucket."""
        return self._bucket.client

    @property
    def queue(self) -> QueuePolicy | None:
        """The queue that S3 sends notifications to."""
        return self._queue

    @property
    def target(self) -> dict[str, Any]:
        """The arguments that name the bucket."""
        return self._bucket.target


def attempt(operation: str, act: Callable[[], Any]) -> Any:
    """Call S3 and return its answer. Raises ConfigurationError with S3's error."""
    try:
        return act()
    except SuccessWithoutDocument as error:
        refusal = Refusal(operation, NO_DOCUMENT, 200, "success without a document")
        raise ConfigurationError(refusal) from error
    except ClientError as error:
        facts = error.response.get("ResponseMetadata", {})
        message = str(error.response.get("Error", {}).get("Message", ""))
        status = int(facts.get("HTTPStatusCode") or 0)
        code = error_code(error) or str(status)
        lines = message.strip().splitlines() or [""]
        raise ConfigurationError(
            Refusal(operation, code, status, lines[0][:200])
        ) from error
    except (BotoCoreError, ResponseParserError, *NO_CREDENTIALS) as error:
        kind = type(error).__name__
        lines = str(error).splitlines() or [""]
        raise ConfigurationError(Refusal(operation, kind, 0, lines[0][:300])) from error
