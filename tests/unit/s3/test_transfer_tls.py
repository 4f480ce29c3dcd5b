"""libcurl refuses each TLS server that boto3 refuses."""

from __future__ import annotations

import ipaddress
import ssl
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.nginx import write_certificate
from tests.support.raw_server import RawServer, reply, tls_context
from tests.unit.s3.test_transfers import (
    _close_senders,
    body_of,
    bucket_at,
    one_outcome,
    serve,
    uses_curl,
)
from uploads.s3.bucket import Bucket

__all__ = ["_close_senders", "serve"]  # fixtures


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a certificate for other.test and the address 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    write_certificate(folder, ("other.test",))
    return folder


def test_trusted_certificate_is_accepted(
    serve: Callable[..., RawServer], home: Path
) -> None:
    server = serve(reply(), tls_context(home))
    bucket = bucket_at(server.url, verify=str(home / "certificate.pem"))

    assert body_of(one_outcome(bucket)) == b"0123"
    assert uses_curl(bucket)


def test_requests_use_http_1_as_those_of_boto3(
    serve: Callable[..., RawServer], home: Path
) -> None:
    context, chosen = tls_context(home), []
    context.set_alpn_protocols(["h2", "http/1.1"])

    def act(wire: ssl.SSLSocket, _: bytes) -> None:
        chosen.append(wire.selected_alpn_protocol())
        wire.sendall(reply())

    bucket = bucket_at(serve(act, context).url, verify=str(home / "certificate.pem"))

    assert body_of(one_outcome(bucket)) == b"0123"
    assert chosen[0] != "h2"


def old_protocol(context: ssl.SSLContext, bundle: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


def old_cipher(context: ssl.SSLContext, bundle: Path) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA")


def unknown_certificate(context: ssl.SSLContext, bundle: Path) -> None:
    write_certificate(bundle.parent, ("127.0.0.1",))


def unknown_issuer(context: ssl.SSLContext, bundle: Path) -> None:
    """Use a certificate of an unknown issuer, although the bundle contains it."""
    key, home = ec.generate_private_key(ec.SECP256R1()), bundle.parent
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer, name, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (home / "key.pem").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    bundle.write_bytes(certificate.public_bytes(pem))
    context.load_cert_chain(bundle, home / "key.pem")


@pytest.mark.parametrize(
    "make_fault", [old_protocol, old_cipher, unknown_certificate, unknown_issuer]
)
def test_tls_server_that_boto3_refuses_is_refused(
    serve: Callable[..., RawServer],
    tmp_path: Path,
    make_fault: Callable[[ssl.SSLContext, Path], None],
) -> None:
    write_certificate(tmp_path, ("other.test",))
    context, bundle = tls_context(tmp_path), tmp_path / "certificate.pem"
    make_fault(context, bundle)
    server = serve(reply(), context)

    assert_refused(server, bucket_at(server.url, verify=str(bundle)))


def test_certificate_for_another_name_is_refused(
    serve: Callable[..., RawServer], home: Path
) -> None:
    server = serve(reply(), tls_context(home))
    url = server.url.replace("127.0.0.1", "localhost")

    assert_refused(server, bucket_at(url, verify=str(home / "certificate.pem")))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CURL_CA_BUNDLE"])
def test_certificates_in_variables_that_boto3_ignores_are_not_trusted(
    serve: Callable[..., RawServer],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, str(home / "certificate.pem"))
    server = serve(reply(), tls_context(home))

    assert_refused(server, bucket_at(server.url))


def test_bundle_of_aws_is_trusted(
    serve: Callable[..., RawServer], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(home / "certificate.pem"))
    server = serve(reply(), tls_context(home))

    assert body_of(one_outcome(bucket_at(server.url))) == b"0123"


def assert_refused(server: RawServer, bucket: Bucket) -> None:
    assert one_outcome(bucket) is None
    assert uses_curl(bucket)
    with pytest.raises(BotoCoreError):
        bucket.requests.send("GetObject", "k")
    assert server.heads == []
