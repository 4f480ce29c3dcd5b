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


def test_keys_that_last_have_no_end() -> None:
    current = credentials_of(
        boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret")
    )

    assert current() == Credentials("key", "secret", "", None)


def test_a_role_tells_when_its_credentials_end() -> None:
    source = refreshable(timedelta(hours=1), timedelta(hours=2))

    found = credentials_of(session_with(source))()

    assert (found.access_key, found.token) == ("old-key", "old-token")
    assert found.expires_at is not None
    left = found.expires_at - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_credentials_about_to_end_are_refreshed_first() -> None:
    source = refreshable(timedelta(minutes=5), timedelta(hours=2))

    found = credentials_of(session_with(source))()

    assert (found.access_key, found.token) == ("new-key", "new-token")
    assert found.expires_at is not None
    assert found.expires_at - datetime.now(UTC) > timedelta(minutes=119)


def test_no_credentials_are_said_to_be_missing() -> None:
    current = credentials_of(session_with(None))

    with pytest.raises(StorageUnavailable, match="No S3 credentials"):
        current()


@pytest.mark.parametrize(
    "error",
    [
        CredentialRetrievalError(provider="role", error_msg="no network"),
        # What STS answers to a role that it does not know any more.
        ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRoleWithWebIdentity"),
        FileNotFoundError("/var/run/secrets/token"),
    ],
)
def test_credentials_that_cannot_be_refreshed_make_the_storage_unavailable(
    error: Exception,
) -> None:
    source = RefreshableCredentials.create_from_metadata(
        metadata("old", timedelta(minutes=-1)), Mock(side_effect=error), "assume-role"
    )

    with pytest.raises(StorageUnavailable, match="cannot be refreshed"):
        credentials_of(session_with(source))()


def test_fresh_credentials_that_have_ended_make_the_storage_unavailable() -> None:
    source = refreshable(timedelta(minutes=-1), timedelta(minutes=-1))

    with pytest.raises(StorageUnavailable, match="cannot be refreshed"):
        credentials_of(session_with(source))()


def test_credentials_that_last_but_minutes_are_taken_as_they_are() -> None:
    """botocore refreshes them at each look: a wait for two equal looks had no end."""
    given: list[dict[str, str]] = []

    def refresh() -> dict[str, str]:
        assert len(given) < 5, "it asks without end"
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


def test_secrets_stay_out_of_representations() -> None:
    shown = repr(Credentials("key", "very-secret", "very-token"))

    assert "very" not in shown
