"""Decides which boto3 clients libcurl can replace, and sets the options of libcurl."""

from __future__ import annotations

import select
import ssl
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from botocore.httpsession import URLLib3Session, get_cert_path


@dataclass(frozen=True)
class Settings:
    """Contains the settings of a boto3 client that libcurl needs."""

    connect_seconds: float
    read_seconds: float
    ca_file: str


@cache
def curl() -> Any:
    """Return pycurl, or None if it is missing or lacks a required property.

    The first call imports pycurl, which takes some milliseconds. Few processes need it.
    """
    try:
        module: Any = import_module("pycurl")
    except ImportError:
        return None
    # The ciphers in _options are names of OpenSSL. Windows has no poll.
    is_suitable = "OpenSSL/" in module.version and hasattr(select, "poll")
    return module if is_suitable else None


def settings_of(client: Any, origin: str) -> Settings | None:
    """Return the settings for requests of a boto3 client to this origin.

    Returns None if libcurl is missing, or if the client has a setting that this module
    does not support: a proxy, a client certificate, no verification of certificates, no
    timeout, or an HTTP session that is not botocore's own.
    """
    # The attributes with an underscore are private to botocore. If a new version
    # renames them, this function returns None and test_transfer_options.py fails.
    session: Any = client._endpoint.http_session  # noqa: SLF001
    config = client.meta.config
    verify: Any = getattr(session, "_verify", None)
    proxies: Any = getattr(session, "_proxy_config", None)
    timeouts = (config.connect_timeout, config.read_timeout)
    if not all((type(session) is URLLib3Session, verify, proxies, *timeouts)):
        return None
    if config.client_cert or proxies.proxy_url_for(origin) or "@" in origin:
        return None
    settings = Settings(*timeouts, ca_file=str(get_cert_path(verify)))
    return settings if _is_supported(settings) else None


def _is_supported(settings: Settings) -> bool:
    if curl() is None or not Path(settings.ca_file).is_file():
        return False
    try:
        new_handle(settings).close()
    except (curl().error, AttributeError):  # an old libcurl, or an old pycurl
        return False
    return True


def new_handle(settings: Settings) -> Any:
    """Return a handle of libcurl that is at least as strict as the boto3 client."""
    handle = curl().Curl()
    for option, setting in _options(settings).items():
        handle.setopt(option, setting)
    return handle


@cache
def _options(settings: Settings) -> dict[int, Any]:
    pycurl, context = curl(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    needs_1_3 = context.minimum_version == ssl.TLSVersion.TLSv1_3
    return {
        pycurl.NOSIGNAL: 1,
        pycurl.CONNECTTIMEOUT_MS: int(settings.connect_seconds * 1000),
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.FOLLOWLOCATION: 0,
        pycurl.PATH_AS_IS: 1,  # the signature covers the path
        pycurl.PROXY: "",  # botocore has already read the variables for proxies
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.CAINFO: settings.ca_file,
        pycurl.CAPATH: None,  # trust only the certificates in CAINFO
        pycurl.SSL_OPTIONS: pycurl.SSLOPT_NO_PARTIALCHAIN,
        pycurl.SSLVERSION: (
            pycurl.SSLVERSION_TLSv1_3 if needs_1_3 else pycurl.SSLVERSION_TLSv1_2
        ),
        pycurl.SSL_CIPHER_LIST: _ciphers(context),
    }


def _ciphers(context: ssl.SSLContext) -> str:
    """Return the ciphers and the security level that Python uses up to TLS 1.2."""
    names = [cipher["name"] for cipher in context.get_ciphers()]
    older = [name for name in names if not name.startswith("TLS_")]
    return ":".join([*older, f"@SECLEVEL={context.security_level}"])
