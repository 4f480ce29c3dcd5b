"""Returns the credentials that sign requests, and the time when they expire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
import structlog
from botocore.exceptions import BotoCoreError, ClientError

from uploads.errors import StorageUnavailable
from uploads.s3.failures import NO_CREDENTIALS

logger = structlog.get_logger("slipway.s3")


@dataclass(frozen=True)
class Credentials:
    """Contains the credentials that sign a request.

    ``expires_at`` has a time zone. It is None if the credentials do not expire.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires_at: datetime | None = None


def credentials_of(session: boto3.Session) -> Callable[[], Credentials]:
    """Return a function that returns the current credentials of the session.

    The function works like ``current_credentials`` and raises the same errors.
    """
    source = session.get_credentials()
    return lambda: current_credentials(source)


def current_credentials(source: Any) -> Credentials:
    """Return the current credentials of ``source``, which is an object of botocore.

    botocore refreshes credentials that will soon expire. Raises StorageUnavailable if
    ``source`` is None, or if botocore cannot refresh the credentials.
    """
    if source is None:
        raise StorageUnavailable("No S3 credentials are configured.")
    try:
        before, frozen = _expiry(source), source.get_frozen_credentials()
        if _expiry(source) != before:
            # botocore has refreshed the credentials between the two reads. Read both
            # values again, so that the expiry belongs to the credentials.
            before, frozen = _expiry(source), source.get_frozen_credentials()
    except (BotoCoreError, ClientError, *NO_CREDENTIALS) as error:
        logger.warning("s3.no_credentials", error=str(error))
        raise StorageUnavailable("The S3 credentials cannot be refreshed.") from error
    # If credentials are valid for only a few minutes, botocore refreshes them at each
    # access. So the expiry may have changed since the first read. The earlier of the
    # two values is safe, because it is never later than the real expiry.
    ends = [end for end in (before, _expiry(source)) if end is not None]
    return Credentials(
        frozen.access_key or "",
        frozen.secret_key or "",
        frozen.token or "",
        min(ends, default=None),
    )


def _expiry(source: object) -> datetime | None:
    # This attribute is private to botocore. If a new version of botocore renames it,
    # tests/unit/s3/test_credentials.py fails.
    expiry: datetime | None = getattr(source, "_expiry_time", None)
    return expiry
