"""Run the servers, proxies and sweepers for a soak test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.faults.proxy import FaultProxy
from tests.faults.site import PROJECT, Site
from tests.plugins.homes import new_home, remove_leftovers
from tests.plugins.postgres import PostgresServer
from uploads.dev.processes import spawn, stop
from uploads.dev.s3_server import S3Server

_OPTIONS = {
    "UPLOADS_SWEEP_GRACE_SECONDS": "5",
    "UPLOADS_LIFETIME_SECONDS": "120",
    "UPLOADS_URL_EXPIRY_SECONDS": "20",
    "LOG_LEVEL": "WARNING",
}

_HOMES = {
    "slipway-soak-": "none.pid",
    "slipway-postgres-": "postgres.pid",
    "slipway-s3-": "s3.pid",
}


class SoakServers:
    """A site with a proxy on each connection, and two sweepers.

    This process also sets up Django, with the same database and bucket, but without a
    proxy.
    """

    def __init__(self, seed: int) -> None:
        for prefix, server in _HOMES.items():
            remove_leftovers(prefix, server=server)
        self.home = new_home("slipway-soak-")
        self.postgres = PostgresServer()
        self.s3 = S3Server(new_home("slipway-s3-"))
        self.storage_proxy = FaultProxy(self.s3.port, seed=seed)
        self.worker_proxy = FaultProxy(self.s3.port, seed=seed + 1)
        self.unexpected_ends: Counter[str] = Counter()
        self._seed = seed
        self._sweepers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_sweepers()
        if hasattr(self, "site"):
            self.site.stop()
            self.site_proxy.stop()
        for proxy in (self.storage_proxy, self.worker_proxy):
            proxy.stop()
        self.s3.kill()
        self.postgres.stop()
        for folder in (self.s3.data_dir, self.home):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def proxies(self) -> tuple[FaultProxy, FaultProxy, FaultProxy]:
        return (self.site_proxy, self.storage_proxy, self.worker_proxy)

    def new_person(self) -> tuple[Any, str]:
        """Create a user and a token. Return both."""
        from django.contrib.auth.models import User

        from uploads.access.tokens import create_token

        person = User.objects.create_user(f"person-{uuid.uuid4().hex[:12]}")
        return person, create_token(person, name="soak")[1]

    def restart_ended_sweepers(self) -> None:
        """Restart sweepers that have ended, and count these unexpected ends."""
        for index, sweeper in enumerate(list(self._sweepers)):
            if sweeper.poll() is not None:
                self.unexpected_ends["sweeper"] += 1
                self._sweepers[index] = self._sweeper()

    def stop_sweepers(self) -> None:
        """Stop the sweepers."""
        for sweeper in self._sweepers:
            stop(sweeper)
        self._sweepers = []

    def _start(self) -> None:
        self.postgres.start()
        self.s3.start()
        os.environ.update(
            {
                **self.s3.environment(),
                **_OPTIONS,
                "DATABASE_URL": self.postgres.url,
                "DATA_DIR": str(self.home),
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                # Playwright runs an event loop in this thread. Django would refuse
                # database queries here, because it assumes async code.
                "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
            }
        )
        # Django can be set up only after its environment variables are set.
        import django
        from django.core.management import call_command

        django.setup()
        from uploads.s3.bucket import get_bucket
        from uploads.s3.bucket_config import apply

        call_command("migrate", verbosity=0)
        self.storage_proxy.start()
        self.worker_proxy.start()
        self.site = Site(
            self.home,
            {
                "S3_ENDPOINT_URL": self.worker_proxy.url,
                "S3_PUBLIC_ENDPOINT_URL": self.storage_proxy.url,
            },
        )
        self.site.start()
        self.site_proxy = FaultProxy(self.site.port, seed=self._seed + 2).start()
        apply(get_bucket(), origins=[self.site_proxy.url])
        self._sweepers = [self._sweeper(), self._sweeper()]

    def _sweeper(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(PROJECT / "manage.py"), "sweep"]
        return spawn(
            [*command, "--loop", "--every", "2"],
            environment=self.site.environment,
            log=self.home / "sweep.log",
        )


def show_log(path: Path, lines: int = 20) -> str:
    """Return the end of a log, or an empty text if the log is missing."""
    with suppress(OSError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return ""
