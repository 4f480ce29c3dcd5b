"""Set up a site on a real S3 server, and break its settings or its connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.doctor.proxy import Proxy
from uploads.dev.s3_server import S3Server
from uploads.doctor.examination import Examination
from uploads.doctor.families import examine
from uploads.doctor.results import Finding, Status
from uploads.s3.bucket import Bucket, get_bucket
from uploads.s3.bucket_config import apply

if TYPE_CHECKING:
    from pytest_django import Settings

SITE = "http://files.localhost:8000"
WITHOUT_SITE = ("connection", "credentials", "contract", "cors", "settings")
"""All families of the doctor's checks, except ``site`` and ``notifications``."""

SECONDS = 10
"""The limit for the doctor's time per finding."""


@dataclass
class Site:
    """The site's settings, and the doctor's findings about them."""

    settings: Any
    server: S3Server

    def use(self, *, alias: str = "uploads", **options: Any) -> None:
        """Change OPTIONS of the entries of STORAGES whose name begins with ``alias``."""
        self.settings.STORAGES = {
            name: {**each, "OPTIONS": {**each["OPTIONS"], **options}}
            if name.startswith(alias)
            else each
            for name, each in self.settings.STORAGES.items()
        }
        if "endpoint_url" in options:
            self.settings.S3_ENDPOINT_URL = options["endpoint_url"]

    def behind(self, proxy: Proxy, *, browsers_only: bool = True) -> None:
        """Use the proxy's URL for browsers.

        If ``browsers_only`` is false, the server also uses the proxy.
        """
        self.settings.S3_PUBLIC_ENDPOINT_URL = proxy.url
        self.name_in_policy("'self'", proxy.url)
        if not browsers_only:
            self.use(endpoint_url=proxy.url)

    def name_in_policy(self, *sources: str) -> None:
        """Set the only sources that the pages' Content-Security-Policy permits."""
        self.settings.CONTENT_SECURITY_POLICY = {
            "DIRECTIVES": {"connect-src": list(sources)}
        }

    def findings(self, *only: str) -> list[Finding]:
        """Return all findings. Fails if the doctor takes too long."""
        started = time.monotonic()
        found = list(examine(Examination(), only=only))
        assert time.monotonic() - started < SECONDS * max(1, len(found))
        return [finding for top in found for finding in top.walk()]

    def problems(self, *only: str) -> dict[str, Finding]:
        """Return the findings with the status FAIL or WARN."""
        return {
            finding.name: finding
            for finding in self.findings(*only)
            if finding.own_status in {Status.FAIL, Status.WARN}
        }


@pytest.fixture
def site(s3_server: S3Server, settings: Settings) -> Iterator[Site]:
    """Yield a site whose bucket has the settings of setup_bucket."""
    settings.CSRF_TRUSTED_ORIGINS = [SITE]
    bucket = get_bucket()
    apply(bucket, origins=[SITE])
    yield Site(settings, s3_server)
    configure_cors(bucket, [SITE])


MakeProxy = Callable[..., Proxy]


@pytest.fixture
def proxied(s3_server: S3Server) -> Iterator[MakeProxy]:
    """Yield a function that starts a proxy for S3. The proxies end with the test."""
    started: list[Proxy] = []

    def start(**ways: Any) -> Proxy:
        proxy = Proxy(s3_server.port, **ways).__enter__()
        started.append(proxy)
        return proxy

    yield start
    for proxy in started:
        proxy.__exit__()


def configure_cors(bucket: Bucket, origins: list[str], **changes: Any) -> None:
    """Replace all CORS rules by one rule."""
    rule: Any = {
        "AllowedOrigins": origins,
        "AllowedMethods": ["PUT", "POST", "GET", "HEAD"],
        "AllowedHeaders": ["*"],
        **changes,
    }
    bucket.client.put_bucket_cors(
        Bucket=bucket.name, CORSConfiguration={"CORSRules": [rule]}
    )
