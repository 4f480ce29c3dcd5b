"""The page in Chromium, during faults of the network, the site and the storage."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from tests.faults.browser import Browser, choose, continue_with, wait_until_done
from tests.faults.client import Client
from tests.faults.conftest import SEED, StartSite, Sweep
from tests.faults.faults import SLOW_DOWN, Answer, CutRequest, DropAnswer, Stall
from tests.faults.parts import (
    sent_parts,
    stored_parts,
    unanswered,
    wait_until,
    wait_until_idle,
)
from tests.faults.proxy import FaultProxy
from tests.faults.site import Site
from tests.faults.state_checks import assert_ready_once
from tests.plugins.postgres import PostgresServer
from uploads.dev.s3_server import S3Server
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import get_bucket
from uploads.s3.bucket_config import apply
from uploads.states import State

MIB = 1024 * 1024
# The file has more parts than the page has connections. The last part is shorter.
FILE_MIB = int(os.environ.get("FAULTS_MIB", "36"))
OFFLINE_SECONDS = int(os.environ.get("FAULTS_OFFLINE_SECONDS", "6"))
SPEED = 24 * MIB
CONNECTIONS = 6
TIMEOUT_SECONDS = 120 + FILE_MIB


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def browser(playwright: Playwright, tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(playwright, tmp_path / "profile")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def content_of_large_file() -> bytes:
    chance = random.Random(SEED)
    return b"".join(chance.randbytes(MIB) for _ in range(FILE_MIB))


@pytest.fixture(scope="session")
def large_file(
    tmp_path_factory: pytest.TempPathFactory, content_of_large_file: bytes
) -> Path:
    path = tmp_path_factory.mktemp("files") / "holiday film.bin"
    path.write_bytes(content_of_large_file)
    return path


@pytest.fixture
def assert_arrived(
    client: Client, person: User, content_of_large_file: bytes
) -> Callable[[], None]:
    """Return a check that the large file is the only upload of `person`, unchanged."""

    def check() -> None:
        upload = Upload.objects.get(owner=person)
        assert_ready_once(client, str(upload.pk), content_of_large_file)

    return check


@pytest.mark.parametrize(
    "percent",
    [
        pytest.param(30, marks=pytest.mark.long),
        60,
        pytest.param(95, marks=pytest.mark.long),
    ],
)
def test_upload_continues_with_the_same_file_after_the_browser_was_killed(
    browser: Browser,
    person: User,
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
    percent: int,
) -> None:
    storage_proxy.one_body_at_a_time = True
    _pause_at(storage_proxy, percent)
    page = browser.open(site_proxy.url, person)
    choose(page, large_file)
    storage_proxy.wait_until_paused()

    browser.kill()
    storage_proxy.end_faults()
    wait_until_idle(storage_proxy)
    safe, touched = stored_parts(storage_proxy), sent_parts(storage_proxy)
    storage_proxy.clear_exchanges()
    page = browser.open(site_proxy.url, person)
    continue_with(page, large_file)
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    again = sent_parts(storage_proxy)
    parts = set(range(1, _part_count(person) + 1))
    assert safe
    assert set(again) == parts - set(safe)
    assert max(again.values(), default=1) == 1
    assert len(set(again) & set(touched)) <= CONNECTIONS
    assert_arrived()


@pytest.mark.long
def test_continuing_refuses_another_file_with_the_same_name(
    browser: Browser,
    person: User,
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
    tmp_path: Path,
) -> None:
    other_file = tmp_path / large_file.name
    other_file.write_bytes(bytes(FILE_MIB * MIB))
    facts = large_file.stat()
    os.utime(other_file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    _pause_at(storage_proxy, 30)
    page = browser.open(site_proxy.url, person)
    choose(page, large_file)
    storage_proxy.wait_until_paused()
    browser.kill()
    storage_proxy.end_faults()
    wait_until_idle(storage_proxy)
    storage_proxy.clear_exchanges()

    page = browser.open(site_proxy.url, person)
    continue_with(page, other_file)
    expect(page.get_by_text("This file is not the original")).to_be_visible()
    assert sent_parts(storage_proxy) == {}
    page.reload()
    continue_with(page, large_file)
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    assert_arrived()


@pytest.mark.long
def test_upload_continues_after_a_network_outage(
    browser: Browser,
    person: User,
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
) -> None:
    _pause_at(storage_proxy, 30)
    page = browser.open(site_proxy.url, person)
    choose(page, large_file)
    storage_proxy.wait_until_paused()

    browser.context.set_offline(True)
    storage_proxy.end_faults()
    expect(page.get_by_role("heading", name="No network")).to_be_visible()
    page.wait_for_timeout(OFFLINE_SECONDS * 1000)
    assert len(stored_parts(storage_proxy)) < _part_count(person)
    browser.context.set_offline(False)
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    assert_arrived()


def test_upload_succeeds_with_503_for_a_fifth_of_requests_and_lost_completions(
    browser: Browser,
    person: User,
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
) -> None:
    fault = storage_proxy.inject(SLOW_DOWN, probability=0.2)
    # This fault makes sure that S3 refuses some parts, independent of the random
    # choices.
    sure = storage_proxy.inject(SLOW_DOWN, method="PUT", times=2)
    # The page gets the answer only to its third `complete`.
    lost = site_proxy.inject(DropAnswer(), method="POST", target="/complete$", times=2)
    page = browser.open(site_proxy.url, person)

    choose(page, large_file)
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    assert fault.hit_count + sure.hit_count >= 2
    assert lost.hit_count == 2
    assert set(stored_parts(storage_proxy).values()) == {1}
    storage_proxy.end_faults()  # the test's download has no retries
    assert_arrived()


@pytest.mark.long
def test_upload_succeeds_when_answers_of_the_storage_are_lost(
    browser: Browser,
    person: User,
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
) -> None:
    lost = storage_proxy.inject(DropAnswer(), method="PUT", times=3)
    page = browser.open(site_proxy.url, person)

    choose(page, large_file)
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    assert lost.hit_count == 3
    assert_arrived()


def test_small_files_arrive_during_faults_of_all_kinds(
    browser: Browser,
    person: User,
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    worker_proxy: FaultProxy,
    tmp_path: Path,
) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(40)]
    for number, file in enumerate(files):
        file.write_text(f"{number} " * 1000)
    page = browser.open(site_proxy.url, person)
    for action in (SLOW_DOWN, DropAnswer(), CutRequest(100)):
        storage_proxy.inject(action, method="PUT", probability=0.1)
        worker_proxy.inject(action, probability=0.02)
    site_proxy.inject(DropAnswer(), method="POST", target="/api/", times=2)

    choose(page, *files)
    wait_until_done(page, len(files))

    _end_all_faults(site_proxy, storage_proxy, worker_proxy)
    rows = Upload.objects.filter(owner=person)
    assert [row.state for row in rows] == [State.READY] * len(files)
    assert sorted(row.filename for row in rows) == sorted(file.name for file in files)
    quota = StorageQuota.objects.get(user=person)
    used = sum(file.stat().st_size for file in files)
    assert (quota.used_bytes, quota.file_count) == (used, len(files))
    assert (quota.reserved_bytes, quota.reserved_files) == (0, 0)
    stored = {row.filename: get_bucket().read_range(row.key, 0, MIB) for row in rows}
    assert stored == {file.name: file.read_bytes() for file in files}


@pytest.mark.long
@pytest.mark.parametrize("victim", ["storage", "database", "web processes"])
def test_upload_continues_after_a_server_was_killed_and_restarted(
    browser: Browser,
    person: User,
    site: Site,
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    s3_server: S3Server,
    postgres_server: PostgresServer,
    large_file: Path,
    assert_arrived: Callable[[], None],
    victim: str,
) -> None:
    _pause_at(storage_proxy, 40)
    page = browser.open(site_proxy.url, person)
    choose(page, large_file)
    storage_proxy.wait_until_paused()

    if victim == "storage":
        s3_server.kill()
        storage_proxy.end_faults()
        _wait_while_page_runs(
            page, lambda: len(unanswered(storage_proxy)) > CONNECTIONS
        )
        s3_server.start()
    elif victim == "database":
        postgres_server.crash()
        site_proxy.clear_exchanges()
        storage_proxy.end_faults()
        _wait_while_page_runs(
            page, lambda: any(x.status == 503 for x in site_proxy.exchanges)
        )
        postgres_server.resume()
        connection.close()
    else:
        site.kill_workers()
        storage_proxy.end_faults()
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    assert_arrived()


def test_sweeper_completes_an_upload_whose_browser_was_killed(
    browser: Browser,
    person: User,
    site_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
    sweep_with_site_settings: Sweep,
) -> None:
    cut_completions = site_proxy.inject(
        CutRequest(), method="POST", target="/complete$"
    )
    page = browser.open(site_proxy.url, person)
    choose(page, large_file)
    wait_until(lambda: cut_completions.hit_count > 0, seconds=TIMEOUT_SECONDS)

    browser.kill()

    assert sweep_with_site_settings().failed == 0
    assert_arrived()


@pytest.mark.long
def test_upload_succeeds_when_one_connection_stalls(
    browser: Browser,
    person: User,
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
) -> None:
    stalled = storage_proxy.inject(Stall(after_bytes=4 * MIB), method="PUT", times=2)
    page = browser.open(site_proxy.url, person)

    choose(page, large_file)
    wait_until_done(page, seconds=TIMEOUT_SECONDS + 60)

    assert stalled.hit_count == 2
    assert_arrived()


@pytest.fixture
def site_with_short_urls(start_site: StartSite) -> Iterator[FaultProxy]:
    """Run a site whose URLs expire after five seconds."""
    site = start_site(UPLOADS_URL_EXPIRY_SECONDS="5")
    proxy = FaultProxy(site.port, seed=SEED).start()
    apply(get_bucket(), origins=[proxy.url])
    yield proxy
    proxy.stop()
    site.stop()


@pytest.mark.long
def test_upload_continues_after_a_sleep_longer_than_the_url_lifetime(
    browser: Browser,
    person: User,
    site_with_short_urls: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
) -> None:
    _pause_at(storage_proxy, 30)
    page = browser.open(site_with_short_urls.url, person)
    choose(page, large_file)
    storage_proxy.wait_until_paused()

    browser.suspend()
    storage_proxy.end_faults()
    time.sleep(7)
    browser.resume()
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    assert_arrived()


@pytest.mark.long
def test_upload_succeeds_when_all_urls_expire_while_the_storage_is_busy(
    browser: Browser,
    person: User,
    site_with_short_urls: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
) -> None:
    busy = storage_proxy.inject(SLOW_DOWN, method="PUT")
    page = browser.open(site_with_short_urls.url, person)

    choose(page, large_file)
    wait_until(lambda: busy.hit_count > 0)
    time.sleep(7)
    storage_proxy.end_faults()
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    assert_arrived()


@pytest.mark.long
def test_upload_succeeds_when_urls_expire_before_use_on_a_slow_network(
    browser: Browser,
    person: User,
    site_with_short_urls: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    assert_arrived: Callable[[], None],
) -> None:
    storage_proxy.bytes_per_second = SPEED // 3
    page = browser.open(site_with_short_urls.url, person)

    choose(page, large_file)
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    assert_arrived()


def _pause_at(proxy: FaultProxy, percent: int) -> None:
    proxy.pause_after(FILE_MIB * MIB * percent // 100)


def _wait_while_page_runs(page: Page, condition: Callable[[], bool]) -> None:
    wait_until(condition, sleep=lambda seconds: page.wait_for_timeout(seconds * 1000))


def _end_all_faults(*proxies: FaultProxy) -> None:
    for proxy in proxies:
        proxy.end_faults()


def test_parts_that_s3_cannot_join_are_sent_again_without_a_click(
    browser: Browser,
    client: Client,
    person: User,
    site_proxy: FaultProxy,
    worker_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    large_file: Path,
    content_of_large_file: bytes,
) -> None:
    conflict = Answer(409, "ConditionalRequestConflict")
    worker_proxy.inject(conflict, method="POST", target=r"\?uploadId=", times=2)
    page = browser.open(site_proxy.url, person)

    choose(page, large_file)
    wait_until_done(page, seconds=TIMEOUT_SECONDS)

    upload = Upload.objects.get(owner=person)
    assert set(stored_parts(storage_proxy).values()) == {2}
    assert_ready_once(client, str(upload.pk), content_of_large_file, reopened=1)


def _part_count(person: User) -> int:
    return Upload.objects.get(owner=person).part_count
