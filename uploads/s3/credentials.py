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
    """Credentials of a request; ``expires_at`` is aware, or None without an expiry."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires_at: datetime | None = None


def credentials_of(session: boto3.Session) -> Callable[[], Credentials]:
    """Return a function that gives the session's credentials, refreshed when due.

    It raises StorageUnavailable when there are none, or no fresh ones to be had.
    """
    source = session.get_credentials()
    return lambda: current_credentials(source)


def current_credentials(source: Any) -> Credentials:
    """Return the credentials of a botocore source, refreshed when due.

    Raises StorageUnavailable when there are none, or no fresh ones to be had.
    """
    if source is None:
        raise StorageUnavailable("No S3 credentials are configured.")
    try:
        before, frozen = _expiry(source), source.get_frozen_credentials()
        if _expiry(source) != before:
            # A refresh in between has changed both: take a pair that belongs together.
            before, frozen = _expiry(source), source.get_frozen_credentials()
    except (BotoCoreError, ClientError, *NO_CREDENTIALS) as error:
        logger.warning("s3.no_credentials", error=str(error))
        raise StorageUnavailable("The S3 credentials cannot be refreshed.") from error
    # Those that last but minutes are refreshed at each look: the earlier end is
    # never later than their own.
    ends = [end for end in (before, _expiry(source)) if end is not None]
    return Credentials(
        frozen.access_key or "",
        frozen.secret_key or "",
        frozen.token or "",
        min(ends, default=None),
    )


def _expiry(source: object) -> datetime | None:
    # botocore keeps this to itself; test_s3_credentials.py fails if it is renamed.
    expiry: datetime | None = getattr(source, "_expiry_time", None)
    return expiry
