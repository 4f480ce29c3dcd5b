"""Files of all sizes arrive unchanged, and their bytes are never sent to the site."""

from __future__ import annotations

import json
import math
import re
import subprocess
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.files import (
    MIB,
    download,
    payload,
    quota_of,
    random_file,
    sha256,
    stored_objects,
    uploads_of,
)
from tests.browser.upload_page import Traffic, UploadPage
from tests.support.live_site import LiveSite
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State

LARGE = 200 * MIB
MOST_JSON_BYTES = 20_000
FOLDER_FILES = 300

WATCH_PROGRESS = """
(bar) => {
  window.progressSeen = [];
  const note = () => window.progressSeen.push(Number(bar.getAttribute("aria-valuenow")));
  new MutationObserver(note).observe(bar, { attributeFilter: ["aria-valuenow"] });
}
"""


def test_file_arrives_unchanged(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    stored: dict[str, int] = {}
    for name, byte_size, transport in (
        ("empty.bin", 0, "put"),
        ("one byte.bin", 1, "put"),
        ("one part exactly.bin", 16 * MIB, "put"),
        ("one byte more.bin", 16 * MIB + 1, "multipart"),
    ):
        upload_page.open()
        file = random_file(tmp_path, name, byte_size)
        traffic = Traffic(upload_page.page)

        upload_page.upload(file)

        upload = uploads_of(person)[name]
        stored[upload.key] = byte_size
        expect(upload_page.row(name)).to_contain_text("Ready")
        assert (upload.state, upload.transport) == (State.READY, transport), name
        # The page chooses the part size, so the expected number of parts is read from
        # the row.
        part_count = upload.part_count if transport == "multipart" else 1
        assert traffic.puts == part_count, name
        assert stored_objects(person) == stored, name
        assert download(upload_page.page, upload).sha256 == sha256(file), name
        assert quota_of(person) == (sum(stored.values()), 0, len(stored), 0), name


def test_large_file_needs_few_small_requests_to_the_site(
    upload_page: UploadPage, person: User, live_site: LiveSite, tmp_path: Path
) -> None:
    file = random_file(tmp_path, "film.bin", LARGE)
    page = upload_page.page
    # The first upload of a process loads modules, which would falsify the measured
    # memory.
    upload_page.upload(payload("first.bin", b"first"))
    first = uploads_of(person)["first.bin"]
    _wait_for_completion(upload_page, live_site, first)
    page.get_by_role("button", name="Upload more").click()
    traffic = Traffic(page)
    _limit_speed(page, LARGE // 6)
    upload_page.choose(file)
    upload_page.progress.evaluate(WATCH_PROGRESS)
    memory_before = _resident_mib(live_site)
    accessed, logged = live_site.access_log.stat().st_size, live_site.log.stat().st_size

    upload_page.start()
    upload_page.wait_until(lambda: len(traffic.parts_arrived) >= 4)
    memory_during = _resident_mib(live_site)
    upload_page.wait_until_uploaded(1)

    upload = uploads_of(person)["film.bin"]
    _wait_for_completion(upload_page, live_site, upload)
    part_count = upload.part_count
    assert part_count > 6
    assert traffic.puts == part_count
    upload_page.wait_until(lambda: len(traffic.parts_arrived) >= part_count)
    assert sorted(traffic.parts_arrived) == list(range(1, part_count + 1))
    # The page may only start the upload, request URLs for groups of parts, and complete
    # the upload.
    lines = _tail(live_site.access_log, accessed)
    calls = [line for line in lines if '"GET ' not in line]
    assert all('"POST /api/v1/uploads' in call for call in calls)
    assert 3 <= len(calls) <= 2 + math.ceil(part_count / 6)
    bodies = _request_bytes(live_site.log, logged)
    assert len(bodies) >= len(calls)
    assert sum(bodies) < MOST_JSON_BYTES
    assert max(memory_during, _resident_mib(live_site)) - memory_before < 30
    _assert_steady(page)
    assert quota_of(person) == (LARGE + len(b"first"), 0, 2, 0)
    assert download(page, upload).sha256 == sha256(file)


@pytest.mark.timeout(600)  # hundreds of files, each with several requests
def test_files_of_a_folder_keep_their_paths(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    files = [
        random_file(tmp_path, f"harbour/{year}/{number}.dat", 100 + number, seed=year)
        for year in (2024, 2025, 2026)
        for number in range(FOLDER_FILES // 3)
    ]

    upload_page.choose_folder(tmp_path / "harbour")
    expect(upload_page.start_button).to_have_text(f"Upload {FOLDER_FILES} files")
    upload_page.start()
    upload_page.wait_until_uploaded(FOLDER_FILES)

    bucket = get_bucket()
    arrived = {
        upload.relative_path: bucket.read_range(
            upload.key, 0, upload.byte_size, etag=upload.etag
        )
        for upload in person.uploads.filter(state=State.READY)
    }
    assert arrived == {
        file.relative_to(tmp_path).as_posix(): file.read_bytes() for file in files
    }
    sent_bytes = sum(file.stat().st_size for file in files)
    assert quota_of(person) == (sent_bytes, 0, FOLDER_FILES, 0)
    # The list shows only the newest files. The batches may have started in any order.
    folder = re.compile(r"harbour/202[456]")
    expect(upload_page.files.get_by_text(folder).first).to_be_visible()


def _assert_steady(page: Page) -> None:
    seen: list[int] = page.evaluate("window.progressSeen")
    assert len(set(seen)) > 5
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 100
    # The progress shows 100 % only when the server has completed the upload.
    assert seen[-2] < 100


def _limit_speed(page: Page, bytes_per_second: int) -> None:
    """Limit the browser's speed, so that an upload lasts for some seconds."""
    devtools = page.context.new_cdp_session(page)
    limits = {
        "offline": False,
        "latency": 0,
        "downloadThroughput": -1,
        "uploadThroughput": bytes_per_second,
    }
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", limits)


def _wait_for_completion(page: UploadPage, site: LiveSite, upload: Upload) -> None:
    """Wait until gunicorn has logged the last call. It logs after the answer."""
    page.wait_until(lambda: f"{upload.pk}/complete" in site.access_log.read_text())


def _tail(log: Path, start: int) -> list[str]:
    return log.read_bytes()[start:].decode().splitlines()


def _request_bytes(log: Path, start: int) -> list[int]:
    lines = (json.loads(line) for line in _tail(log, start) if line.startswith("{"))
    return [line["request_bytes"] for line in lines if "request_bytes" in line]


def _resident_mib(site: LiveSite) -> float:
    """Return the resident memory of gunicorn and its workers."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, check=True
    )
    rows = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    return sum(rss for pid, ppid, rss in rows if site.process.pid in (pid, ppid)) / 1024
