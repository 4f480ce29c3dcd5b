"""Defines all errors of the app, as one tree.

    UploadError
    ├── InvalidRequest
    ├── NotAuthenticated
    ├── PermissionDenied
    │   └── CsrfFailed
    ├── NotFound
    ├── InvalidState
    │   └── StaleUpload
    ├── Incomplete
    ├── QuotaExceeded
    ├── FileTooLarge
    ├── ContentTypeNotAllowed
    ├── RateLimited
    ├── InspectorUnavailable
    └── StorageError
        ├── StorageUnavailable
        ├── NoSuchMultipartUpload
        ├── ObjectExists
        ├── CompletionConflict
        ├── PartsRefused
        │   └── ChecksumRefused
        └── CopyRefused

The docstring of each class is its default message. ``code`` is stable and part of the
HTTP contract. api/problems.py maps each class to its HTTP status.
"""

# ruff: noqa: N818  exceptions without the suffix Error, as in httpx and Django

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class UploadError(Exception):
    """The request could not be carried out."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str = "") -> None:
        self.detail = detail or " ".join((self.__doc__ or "").split())
        super().__init__(self.detail)


class InvalidRequest(UploadError):
    """The request is not valid. Its invalid fields are listed under "errors"."""

    code = "invalid_request"

    def __init__(
        self, detail: str = "", *, fields: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(detail)
        self.fields = {name: list(texts) for name, texts in (fields or {}).items()}


class NotAuthenticated(UploadError):
    """Log in, or send a valid token."""

    code = "not_authenticated"


class PermissionDenied(UploadError):
    """This account does not have the permission for this action."""

    code = "permission_denied"


class CsrfFailed(PermissionDenied):
    """The X-CSRFToken header is missing or wrong. Reload the page."""

    code = "csrf_failed"


class NotFound(UploadError):
    """There is no such upload."""

    code = "not_found"


class InvalidState(UploadError):
    """This action is not possible in the present state of the upload."""

    code = "invalid_state"


class StaleUpload(InvalidState):
    """Another request has just changed the upload. Get the upload again, then retry."""


class Incomplete(UploadError):
    """Bytes are missing in the bucket. Send them, then complete the upload again."""

    code = "incomplete"

    def __init__(self, detail: str = "", *, missing_parts: Sequence[int] = ()) -> None:
        super().__init__(detail)
        self.missing_parts = list(missing_parts)


class QuotaExceeded(UploadError):
    """The file does not fit into the remaining quota. Delete a file first."""

    code = "quota_exceeded"


class FileTooLarge(UploadError):
    """The file is larger than this account may upload."""

    code = "file_too_large"


class ContentTypeNotAllowed(UploadError):
    """Files of this type may not be uploaded."""

    code = "content_type_not_allowed"


class RateLimited(UploadError):
    """Too many requests. Wait, then try again."""

    code = "rate_limited"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class InspectorUnavailable(UploadError):
    """An inspector is unavailable. The upload will be inspected later."""

    code = "inspector_unavailable"


class StorageError(UploadError):
    """The storage refused a request."""

    code = "storage_unavailable"


class StorageUnavailable(StorageError):
    """The storage is unavailable. Try again in a moment."""


class NoSuchMultipartUpload(StorageError):
    """There is no such multipart upload. It was completed, aborted or never started."""


class ObjectExists(StorageError):
    """An object with this key already exists."""


class CompletionConflict(StorageError):
    """Another request for the same key was in progress. The parts were not joined."""


class PartsRefused(StorageError):
    """The storage refused to join these parts."""


class ChecksumRefused(PartsRefused):
    """The checksum of the stored bytes differs from the checksum in the request."""


class CopyRefused(StorageError):
    """The source object was replaced or the copy already exists, so nothing was copied."""
