"""Everything that can go wrong, as one tree.

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
        ├── PartsRefused
        └── CopyRefused

The class docstring is the default message. ``code`` is stable and part of the
HTTP contract; the HTTP status of each class is decided in api/problems.py.
"""

# ruff: noqa: N818  names say what happened, as httpx and Django name theirs

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
    """The request is not valid: see errors for each field."""

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
    """This account may not do that."""

    code = "permission_denied"


class CsrfFailed(PermissionDenied):
    """The X-CSRFToken header is missing or wrong: reload the page."""

    code = "csrf_failed"


class NotFound(UploadError):
    """There is no such upload."""

    code = "not_found"


class InvalidState(UploadError):
    """The upload is in a state that does not allow this."""

    code = "invalid_state"


class StaleUpload(InvalidState):
    """Another request changed the upload first: read it again."""


class Incomplete(UploadError):
    """Bytes are missing in the bucket: send them, then complete again."""

    code = "incomplete"

    def __init__(self, detail: str = "", *, missing_parts: Sequence[int] = ()) -> None:
        super().__init__(detail)
        self.missing_parts = list(missing_parts)


class QuotaExceeded(UploadError):
    """The file does not fit into the remaining quota: delete something first."""

    code = "quota_exceeded"


class FileTooLarge(UploadError):
    """The file is larger than this account may upload."""

    code = "file_too_large"


class ContentTypeNotAllowed(UploadError):
    """Files of this type may not be uploaded."""

    code = "content_type_not_allowed"


class RateLimited(UploadError):
    """Too many requests: wait before the next one."""

    code = "rate_limited"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class InspectorUnavailable(UploadError):
    """An inspector cannot look at the content now: the upload waits for it."""

    code = "inspector_unavailable"


class StorageError(UploadError):
    """The storage refused a request."""

    code = "storage_unavailable"


class StorageUnavailable(StorageError):
    """The storage does not answer as it should: try again in a moment."""


class NoSuchMultipartUpload(StorageError):
    """The multipart upload is unknown: it was completed, aborted or never begun."""


class ObjectExists(StorageError):
    """There is an object under this key already."""


class CompletionConflict(StorageError):
    """Another conditional request for the key was in progress: nothing was joined."""


class PartsRefused(StorageError):
    """The storage would not make an object of these parts."""


class CopyRefused(StorageError):
    """What was to be copied is another object by now, or its copy is there already."""
