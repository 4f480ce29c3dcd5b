"""Translates botocore's exceptions: callers of this package see only errors.py."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from uploads.errors import StorageError, StorageUnavailable

logger = structlog.get_logger("slipway.s3")

NO_CREDENTIALS = (RuntimeError, OSError)
"""Exceptions that botocore raises when new credentials have already expired, or when
the file or the program that provides the credentials is missing."""

_CODE = re.compile(rb"<Code>([^<]{1,200}+)</Code>")
_NO_ERRORS: Mapping[str, type[StorageError]] = {}


@contextmanager
def translated(
    operation: str, meanings: Mapping[str, type[StorageError]] = _NO_ERRORS
) -> Iterator[None]:
    """Translate S3's errors: ``meanings`` by error code, else StorageUnavailable.

    Errors without an entry in ``meanings`` are logged, because they need an operator.
    """
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code in meanings:
            raise meanings[code] from error
        metadata = error.response.get("ResponseMetadata", {})
        logger.warning(
            "s3.refused",
            operation=operation,
            code=code,
            status=metadata.get("HTTPStatusCode"),
            s3_request_id=metadata.get("RequestId"),
        )
        raise StorageUnavailable from error
    except (NotImplementedError, RecursionError):
        raise  # subclasses of RuntimeError, but never from botocore: a bug of ours
    except (BotoCoreError, *NO_CREDENTIALS) as error:
        kind = type(error).__name__
        logger.warning(
            "s3.unreachable", operation=operation, kind=kind, error=str(error)
        )
        raise StorageUnavailable from error


def error_code(error: ClientError) -> str:
    """Return S3's error code, like NoSuchKey.

    An answer to HEAD has no body, so its code is the status, like 404.
    """
    return str(error.response.get("Error", {}).get("Code", ""))


def code_in(body: bytes) -> str:
    """Return the error code in the body of S3's answer; empty if there is none."""
    found = _CODE.search(body)
    return found[1].decode("utf-8", "replace").strip() if found else ""
