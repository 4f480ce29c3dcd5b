"""Start the site with a proxy on each connection of the browser.

    browser --site proxy--> gunicorn
            --storage proxy--> SeaweedFS

The proxies count, delay or break the browser's requests. They work with every browser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.faults.faults import CutRequest
from tests.faults.parts import wait_until_idle
from tests.faults.proxy import FaultProxy
from tests.support.live_site import SMALL_PART, allow_origin, serve

if TYPE_CHECKING:
    from uploads.dev.s3_server import S3Server


@dataclass(frozen=True)
class BrowserProxies:
    """The site's URL for a browser, and the proxies to the site and to S3."""

    site: FaultProxy
    storage: FaultProxy

    @property
    def url(self) -> str:
        return self.site.url

    def disconnect(self) -> None:
        """Break every connection, and block all requests until `end_faults` is called."""
        for proxy in (self.site, self.storage):
            proxy.inject(CutRequest())
            proxy.break_connections()

    def end_faults(self) -> None:
        """End all faults, so that all requests pass again."""
        for proxy in (self.site, self.storage):
            proxy.end_faults()


@pytest.fixture(scope="session")
def session_proxies(
    site_environment: dict[str, str],
    s3_server: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BrowserProxies]:
    """Yield a site with a part size of 6 MiB, and its proxies."""
    storage = FaultProxy(s3_server.port).start()
    environment = {
        **site_environment,
        "S3_PUBLIC_ENDPOINT_URL": storage.url,
        "UPLOADS_MIN_PART_BYTES": str(SMALL_PART),
    }
    with serve(environment, tmp_path_factory.mktemp("logs")) as live_site:
        site = FaultProxy(int(live_site.url.rpartition(":")[2])).start()
        allow_origin(site.url)
        yield BrowserProxies(site, storage)
        site.stop()
    storage.stop()


@pytest.fixture
def proxies(session_proxies: BrowserProxies) -> Iterator[BrowserProxies]:
    """Yield the proxies, which inject no faults at the start of a test."""
    session_proxies.site.clear_exchanges()
    session_proxies.storage.clear_exchanges()
    yield session_proxies
    session_proxies.end_faults()
    wait_until_idle(session_proxies.storage)
