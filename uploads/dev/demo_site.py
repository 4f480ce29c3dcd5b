"""Defines and sets up the demo site of `make run`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from uploads.dev.ports import HOST
from uploads.dev.s3_server import S3Server

PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class DemoSite:
    """A demo site, defined by two ports and a data folder.

    If ``reloads``, the web process looks for changed code once a second.
    """

    port: int
    s3_port: int
    data_dir: Path
    reloads: bool = True

    @property
    def url(self) -> str:
        """The URL of the site."""
        return f"http://{HOST}:{self.port}"

    @property
    def origins(self) -> list[str]:
        """The origins of pages from which a browser may upload."""
        return [self.url, f"http://localhost:{self.port}"]

    def s3_server(self) -> S3Server:
        """Return the site's S3 server, without starting it."""
        return S3Server(self.data_dir / "s3", port=self.s3_port)

    def environment(self) -> dict[str, str]:
        """Return all environment variables of the site's processes.

        Leave out the shell's variables for databases and S3. The passwords of the demo
        site are public, so the site must not use a real database or bucket.
        """
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("S3_", "AWS_", "DATABASE_"))
            and name != "SECRET_KEY"
        }
        return {
            **kept,
            **self.s3_server().environment(),
            "DEBUG": "true",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "CSRF_TRUSTED_ORIGINS": ",".join(self.origins),
            "DATA_DIR": str(self.data_dir),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }

    def web_environment(self) -> dict[str, str]:
        """Return the environment of the web process, which logs only warnings.

        ``make run LOG_LEVEL=INFO`` also logs each request.
        """
        return {"LOG_LEVEL": "WARNING", **self.environment()}

    def operator_environment(self) -> dict[str, str]:
        """Return the environment of management commands, with the setup identity."""
        return {**self.environment(), **self.s3_server().setup_environment()}

    def sweep_command(self) -> list[str]:
        """Return the command that starts the sweeper, which runs once a minute."""
        # -u makes Python write the report of each sweep to the log at once.
        return [sys.executable, "-u", str(PROJECT / "manage.py"), "sweep", "--loop"]

    def web_command(self) -> list[str]:
        """Return the command that serves the site."""
        return [
            *(sys.executable, "-m", "gunicorn", "uploads.dev.wsgi"),
            *("--bind", f"{HOST}:{self.port}", "--threads", "16"),
            *("--access-logfile", str(self.data_dir / "access.log")),
            *("--log-level", "error", "--graceful-timeout", "3"),
            "--no-control-socket",
            *(self._reload_options() if self.reloads else []),
        ]

    def _reload_options(self) -> list[str]:
        watched = [str(path) for path in (PROJECT / "templates").rglob("*.html")]
        files = [word for path in watched for word in ("--reload-extra-file", path)]
        return ["--reload", *files]


def prepare(site: DemoSite) -> None:
    """Set up Django, the database and the bucket. The S3 server must be running."""
    enter(site)
    # Import Django here, because it reads the environment variables that are set above.
    import django
    from django.core.management import call_command

    django.setup()
    from uploads.doctor.memory import remember
    from uploads.s3.bucket_config import apply, setup_bucket

    call_command("migrate", verbosity=0, interactive=False)
    remember(apply(setup_bucket(), origins=site.origins))
    _certify(site)


def enter(site: DemoSite) -> None:
    """Replace all variables of this process by the variables of the site's commands."""
    environment = site.operator_environment()  # reads os.environ, so call it first
    os.environ.clear()
    os.environ.update(environment)


def _certify(site: DemoSite) -> None:
    """Let the doctor test the S3 server once, and store the results for the site."""
    from uploads.doctor.examination import Examination
    from uploads.doctor.families import examine
    from uploads.doctor.memory import remember_promises
    from uploads.lifecycle.capabilities import PROMISE, place
    from uploads.models import BucketFact

    # Do not call capabilities() here, because it logs a warning before the first test.
    known = BucketFact.objects.filter(place=place(), name__startswith=PROMISE)
    if not known.exists():
        examination = Examination(tuple(site.origins))
        remember_promises(list(examine(examination, only=["contract", "cors"])))


def make_accounts() -> None:
    """Create the accounts demo/demo and admin/admin if they do not exist."""
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    if not users.filter(username="demo").exists():
        users.create_user("demo", "demo@localhost", "demo")
    if not users.filter(username="admin").exists():
        users.create_superuser("admin", "admin@localhost", "admin")
