"""Run a site whose page sends small files by forms, and a proxy that sees them.

    browser --proxy--> SeaweedFS

The real command `manage.py doctor` records that the bucket accepts forms.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db.models import QuerySet

from tests.faults.proxy import FaultProxy
from tests.support.live_site import LiveSite, serve
from uploads.models import BucketFact
from uploads.s3.bucket import get_bucket

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class FormsSite:
    """The site, and the proxy for the browser's requests to S3."""

    site: LiveSite
    storage: FaultProxy

    @property
    def url(self) -> str:
        return self.site.url

    @property
    def methods(self) -> list[str]:
        """Return the method of each request of the browser to S3, in order."""
        return [exchange.method for exchange in self.storage.exchanges]


@contextmanager
def forms_site(
    environment: dict[str, str], home: Path, *, broken: str = ""
) -> Iterator[FormsSite]:
    """Run a site that the doctor has certified. ``broken`` is a broken promise.

    This site names S3 by another host than the other sites of this test run, so that
    the doctor's results do not change the other sites.
    """
    endpoint = environment["S3_ENDPOINT_URL"]
    port = int(endpoint.rpartition(":")[2])
    storage = FaultProxy(port).start()
    environment = {
        **environment,
        "S3_ENDPOINT_URL": endpoint.replace("127.0.0.1", "localhost"),
        "S3_PUBLIC_ENDPOINT_URL": storage.url,
    }
    try:
        with serve(environment, home) as site:
            _run_doctor(environment, site.url)
            place = f"{environment['S3_ENDPOINT_URL']} {get_bucket().name}"
            facts = BucketFact.objects.filter(place=place)
            assert facts.filter(name="promise.cors.form", value="yes").exists()
            with _broken(facts.filter(name=f"promise.{broken}")):
                storage.clear_exchanges()
                yield FormsSite(site, storage)
    finally:
        storage.stop()


@contextmanager
def _broken(facts: QuerySet[BucketFact]) -> Iterator[None]:
    """Change the results to no. At the end, restore them for the other sites."""
    facts.update(value="no")
    yield
    facts.update(value="yes")


def _run_doctor(environment: dict[str, str], origin: str) -> None:
    command = [sys.executable, "manage.py", "doctor", "--origin", origin]
    command += ["--only", "contract", "--only", "cors"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def module_forms(
    site_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[FormsSite]:
    """Yield a certified site for all tests of a module."""
    home = tmp_path_factory.mktemp("logs")
    with django_db_blocker.unblock(), forms_site(site_environment, home) as site:
        yield site


@pytest.fixture
def forms(module_forms: FormsSite) -> Iterator[FormsSite]:
    """Yield the site, with no recorded request and no injected fault."""
    module_forms.storage.clear_exchanges()
    yield module_forms
    module_forms.storage.end_faults()
