from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import boto3
import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError, CredentialRetrievalError
from botocore.session import Session as CoreSession

from uploads.errors import StorageUnavailable
from uploads.s3.credentials import Credentials, credentials_of


def session_with(source: RefreshableCredentials | None) -> boto3.Session:
    core = CoreSession()
    core.get_credentials = lambda **_: source  # type: ignore[method-assign]
    return boto3.Session(botocore_session=core)


def metadata(name: str, life: timedelta) -> dict[str, str]:
    return {
        "access_key": f"{name}-key",
        "secret_key": f"{name}-secret",
        "token": f"{name}-token",
        "expiry_time": (datetime.now(UTC) + life).isoformat(),
    }


def refreshable(first: timedelta, refreshed: timedelta) -> RefreshableCredentials:
    return RefreshableCredentials.create_from_metadata(
        metadata("old", first), lambda: metadata("new", refreshed), "assume-role"
    )


def test_permanent_credentials_have_no_expiry() -> None:
    current = credentials_of(
        boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret")
    )

    assert current() == Credentials("key", "secret", "", None)


def test_credentials_of_a_role_have_an_expiry() -> None:
    source = refreshable(timedelta(hours=1), timedelta(hours=2))

    found = credentials_of(session_with(source))()

    assert (found.access_key, found.token) == ("old-key", "old-token")
    assert found.expires_at is not None
    left = found.expires_at - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_credentials_that_expire_soon_are_refreshed_before_use() -> None:
    source = refreshable(timedelta(minutes=5), timedelta(hours=2))

    found = credentials_of(session_with(source))()

    assert (found.access_key, found.token) == ("new-key", "new-token")
    assert found.expires_at is not None
    assert found.expires_at - datetime.now(UTC) > timedelta(minutes=119)


def test_missing_credentials_raise() -> None:
    current = credentials_of(session_with(None))

    with pytest.raises(StorageUnavailable, match="No S3 credentials"):
        current()


@pytest.mark.parametrize(
    "error",
    [
        CredentialRetrievalError(provider="role", error_msg="no network"),
        # The answer of STS for a deleted role.
        ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRoleWithWebIdentity"),
        FileNotFoundError("/var/run/secrets/token"),
    ],
)
def test_failed_refresh_of_credentials_raises_storage_unavailable(
    error: Exception,
) -> None:
    source = RefreshableCredentials.create_from_metadata(
        metadata("old", timedelta(minutes=-1)), Mock(side_effect=error), "assume-role"
    )

    with pytest.raises(StorageUnavailable, match="cannot be refreshed"):
        credentials_of(session_with(source))()


def test_refreshed_but_expired_credentials_raise_storage_unavailable() -> None:
    source = refreshable(timedelta(minutes=-1), timedelta(minutes=-1))

    with pytest.raises(StorageUnavailable, match="cannot be refreshed"):
        credentials_of(session_with(source))()


def test_credentials_with_a_short_lifetime_are_accepted() -> None:
    """botocore refreshes these credentials each time they are read.

    An earlier version waited for two equal values, and never ended.
    """
    given: list[dict[str, str]] = []

    def refresh() -> dict[str, str]:
        assert len(given) < 5, "The code reads the credentials in an endless loop."
        given.append(metadata(f"no{len(given)}", timedelta(minutes=5)))
        return given[-1]

    source = RefreshableCredentials.create_from_metadata(
        metadata("old", timedelta(minutes=5)), refresh, "assume-role"
    )

    found = credentials_of(session_with(source))()

    [own] = [each for each in given if each["access_key"] == found.access_key]
    assert found.token == own["token"]
    assert found.expires_at is not None
    assert found.expires_at <= datetime.fromisoformat(own["expiry_time"])
    assert found.expires_at - datetime.now(UTC) > timedelta(minutes=4)


def test_repr_of_credentials_contains_no_secret() -> None:
    shown = repr(Credentials("key", "very-secret", "very-token"))

    assert "very" not in shown
