"""Credentials for signing, and their expiry."""

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
    """Credentials of a request.

    ``expires_at`` is a timezone-aware time, or None if they do not expire.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires_at: datetime | None = None


def credentials_of(session: boto3.Session) -> Callable[[], Credentials]:
    """Return a function that returns the session's credentials, refreshed when due.

    The function raises StorageUnavailable when there are no credentials, or when they
    cannot be refreshed.
    """
    source = session.get_credentials()
    return lambda: current_credentials(source)


def current_credentials(source: Any) -> Credentials:
    """Return the credentials of a botocore source, refreshed when due.

    Raises StorageUnavailable when there are no credentials, or when they cannot be
    refreshed.
    """
    if source is None:
        raise StorageUnavailable("No S3 credentials are configured.")
    try:
        before, frozen = _expiry(source), source.get_frozen_credentials()
        if _expiry(source) != before:
            # A refresh came in between: read both again, so that they match.
            before, frozen = _expiry(source), source.get_frozen_credentials()
    except (BotoCoreError, ClientError, *NO_CREDENTIALS) as error:
        logger.warning("s3.no_credentials", error=str(error))
        raise StorageUnavailable("The S3 credentials cannot be refreshed.") from error
    # Credentials that are valid for minutes only are refreshed at each access. The
    # earlier of the two expiries is never later than their real expiry.
    ends = [end for end in (before, _expiry(source)) if end is not None]
    return Credentials(
        frozen.access_key or "",
        frozen.secret_key or "",
        frozen.token or "",
        min(ends, default=None),
    )


def _expiry(source: object) -> datetime | None:
    # A private attribute of botocore; test_s3_credentials.py fails if it is renamed.
    expiry: datetime | None = getattr(source, "_expiry_time", None)
    return expiry
