"""The demo site of `make run`: where it is, its environment, its preparation."""

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
    """The two ports and the folder that make one demo site."""

    port: int
    s3_port: int
    data_dir: Path

    @property
    def url(self) -> str:
        """Where the site is."""
        return f"http://{HOST}:{self.port}"

    @property
    def origins(self) -> list[str]:
        """The origins from which a browser may upload."""
        return [self.url, f"http://localhost:{self.port}"]

    def s3_server(self) -> S3Server:
        """Return the site's S3 server, not started yet."""
        return S3Server(self.data_dir / "s3", port=self.s3_port)

    def environment(self) -> dict[str, str]:
        """Return the whole environment of the site's processes.

        What the shell has set for another site is left out: a demo, with its
        well-known passwords, must not meet a real database or bucket.
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

    def operator_environment(self) -> dict[str, str]:
        """Return the environment of management commands: the setup identity besides."""
        return {**self.environment(), **self.s3_server().setup_environment()}

    def sweep_command(self) -> list[str]:
        """Return the command that settles what nobody comes back for, once a minute."""
        # Unbuffered: what a pass did is in the log when it is over.
        return [sys.executable, "-u", str(PROJECT / "manage.py"), "sweep", "--loop"]

    def web_command(self) -> list[str]:
        """Return the command that serves the site and reloads changed code."""
        watched = [str(path) for path in (PROJECT / "templates").rglob("*.html")]
        return [
            *(sys.executable, "-m", "gunicorn", "uploads.dev.wsgi"),
            *("--bind", f"{HOST}:{self.port}", "--threads", "8"),
            *("--access-logfile", str(self.data_dir / "access.log")),
            *("--log-level", "error", "--graceful-timeout", "3"),
            *("--no-control-socket", "--reload"),
            *(word for path in watched for word in ("--reload-extra-file", path)),
        ]


def prepare(site: DemoSite) -> None:
    """Bring database and bucket up to date; the S3 server runs already."""
    os.environ.clear()
    os.environ.update(site.operator_environment())

    # Django can be set up only now that its environment is there.
    import django
    from django.core.management import call_command

    django.setup()
    from uploads.s3.bucket_config import apply, setup_bucket

    call_command("migrate", verbosity=0, interactive=False)
    apply(setup_bucket(), origins=site.origins)


def make_accounts() -> None:
    """Make demo/demo and admin/admin unless they are there; django is set up."""
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    if not users.filter(username="demo").exists():
        users.create_user("demo", "demo@localhost", "demo")
    if not users.filter(username="admin").exists():
        users.create_superuser("admin", "admin@localhost", "admin")
