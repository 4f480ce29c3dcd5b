"""On the demo site, the sweeper does a long inspection, and requests do not wait."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator

import pytest

from tests.demo.people import Person
from tests.demo.sites import Demo, wait_until
from tests.support.archives import packed

PHOTOS = 5_000
PHOTO_BYTES = 14_000
"""Together, these files exceed the budget of one request."""

LONGEST_SECONDS = 60
"""The limit for one small file. About a tenth of a second is usual."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    site = Demo.on_free_ports(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    site.end()


def album() -> bytes:
    photo = b"\xff\xd8\xff\xe0" + bytes(PHOTO_BYTES)
    photos = [(f"IMG_{number:04}.jpg", photo) for number in range(PHOTOS)]
    return packed(*photos, compression=zipfile.ZIP_STORED)


def test_long_inspection_does_not_delay_uploads(demo: Demo) -> None:
    person = Person.log_in(demo, "demo")
    other = Person.log_in(demo, "admin")
    large = person.send(album(), "album.zip")

    assert person.complete(large)["state"] == "inspecting"

    for sender in (person, other):
        for number in range(5):
            started = time.monotonic()
            small = sender.send(b"a few words", f"{number}.txt")
            assert sender.complete(small)["state"] == "ready"
            assert time.monotonic() - started < LONGEST_SECONDS
    wait_until(lambda: person.state_of(large) != "inspecting")
    facts = person.call("GET", f"/uploads/{large}")
    assert (facts["state"], facts["rejected_reason"]) == ("ready", None)
