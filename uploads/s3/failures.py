"""Translates botocore's exceptions to those of errors.py.

So other packages need not know botocore.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from uploads.errors import (
    ChecksumRefused,
    CompletionConflict,
    NoSuchMultipartUpload,
    ObjectExists,
    PartsRefused,
    StorageError,
    StorageUnavailable,
)

logger = structlog.get_logger("slipway.s3")

NO_CREDENTIALS = (RuntimeError, OSError)
"""Exceptions that botocore raises if it cannot get credentials.

botocore raises RuntimeError if it gets new credentials that have expired. It raises
OSError if it cannot find the file that contains the credentials, or the program that
prints the credentials.
"""

_CODE = re.compile(rb"<Code>([^<]{1,200}+)</Code>")
_NO_ERRORS: Mapping[str, type[StorageError]] = {}

# If a multipart upload does not exist, S3 answers NoSuchUpload, and Ceph answers
# NoSuchKey.
GONE = {"NoSuchUpload": NoSuchMultipartUpload, "NoSuchKey": NoSuchMultipartUpload}
COMPLETION_ERRORS = {
    **GONE,
    "ConditionalRequestConflict": CompletionConflict,
    "PreconditionFailed": ObjectExists,
    "BadDigest": ChecksumRefused,
    "EntityTooSmall": PartsRefused,
    "InvalidPart": PartsRefused,
    "InvalidPartOrder": PartsRefused,
    "InvalidRequest": PartsRefused,
}


@contextmanager
def translated(
    operation: str, meanings: Mapping[str, type[StorageError]] = _NO_ERRORS
) -> Iterator[None]:
    """Run the block, and translate the errors of its calls to S3.

    If an error's code is a key of ``meanings``, this function raises the exception that
    ``meanings`` contains for this code. For every other error, it logs a warning for
    the operator and raises StorageUnavailable.
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
        # These are subclasses of RuntimeError, but botocore never raises them. So the
        # cause is a bug in our code.
        raise
    except (BotoCoreError, *NO_CREDENTIALS) as error:
        kind = type(error).__name__
        logger.warning(
            "s3.unreachable", operation=operation, kind=kind, error=str(error)
        )
        raise StorageUnavailable from error


def error_code(error: ClientError) -> str:
    """Return S3's error code, for example NoSuchKey.

    An answer to a HEAD request has no body. The code of such an answer is the HTTP
    status, such as 404.
    """
    return str(error.response.get("Error", {}).get("Code", ""))


def code_in(body: bytes) -> str:
    """Return the error code in the body of S3's answer, or ``""`` if there is none."""
    found = _CODE.search(body)
    return found[1].decode("utf-8", "replace").strip() if found else ""
