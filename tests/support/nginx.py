"""Run nginx with TLS as a reverse proxy, as many operators do."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import spawn, stop

START_SECONDS = 60

PASS_ALL = """
    client_max_body_size 0;
    ignore_invalid_headers off;
    proxy_request_buffering off;
    proxy_buffering off;
"""
"""Settings of nginx in front of S3."""

_CONFIGURATION = """
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/errors.txt;  # not *.log, because nginx writes signed URLs there
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  ssl_certificate {home}/certificate.pem;
  ssl_certificate_key {home}/key.pem;
  proxy_http_version 1.1;
  server {{
    listen {host}:{port} ssl;
    server_name {names};
{server}
    location / {{
      proxy_set_header Host {passed_host};
      proxy_set_header X-Forwarded-Proto https;
{location}
      proxy_pass http://{host}:{target};
    }}
  }}
}}
"""


@dataclass
class Nginx:
    """Listens with TLS and passes all requests to ``target``, a port of this machine.

    ``server`` and ``location`` are lines for these blocks of the configuration. The
    certificate is self-signed. ``certificate`` is its file, so that clients can trust
    it.
    """

    home: Path
    target: int
    server: str = PASS_ALL
    location: str = ""
    passed_host: str = "$http_host"
    names: tuple[str, ...] = ("localhost",)
    port: int = field(default_factory=lambda: free_ports(1)[0])

    @property
    def url(self) -> str:
        """Return the URL with the first host name."""
        return f"https://{self.names[0]}:{self.port}"

    @property
    def certificate(self) -> Path:
        """Return the path of the certificate."""
        return self.home / "certificate.pem"

    def __enter__(self) -> Nginx:
        write_certificate(self.home, self.names)
        configuration = self.home / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                home=self.home,
                host=HOST,
                port=self.port,
                names=" ".join(self.names),
                server=self.server,
                location=self.location,
                passed_host=self.passed_host,
                target=self.target,
            )
        )
        command = [find_nginx(), "-c", str(configuration), "-g", "daemon off;"]
        self._process = spawn(
            command, environment=dict(os.environ), log=self.home / "nginx.log"
        )
        _wait_for(self.port, self._process, self.home)
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process)


def find_nginx() -> str:
    """Return the path of nginx. Raises RuntimeError if it is not installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = shutil.which("nginx", path=path)
    if not found:
        raise RuntimeError("nginx is missing. Run scripts/nginx.sh.")
    return found


def write_certificate(home: Path, names: tuple[str, ...]) -> None:
    """Write a key and a self-signed certificate for these host names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    known: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    known.append(x509.IPAddress(ipaddress.ip_address(HOST)))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (home / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (home / "key.pem").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _wait_for(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nginx did not start: {(home / 'nginx.log').read_text()}")
