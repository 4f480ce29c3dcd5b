"""Creates boto3 sessions, S3 clients and presigners from the settings in STORAGES.

The site has up to three identities. Each identity is a pair of S3 credentials:

- The worker makes the calls of the running site, with ``STORAGES["uploads"]``.
- The optional signer only signs upload URLs, with ``STORAGES["uploads_signer"]``.
- Setup configures the bucket. Its credentials are never in STORAGES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, NoCredentialsError, ProfileNotFound
from django.conf import settings
from django.core.files.storage import storages

from uploads.conf import options
from uploads.errors import StorageUnavailable
from uploads.s3 import descriptions
from uploads.s3.credentials import credentials_of
from uploads.s3.failures import NO_CREDENTIALS, translated
from uploads.s3.measuring import measure
from uploads.s3.presigner import Presigner
from uploads.s3.probe_presigner import ProbePresigner
from uploads.s3.spreading import SpreadPresigner

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def session_of(storage: Any) -> boto3.Session:
    """Return a boto3 session with the credentials of a storage.

    If the storage has no credentials, boto3 searches for credentials, for example in a
    profile or a role. Raises StorageUnavailable if boto3 finds none. The error can be
    temporary, because the service that issues a role's credentials may be down. A boto3
    session searches for credentials only once. So after the error, the caller must call
    this function again.
    """
    with translated("GetCredentials"):
        session = boto3.Session(
            aws_access_key_id=storage.access_key,
            aws_secret_access_key=storage.secret_key,
            aws_session_token=storage.security_token,
            profile_name=storage.session_profile,
            botocore_session=descriptions.session(),
        )
        if session.get_credentials() is None:
            raise NoCredentialsError
    return session


def client_of(storage: Any) -> S3Client:
    """Return a new S3 client that all threads of a process can share.

    The site does not use the client of django-storages for two reasons. The storage
    creates one client per thread, and a forked process would inherit its sockets.
    """
    client = session_of(storage).client(
        "s3",
        region_name=storage.region_name,
        use_ssl=storage.use_ssl,
        endpoint_url=storage.endpoint_url,
        config=storage.client_config,
        verify=storage.verify,
    )
    measure(client)
    return client


def client_of_alias(alias: str) -> S3Client:
    """Return a new S3 client with the credentials of STORAGES[alias]."""
    return client_of(storages[alias])


def setup_session(profile: str = "") -> boto3.Session:
    """Return a boto3 session with the credentials of setup.

    The credentials are those of ``profile``. Without a profile, boto3 searches for
    credentials in the environment. This function never uses the credentials in
    STORAGES. Raises StorageUnavailable with a message that names the missing setting.
    """
    try:
        session = boto3.Session(
            profile_name=profile or None, botocore_session=descriptions.session()
        )
        if session.get_credentials() is not None:
            return session
    except ProfileNotFound as error:
        raise StorageUnavailable(
            f"There is no AWS profile {error.kwargs['profile']!r}. Set --profile or "
            "AWS_PROFILE to the name of a profile in ~/.aws/config."
        ) from error
    except (BotoCoreError, *NO_CREDENTIALS) as error:
        raise StorageUnavailable(
            f"boto3 cannot read the credentials of the setup identity: {error}"
        ) from error
    raise StorageUnavailable(
        "Slipway finds no credentials of the setup identity. In a terminal, run the "
        "command of manage.py with --profile, set AWS_PROFILE or AWS_ACCESS_KEY_ID for "
        "this command only, or use a role."
    )


def setup_client(profile: str = "") -> S3Client:
    """Return a new S3 client with the credentials of setup.

    Raises StorageUnavailable if there are no credentials, or if the endpoint or the
    region is invalid.
    """
    storage: Any = storages["uploads"]
    session = setup_session(profile)
    try:
        return session.client(
            "s3",
            region_name=storage.region_name,
            use_ssl=storage.use_ssl,
            endpoint_url=storage.endpoint_url,
            config=storage.client_config,
            verify=storage.verify,
        )
    except (BotoCoreError, ValueError) as error:
        raise StorageUnavailable(
            f"S3_ENDPOINT_URL {storage.endpoint_url!r} or S3_REGION "
            f"{storage.region_name!r} is wrong: {error}"
        ) from error


def presigner_of(alias: str, client: S3Client, *, as_server: bool = False) -> Presigner:
    """Return a presigner with the credentials and the endpoint of STORAGES[alias].

    If the storage sets no region or no endpoint, the presigner uses the value of
    ``client``. URLs have the endpoints that browsers use. With ``as_server``, URLs have
    the endpoint that this server uses.
    """
    arguments = _arguments(alias, client, as_server=as_server)
    others = () if as_server else options().s3_public_endpoints
    if not others:
        return Presigner(**arguments)
    return SpreadPresigner(
        endpoint_urls=[arguments.pop("endpoint_url"), *others], **arguments
    )


def probe_presigner_of(
    alias: str, client: S3Client, *, as_server: bool = False, endpoint_url: str = ""
) -> ProbePresigner:
    """Return a presigner that signs any request. Its settings are as in presigner_of.

    All its URLs have the host of ``endpoint_url``. The default is the first endpoint of
    the presigner that presigner_of returns.
    """
    arguments = _arguments(alias, client, as_server=as_server)
    if endpoint_url:
        arguments["endpoint_url"] = endpoint_url
    return ProbePresigner(**arguments)


def _arguments(alias: str, client: S3Client, *, as_server: bool) -> dict[str, Any]:
    storage: Any = storages[alias]
    session = session_of(storage)
    region = storage.region_name or client.meta.region_name
    public = "" if as_server else settings.S3_PUBLIC_ENDPOINT_URL
    endpoint_url = public or storage.endpoint_url
    return {
        "bucket_name": storage.bucket_name,
        "region": region,
        "endpoint_url": endpoint_url or _regional(client.meta.endpoint_url, region),
        "addressing_style": storage.addressing_style or "virtual",
        "credentials": credentials_of(session),
    }


def _regional(endpoint_url: str, region: str) -> str:
    # For us-east-1, boto3 uses the host s3.amazonaws.com, which may redirect a browser.
    # The page's Content-Security-Policy allows only the host of the region.
    return endpoint_url.replace("//s3.amazonaws.com", f"//s3.{region}.amazonaws.com")
