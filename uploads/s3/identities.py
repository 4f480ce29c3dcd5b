"""From the connection in STORAGES to what signs URLs with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import NoCredentialsError
from django.conf import settings
from django.core.files.storage import storages

from uploads.s3 import descriptions
from uploads.s3.credentials import credentials_of
from uploads.s3.failures import translated
from uploads.s3.presigner import Presigner

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def session_of(storage: Any) -> boto3.Session:
    """Return a session with the storage's credentials, else those of boto3's chain.

    Raises StorageUnavailable while there are none. What gives a role its own may not
    answer at the moment, and a client that is made without credentials stays without.
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
    """Return a client for the storage's bucket, which the threads of a process share.

    It is not the storage's own: that one goes into the workers that a server forks,
    its sockets and all, and is made once for each thread.
    """
    return session_of(storage).client(
        "s3",
        region_name=storage.region_name,
        use_ssl=storage.use_ssl,
        endpoint_url=storage.endpoint_url,
        config=storage.client_config,
        verify=storage.verify,
    )


def presigner_of(alias: str, client: S3Client) -> Presigner:
    """Return what signs with the credentials and the endpoint of STORAGES[alias].

    What the storage leaves open is as boto3 has resolved it for ``client``.
    """
    storage: Any = storages[alias]
    session = session_of(storage)
    region = storage.region_name or client.meta.region_name
    endpoint_url = settings.S3_PUBLIC_ENDPOINT_URL or storage.endpoint_url
    return Presigner(
        bucket_name=storage.bucket_name,
        region=region,
        endpoint_url=endpoint_url or _regional(client.meta.endpoint_url, region),
        addressing_style=storage.addressing_style or "virtual",
        credentials=credentials_of(session),
    )


def _regional(endpoint_url: str, region: str) -> str:
    # boto3 still sends us-east-1 to the global host, which the page's security
    # policy does not name, and which may answer a browser with a redirect.
    return endpoint_url.replace("//s3.amazonaws.com", f"//s3.{region}.amazonaws.com")
