"""Whether a real clamd says what it leaves out, which decides what its OK is worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.clamd import ClamdServer
from tests.support.inspectors import sample_of
from uploads.errors import InspectorUnavailable
from uploads.inspection.antivirus import ClamAVInspector


@pytest.fixture
def silent_clamd(tmp_path: Path) -> Iterator[ClamdServer]:
    """A clamd as it is by default: what exceeds its limits is clean to it."""
    server = ClamdServer(tmp_path, alerts=False)
    try:
        server.start()
        yield server
    finally:
        server.close()


def test_a_clamd_with_alerts_is_known_by_them(clamd_server: ClamdServer) -> None:
    clamd_server.start()
    asked = ClamAVInspector(url=clamd_server.url, unalerted_bytes=3)

    assert asked.inspect(sample_of(b"four")).accepted


def test_a_clamd_without_gets_nothing_large(silent_clamd: ClamdServer) -> None:
    asked = ClamAVInspector(url=silent_clamd.url, unalerted_bytes=3)

    assert asked.inspect(sample_of(b"two")).accepted
    with pytest.raises(InspectorUnavailable, match="Set AlertExceedsMax yes"):
        asked.inspect(sample_of(b"four"))
