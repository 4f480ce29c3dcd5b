"""Reads, writes and deletes the bucket's settings. Each setting is one document.

A request for a setting differs from a request for the bucket by one URL parameter, such
as ``?cors``. Some servers ignore parameters that they do not know. On such a server,
a PUT creates the bucket, and a DELETE deletes the whole bucket. So this module writes
or deletes a setting only after it has read the setting successfully.
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
"""Error codes of servers that do not support a setting.

A server that ignores the URL parameter and tries to create the bucket answers
BucketAlreadyExists or BucketAlreadyOwnedByYou.
"""

UNKNOWN_IF_WRITTEN = UNKNOWN | {"InvalidArgument", "MalformedXML"}
"""Error codes of servers that do not support the setting that we tried to write.

Our documents are valid. So InvalidArgument and MalformedXML mean that the server does
not know an element of the document.
"""

REFUSED = {"AccessDenied", "403", "AllAccessDisabled"}


@dataclass(frozen=True)
class Refusal:
    """Contains the operation that S3 refused, and S3's error."""

    operation: str
    code: str
    status: int
    message: str

    @property
    def is_unknown_setting(self) -> bool:
        """Return whether a read failed because the server lacks the setting."""
        return self.code in UNKNOWN

    @property
    def is_unwritable_setting(self) -> bool:
        """Return whether a write failed because the server lacks the setting."""
        return self.code in UNKNOWN_IF_WRITTEN

    @property
    def is_denied(self) -> bool:
        """Return whether S3 refused the call because a permission is missing."""
        return self.code in REFUSED

    def __str__(self) -> str:
        status = f" ({self.status})" if self.status else ""
        message = f": {self.message}" if self.message else ""
        return f"{self.operation} failed with {self.code}{status}{message}"


class ConfigurationError(Exception):
    """A call to S3 failed. ``refusal`` contains the error."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal))


class Configuration:
    """Accesses the settings of one bucket.

    The methods raise ConfigurationError if S3 refuses a call or does not answer.
    ``use_object`` returns the error as text instead.
    """

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
            # S3 refuses a request with us-east-1 as the LocationConstraint.
            place["CreateBucketConfiguration"] = {"LocationConstraint": region}
        create = client.create_bucket
        attempt("CreateBucket", lambda: create(Bucket=self._bucket.name, **place))

    def use_object(self, key: str) -> str:
        """Create and delete an object. Return an empty text, or the error."""
        client = self._bucket.client
        place = {**self._bucket.target, "Key": key}
        try:
            attempt("PutObject", lambda: client.put_object(**place, Body=b"setup"))
            attempt("DeleteObject", lambda: client.delete_object(**place))
        except ConfigurationError as error:
            return str(error)
        return ""

    def is_versioned(self) -> bool:
        """Return whether versioning was ever turned on for the bucket.

        Also returns True for suspended versioning, because the bucket can then contain
        versions.
        """
        get = self._bucket.client.get_bucket_versioning
        try:
            answer = attempt("GetBucketVersioning", lambda: get(**self._bucket.target))
        except ConfigurationError as error:
            if error.refusal.is_unknown_setting:
                return False
            raise
        return bool(answer.get("Status"))

    def read(self, name: str) -> Document | None:
        """Return the document of a setting, or None if the bucket does not have it."""
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
        """Replace the document of a setting. Call ``read`` for the setting first."""
        verbs = VERBS[name]
        self._require_read(name)
        attempt(f"Put{verbs.name}", lambda: verbs.put(self, document))

    def remove(self, name: str) -> None:
        """Delete the document of a setting, if the bucket has one.

        Call ``read`` for the setting first. This method reads the document again, right
        before it deletes the document.
        """
        verbs = VERBS[name]
        self._require_read(name)
        if self.read(name) is not None:
            attempt(f"Delete{verbs.name}", lambda: verbs.delete(self))

    def _require_read(self, name: str) -> None:
        if name not in self._read:
            raise RuntimeError(f"{name} must be read before it is changed.")

    @property
    def client(self) -> Any:
        """Return the boto3 client of the identity that may configure the bucket."""
        return self._bucket.client

    @property
    def queue(self) -> QueuePolicy | None:
        """Return the object for the queue's policy, or None if there is no queue."""
        return self._queue

    @property
    def target(self) -> dict[str, Any]:
        """Return the arguments that name the bucket in every boto3 call."""
        return self._bucket.target


def attempt(operation: str, act: Callable[[], Any]) -> Any:
    """Call ``act`` and return its result.

    Translates S3's errors and connection failures to ConfigurationError.
    """
    try:
        return act()
    except SuccessWithoutDocument as error:
        refusal = Refusal(operation, NO_DOCUMENT, 200, "the answer has no document")
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
