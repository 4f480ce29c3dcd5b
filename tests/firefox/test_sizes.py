"""Files of all sizes arrive unchanged."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.models import User

from tests.browser.files import MIB, quota_of, random_file, sha256, stored_objects
from tests.faults.parts import stored_parts
from tests.support.live_site import SMALL_PART
from tests.webdriver.proxies import BrowserProxies
from tests.webdriver.stored import ready, stored_sha256
from tests.webdriver.upload_page import UploadPage
from uploads.models import Upload
from uploads.states import State

LARGE = 100 * MIB
SIZES = {
    "empty.bin": 0,
    "one byte.bin": 1,
    "one part exactly.bin": SMALL_PART,
    "one byte more.bin": SMALL_PART + 1,
}


def test_files_of_all_sizes_arrive_together(
    upload_page: UploadPage, person: User, proxies: BrowserProxies, tmp_path: Path
) -> None:
    files = [random_file(tmp_path, name, size) for name, size in SIZES.items()]

    upload_page.upload(*files)

    upload_page.expect_names_in_any_order(list(SIZES))
    for file in files:
        upload_page.expect_ready(file.name)
        assert stored_sha256(ready(person, file.name)) == sha256(file), file.name
    assert sorted(stored_objects(person).values()) == sorted(SIZES.values())
    assert quota_of(person) == (sum(SIZES.values()), 0, len(SIZES), 0)
    assert dict(stored_parts(proxies.storage)) == {1: 1, 2: 1}


def test_large_file_arrives_in_parts(
    upload_page: UploadPage, person: User, proxies: BrowserProxies, tmp_path: Path
) -> None:
    film = random_file(tmp_path, "film.bin", LARGE)

    upload_page.upload(film)

    part_count = ready(person, "film.bin").part_count
    assert dict(stored_parts(proxies.storage)) == dict.fromkeys(
        range(1, part_count + 1), 1
    )
    assert stored_sha256(ready(person, "film.bin")) == sha256(film)
    assert quota_of(person) == (LARGE, 0, 1, 0)


def test_changed_small_files_are_never_stored_with_bytes_of_their_neighbours(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    """One file becomes longer and the next one shorter, so their sum stays the same."""
    files = [random_file(tmp_path, f"{n}.bin", 1000) for n in range(4)]
    upload_page.choose(*files)
    upload_page.wait_until_chosen(4)
    chosen = {file.name: sha256(file) for file in files}
    files[1].write_bytes(files[1].read_bytes() + b"x" * 10)
    files[2].write_bytes(files[2].read_bytes()[:-10])

    upload_page.start()
    upload_page.wait_for_heading("1 file not stored")
    for name in ("0.bin", "1.bin", "3.bin"):
        upload_page.expect_ready(name)

    assert {
        upload.filename: stored_sha256(upload)
        for upload in Upload.objects.filter(owner=person, state=State.READY)
        if stored_sha256(upload) != chosen[upload.filename]
    } == {}


def test_deleted_files_are_named_and_other_files_arrive(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    small, kept = (random_file(tmp_path, name, 1000) for name in ("a.bin", "b.bin"))
    large = random_file(tmp_path, "film.bin", 20 * MIB)
    upload_page.choose(small, kept, large)
    upload_page.wait_until_chosen(3)
    small.unlink()
    large.unlink()

    upload_page.start()
    upload_page.wait_for_heading("2 files not stored")

    upload_page.expect_ready("b.bin")
    words = upload_page.window.text("main")
    assert words.count("because it was changed, moved or deleted") == 2, words
    assert stored_sha256(ready(person, "b.bin")) == sha256(kept)
