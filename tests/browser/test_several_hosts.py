"""The page on a site whose bucket has two host names (UPLOADS_S3_PUBLIC_ENDPOINTS)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.files import MIB, download, random_file, sha256, uploads_of
from tests.browser.upload_page import Traffic, UploadPage
from tests.support.live_site import SMALL_PART, LiveSite, serve

PARTS = 12


@pytest.fixture(scope="module")
def two_hosts(
    site_environment: dict[str, str],
    bucket_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveSite]:
    environment = {
        **site_environment,
        "UPLOADS_S3_PUBLIC_ENDPOINTS": bucket_url.replace("127.0.0.1", "localhost"),
        "UPLOADS_MIN_PART_BYTES": str(SMALL_PART),
    }
    with serve(environment, tmp_path_factory.mktemp("logs")) as site:
        yield site


def hosts_of_puts(traffic: Traffic) -> Counter[str]:
    return Counter(
        str(urlsplit(url).hostname) for method, url in traffic.sent if method == "PUT"
    )


def test_parts_and_small_files_arrive_over_both_hosts(
    signed_in: Page, two_hosts: LiveSite, person: User, tmp_path: Path
) -> None:
    page = UploadPage(signed_in, two_hosts.url)
    page.open()
    traffic = Traffic(signed_in)
    film = random_file(tmp_path, "film.bin", PARTS * SMALL_PART)

    page.upload(film)

    expect(page.row("film.bin")).to_contain_text("Ready")
    assert hosts_of_puts(traffic) == {"127.0.0.1": PARTS / 2, "localhost": PARTS / 2}
    assert download(signed_in, uploads_of(person)["film.bin"]).sha256 == sha256(film)

    traffic = Traffic(signed_in)
    files = [random_file(tmp_path, f"{number}.bin", MIB) for number in range(20)]
    page.open()
    page.choose(*files)
    page.start()
    page.wait_until_uploaded(20)

    assert set(hosts_of_puts(traffic)) == {"127.0.0.1", "localhost"}
    assert sum(hosts_of_puts(traffic).values()) == 20
