"""Opens stored files for code that runs on the server.

The returned file object is based on the file class of django-storages. It reads an
object in ranges, and never requests the whole object at once.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from botocore.exceptions import ClientError
from django.conf import settings
from django.core.signals import setting_changed
from storages.backends.s3 import S3File, S3Storage

from uploads.errors import InvalidState, NotFound, StorageUnavailable
from uploads.s3.bucket import get_bucket
from uploads.s3.failures import error_code, translated
from uploads.s3.identities import session_of
from uploads.s3.measuring import measure
from uploads.s3.once import OncePerProcess
from uploads.states import State

if TYPE_CHECKING:
    import boto3

MIB = 1024**2
BLOCK = MIB
"""Minimum number of bytes in one request to S3. Small reads share one request."""

MAX_READ = 16 * MIB
"""Maximum number of bytes that one read returns. A larger read raises ValueError."""

MAX_LINE = MIB
"""Maximum length of a line in bytes. A longer line raises ValueError."""


class Stored(Protocol):
    """Names the columns of an upload that ``open_upload`` needs."""

    state: str
    key: str
    filename: str
    etag: str


def open_upload(upload: Stored) -> UploadFile:
    """Open the object of a ready upload for reading.

    Raises InvalidState if the upload is not ready, and NotFound if the object does not
    exist. This function and later reads raise StorageUnavailable if S3 does not answer,
    or if the object was replaced after the site had verified it.
    """
    if upload.state != State.READY:
        raise InvalidState(
            f"Only ready files can be opened. This upload is {upload.state}."
        )
    storage = _storage()
    with translated("HeadObject"):
        try:
            return UploadFile(storage, upload)
        except ClientError as error:
            if error_code(error) != "404":
                raise
            # S3 also answers 404 if the bucket does not exist. HeadBucket then raises
            # an error.
            get_bucket().check()
            raise NotFound("The bucket has no object for this upload.") from error


class UploadFile(S3File):  # type: ignore[misc]  # django-storages has no types
    """Reads a stored file. It is a Django ``File`` with random access.

    ``read()`` without a size returns the rest of the file. It raises ValueError if the
    rest has more than MAX_READ bytes. ``chunks()`` and a loop over the lines work for
    files of any size.
    """

    _file: io.BufferedReader[_Ranges] | None

    def __init__(self, storage: UploadStorage, upload: Stored) -> None:
        super().__init__(upload.key, "rb", storage)  # sends a HeadObject request
        self.name = upload.filename
        # boto3 forgets these facts after each read, and would request them again. So
        # copy them.
        self._byte_size: int = self.obj.content_length
        self.etag: str = self.obj.e_tag
        if upload.etag and upload.etag != self.etag:
            raise StorageUnavailable(
                "The object of this upload was replaced after the site had verified it."
            )

    @property
    def size(self) -> int:
        """Return the number of bytes in the file."""
        return self._byte_size

    @property
    def file(self) -> io.BufferedReader[_Ranges]:
        """Return the reader, which buffers the bytes of the last request."""
        if self._closed:
            raise ValueError("This file is closed. Call open() to read it again.")
        if self._file is None:
            ranges = _Ranges(self.obj, self.etag, self.size)
            self._file = io.BufferedReader(ranges, BLOCK)
        return self._file

    def open(self, mode: str | None = None) -> UploadFile:
        """Set the position to the start of the file. Reopens a closed file."""
        if mode not in {None, "rb"}:
            raise ValueError("Stored files can only be read. Use the mode rb.")
        self._closed = False
        self.file.seek(0)
        return self

    def read(self, size: int | None = -1) -> bytes:
        """Return the next ``size`` bytes, or the rest of the file without a size.

        Raises ValueError for more than MAX_READ bytes.
        """
        rest = max(0, self.size - self.file.tell())
        wanted = rest if size is None or size < 0 else min(size, rest)
        if wanted > MAX_READ:
            raise ValueError(
                f"This read would load {wanted:,} bytes into memory; the limit is "
                f"{MAX_READ:,}. Pass a smaller size, or use chunks()."
            )
        return self.file.read(wanted)

    def readline(self, size: int | None = -1) -> bytes:
        """Return the next line. Raises ValueError if it is longer than MAX_LINE."""
        if size is not None and 0 <= size <= MAX_LINE:
            return self.file.readline(size)
        line = self.file.readline(MAX_LINE)
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            raise ValueError(
                f"A line is longer than {MAX_LINE:,} bytes. Read the file with "
                "read(size) or chunks()."
            )
        return line

    def readlines(self, hint: int | None = -1) -> NoReturn:
        raise io.UnsupportedOperation(
            "readlines() is not supported. Read the lines with a for loop over the file."
        )

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def write(self, content: Any) -> NoReturn:
        raise io.UnsupportedOperation("A stored file cannot be written.")


class UploadStorage(S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Reads from STORAGES["uploads"]. It refuses to write, to delete and to sign URLs.

    ``lifecycle.presign_download`` signs URLs, because it checks the owner of the file.
    """

    def _create_session(self) -> boto3.Session:
        return session_of(self)

    def get_object_parameters(self, name: str) -> dict[str, Any]:
        """Return the parameters that django-storages adds to each request."""
        return _owner()

    def _open(self, name: str, mode: str = "rb") -> NoReturn:
        raise io.UnsupportedOperation("Open a file with open_upload().")

    def _save(self, name: str, content: Any) -> NoReturn:
        raise io.UnsupportedOperation("Only uploads can store files.")

    def delete(self, name: str) -> NoReturn:
        raise io.UnsupportedOperation("Delete a file with lifecycle.remove().")

    def url(self, *_: Any, **__: Any) -> NoReturn:
        raise io.UnsupportedOperation("Use lifecycle.presign_download() for a URL.")


class _Ranges(io.RawIOBase):
    """Reads one object. Each read is one request with a range and the ETag."""

    _object: Any

    def __init__(self, found: Any, etag: str, byte_size: int) -> None:
        self._object = found
        self._etag = etag
        self._byte_size = byte_size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._byte_size,
        }[whence]
        if base + offset < 0:
            raise OSError(
                f"The position {base + offset} is before the start of the file."
            )
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._byte_size - self._position)
        if length < 1:
            return 0
        buffer[:length] = self._range(self._position, length)
        self._position += length
        return length

    def readall(self) -> NoReturn:
        raise io.UnsupportedOperation("Pass a size.")

    def _range(self, start: int, length: int) -> bytes:
        with translated("GetObject"):
            answer = self._object.get(
                Range=f"bytes={start}-{start + length - 1}",
                IfMatch=self._etag,
                **_owner(),
            )
            # Some servers ignore the range and send the whole object, or ignore the
            # condition and send another object.
            is_range = answer.get("ContentRange", "").startswith(f"bytes {start}-")
            is_same = answer.get("ETag") == self._etag
            with answer["Body"] as body:
                content: bytes = body.read(length) if is_range and is_same else b""
        if len(content) < length:
            raise StorageUnavailable("S3 did not send the requested bytes.")
        return content


@OncePerProcess
def _storage() -> UploadStorage:
    worker: Any = settings.STORAGES["uploads"]
    storage = UploadStorage(**worker.get("OPTIONS", {}))
    measure(storage.connection.meta.client)
    return storage


def _owner() -> dict[str, str]:
    owner = settings.S3_EXPECTED_BUCKET_OWNER
    return {"ExpectedBucketOwner": owner} if owner else {}


def _forget(*, setting: str, **_: object) -> None:
    if setting == "STORAGES":
        _storage.forget()


setting_changed.connect(_forget)
