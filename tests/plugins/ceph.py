"""Start a Ceph Object Gateway for a test run: `pytest -p tests.plugins.ceph`.

The cluster has one monitor, one manager, one OSD that keeps its data in memory, and the
gateway radosgw. The daemons run in a temporary folder, as any user, and end with the
test run. Ceph stores bytes that do not match the signed SHA-256, and returns no
checksums.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugins.homes import new_home, remove_leftovers
from tests.plugins.workers import runs_tests_itself
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import PidRecord, spawn, stop

if TYPE_CHECKING:
    from uploads.s3.bucket import Bucket

_PREFIX = "slipway-ceph-"
_READY_SECONDS = 240
_COMMAND_SECONDS = 120
_KEY, _SECRET = "worker", "worker-secret"
_SERVER = pytest.StashKey["Ceph"]()

_CONFIGURATION = """\
[global]
fsid = {fsid}
mon_host = v2:{host}:{mon_port}/0
mon_initial_members = a
public_addr = {host}
cluster_addr = {host}
ms_bind_ipv6 = false
ms_bind_port_min = {first_port}
ms_bind_port_max = {last_port}
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 0
run_dir = {home}/run
admin_socket = {home}/run/$name.asok
log_file = {home}/$name.log
pid_file = {home}/run/$name.pid
crash_dir = {home}/run
keyring = {home}/keyring
mon_data = {home}/mon
mgr_data = {home}/mgr
osd_data = {home}/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_class_dir = {classes}
[client.admin]
rgw_data = {home}/rgw
rgw_frontends = beast endpoint={host}:{port}
rgw_enable_apis = s3, admin
"""
_ALL = ("mon", "allow *", "osd", "allow *", "mgr", "allow *")


@dataclass
class Ceph:
    """A cluster with one S3 endpoint. Its data is lost when it ends."""

    home: Path
    ports: list[int] = field(default_factory=lambda: sorted(free_ports(20)))
    processes: list[Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return the URL of the S3 endpoint."""
        return f"http://{HOST}:{self.ports[0]}"

    def environment(self) -> dict[str, str]:
        """Return the variables that point the site at the server."""
        return {
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "S3_ENDPOINT_URL": self.url,
            "S3_ADDRESSING_STYLE": "path",
            "S3_REGION": "us-east-1",
            "S3_BUCKET": "slipway",
            "S3_ACCESS_KEY_ID": _KEY,
            "S3_SECRET_ACCESS_KEY": _SECRET,
            "S3_SIGNER_ACCESS_KEY_ID": _KEY,
            "S3_SIGNER_SECRET_ACCESS_KEY": _SECRET,
        }

    def start(self) -> None:
        """Start the daemons one by one. Return when S3 answers."""
        for name in ("mon", "mgr", "osd", "rgw", "run"):
            (self.home / name).mkdir()
        fsid = str(uuid.uuid4())
        (self.home / "ceph.conf").write_text(
            _CONFIGURATION.format(
                fsid=fsid,
                home=self.home,
                host=HOST,
                port=self.ports[0],
                mon_port=self.ports[1],
                first_port=self.ports[2],
                last_port=self.ports[-1],
                classes=_class_folder(),
            )
        )
        self._make_monitor(fsid)
        self._spawn("ceph-mon", "-i", "a")
        self._run("ceph", "mon", "enable-msgr2")
        self._make_key("mgr.x", "mon", "allow profile mgr", "osd", "allow *")
        self._spawn("ceph-mgr", "-i", "x")
        osd = str(uuid.uuid4())
        self._run("ceph", "osd", "new", osd, "0")
        caps = (
            "mon",
            "allow profile osd",
            "mgr",
            "allow profile osd",
            "osd",
            "allow *",
        )
        self._make_key("osd.0", *caps)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._spawn("ceph-osd", "-i", "0")
        self._spawn("radosgw", "-n", "client.admin")
        self._wait()
        keys = ("--access-key", _KEY, "--secret-key", _SECRET)
        named = ("--uid", "worker", "--display-name", "worker")
        self._run("radosgw-admin", "user", "create", *named, *keys)

    def version(self) -> str:
        """Return the version, such as 16.2.15."""
        return self._run("radosgw", "--version").split()[2]

    def stop(self) -> None:
        """Stop all daemons, the gateway first."""
        for process in reversed(self.processes):
            stop(process, timeout=5)

    def _make_monitor(self, fsid: str) -> None:
        keyring, monmap = str(self.home / "keyring"), str(self.home / "monmap")
        monitor = f"[v2:{HOST}:{self.ports[1]}]"
        add = ("--gen-key", "-n")
        caps = [
            word
            for pair in zip(_ALL[::2], _ALL[1::2], strict=True)
            for word in ("--cap", *pair)
        ]
        self._run("ceph-authtool", "--create-keyring", keyring, *add, "mon.", *caps[:3])
        self._run("ceph-authtool", keyring, *add, "client.admin", *caps)
        self._run(
            "monmaptool", "--create", "--fsid", fsid, "--addv", "a", monitor, monmap
        )
        made = ("--monmap", monmap, "--keyring", keyring)
        self._run("ceph-mon", "-i", "a", "--mkfs", *made)

    def _make_key(self, name: str, *capabilities: str) -> None:
        found = self._run("ceph", "auth", "get-or-create", name, *capabilities)
        with (self.home / "keyring").open("a") as keyring:
            keyring.write(found)

    def _run(self, program: str, *arguments: str) -> str:
        command = [program, "-c", str(self.home / "ceph.conf"), *arguments]
        if program in {"ceph-authtool", "monmaptool"}:
            command = [program, *arguments]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=True,
                timeout=_COMMAND_SECONDS,
            )
        except FileNotFoundError as error:
            raise pytest.UsageError(f"{program} is missing: scripts/ceph.sh") from error
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            self.stop()
            raise pytest.UsageError(f"{error}\n{error.stderr!r}") from error
        return done.stdout

    def _spawn(self, program: str, *arguments: str) -> None:
        command = [program, "-c", str(self.home / "ceph.conf"), *arguments, "-f"]
        process = spawn(command, log=self.home / f"{program}.out")
        self.processes.append(process)
        PidRecord(self.home / f"{program}.pid").write(process.pid)

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            ended = [each.args for each in self.processes if each.poll() is not None]
            if ended:
                break
            if self._answers():
                return
            time.sleep(0.2)
        self.stop()
        raise pytest.UsageError(f"Ceph did not start. See its logs in {self.home}.")

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.url, timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


def _class_folder() -> Path:
    """Return Debian's folder with the OSD's classes for this machine's architecture."""
    triplet = sysconfig.get_config_var("MULTIARCH") or f"{os.uname().machine}-linux-gnu"
    folders = [
        Path("/usr/lib") / name / "rados-classes" for name in (triplet, "", "ceph")
    ]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config,
) -> Generator[None, None, None]:
    if runs_tests_itself(early_config):
        remove_leftovers(_PREFIX, server="radosgw.pid")
        server = Ceph(new_home(_PREFIX))
        early_config.stash[_SERVER] = server
        server.start()
        os.environ.update(server.environment())
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        server = config.stash[_SERVER]
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)


@pytest.fixture(scope="session")
def ceph(pytestconfig: pytest.Config) -> Ceph:
    """Return the running cluster."""
    return pytestconfig.stash[_SERVER]


@pytest.fixture(scope="session")
def _ceph_bucket(ceph: Ceph) -> None:
    from uploads.s3.bucket import get_bucket
    from uploads.s3.bucket_config import apply

    apply(get_bucket(), origins=["http://127.0.0.1"])


@pytest.fixture
def ceph_bucket(_ceph_bucket: None, settings: Any) -> Bucket:
    """Return the site's bucket, with a separate key prefix for this test."""
    from uploads.s3.bucket import get_bucket

    prefix = f"uploads/{uuid.uuid4().hex}/"
    settings.UPLOADS = {**settings.UPLOADS, "KEY_PREFIX": prefix}
    return get_bucket()
