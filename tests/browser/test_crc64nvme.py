"""The page on a site with UPLOADS_CHECKSUM=crc64nvme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.files import MIB, download, random_file, sha256, uploads_of
from tests.browser.upload_page import Traffic, UploadPage
from tests.support.browser_errors import BrowserErrors
from tests.support.live_site import SMALL_PART, LiveSite, serve
from uploads.doctor.contract import ask_contract
from uploads.doctor.examination import Examination
from uploads.doctor.memory import remember_promises
from uploads.models import Upload
from uploads.s3.checksums import CRC64NVME, SHA256
from uploads.states import State
from uploads.upkeep.auditing import Difference, audit

THREE_PARTS = 2 * SMALL_PART + MIB
EMPTY_MODULE = "new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])"
COMPILE = f"() => WebAssembly.compile({EMPTY_MODULE}).then(() => '', (e) => e.name)"


@pytest.fixture(scope="module")
def crc_site(
    site_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveSite]:
    environment = {
        **site_environment,
        "UPLOADS_CHECKSUM": "crc64nvme",
        "UPLOADS_MIN_PART_BYTES": str(SMALL_PART),
    }
    with serve(environment, tmp_path_factory.mktemp("logs")) as site:
        yield site


@pytest.fixture
def certified() -> None:
    """Record a doctor's findings, so that the site trusts the storage's checksums."""
    examination = Examination()
    remember_promises(list(ask_contract(examination)))
    examination.clear_quietly()


@pytest.fixture
def crc_page(signed_in: Page, crc_site: LiveSite, certified: None) -> UploadPage:
    upload_page = UploadPage(signed_in, crc_site.url)
    upload_page.open()
    return upload_page


def differences_of(person: User) -> list[Difference]:
    """Return what the audit finds about the uploads of ``person``.

    Other tests of this process use the same bucket and database.
    """
    keys = set(Upload.objects.filter(owner=person).values_list("key", flat=True))
    return [difference for difference in audit() if difference.subject in keys]


def signed_headers(traffic: Traffic) -> set[str]:
    """Return the checksum headers in the signatures of the URLs of all sent bodies."""
    urls = [url for method, url in traffic.sent if method == "PUT"]
    return {name for url in urls for name in re.findall(r"x-amz-checksum-\w+", url)}


def assert_stored(page: Page, upload: Upload, file: Path) -> None:
    content = file.read_bytes()
    assert (upload.state, upload.checksum_verified_by) == (State.READY, "storage")
    assert upload.checksum_algorithm == CRC64NVME.algorithm
    assert upload.checksum_crc64nvme == CRC64NVME.base64(content)
    assert download(page, upload).sha256 == sha256(file)


def test_files_of_all_sizes_arrive_unchanged(
    crc_page: UploadPage, person: User, tmp_path: Path
) -> None:
    page = crc_page.page
    for name, byte_size in (
        ("empty.bin", 0),
        ("small.bin", 1000),
        ("one part.bin", SMALL_PART),
        ("parts.bin", THREE_PARTS),
    ):
        crc_page.open()
        file = random_file(tmp_path, name, byte_size)
        traffic = Traffic(page)

        crc_page.upload(file)

        expect(crc_page.row(name)).to_contain_text("Ready")
        assert signed_headers(traffic) == {CRC64NVME.header}, name
        assert_stored(page, uploads_of(person)[name], file)
    assert differences_of(person) == []


def test_upload_continues_after_a_pause_and_a_reload(
    crc_page: UploadPage, person: User, tmp_path: Path
) -> None:
    page = crc_page.page
    film = random_file(tmp_path, "film.bin", THREE_PARTS)
    traffic = Traffic(page)
    crc_page.hold_parts(2, 3)
    crc_page.choose(film)
    crc_page.start()
    crc_page.wait_until(lambda: traffic.parts_arrived == [1])

    page.get_by_role("button", name="Pause").click()
    expect(crc_page.heading("Paused")).to_be_visible()
    page.reload()
    crc_page.stop_holding()
    crc_page.wait_for_list()
    traffic.parts_arrived.clear()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Continue film.bin").click()
    chooser.value.set_files(film)
    crc_page.wait_until_uploaded(1)

    crc_page.wait_until(lambda: len(traffic.parts_arrived) >= 2)
    assert sorted(traffic.parts_arrived) == [2, 3]
    assert_stored(page, uploads_of(person)["film.bin"], film)
    assert differences_of(person) == []


def test_page_continues_an_upload_with_sha256_by_sha256(
    crc_page: UploadPage, person: User, other_site: LiveSite, tmp_path: Path
) -> None:
    page = crc_page.page
    film = random_file(tmp_path, "film.bin", THREE_PARTS)
    before = UploadPage(page, other_site.url)
    before.open()
    traffic = Traffic(page)
    before.hold_parts(2, 3)
    before.choose(film)
    before.start()
    before.wait_until(lambda: traffic.parts_arrived == [1])

    crc_page.open()
    crc_page.stop_holding()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Continue film.bin").click()
    chooser.value.set_files(film)
    crc_page.wait_until_uploaded(1)

    assert signed_headers(traffic) == {SHA256.header}
    upload = uploads_of(person)["film.bin"]
    assert (upload.state, upload.checksum_algorithm) == ("ready", "sha256")
    assert download(page, upload).sha256 == sha256(film)


def test_only_the_worker_of_this_site_may_use_webassembly(
    signed_in: Page,
    crc_site: LiveSite,
    other_site: LiveSite,
    browser_errors: BrowserErrors,
    tmp_path: Path,
) -> None:
    file = random_file(tmp_path, "a.bin", 100_000)
    browser_errors.expect("WebAssembly", "wasm-eval")
    refusals = {}
    for site in (crc_site, other_site):
        upload_page = UploadPage(signed_in, site.url)
        upload_page.open()
        upload_page.upload(file)
        refusals[site.url] = [
            signed_in.workers[0].evaluate(COMPILE),
            signed_in.evaluate(COMPILE),
        ]

    assert refusals == {
        crc_site.url: ["", "CompileError"],
        other_site.url: ["CompileError", "CompileError"],
    }
