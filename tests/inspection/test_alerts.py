"""Check whether clamd reports content over its limits.

If it does not, its answer OK does not prove that the content is harmless.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.clamd import ClamdServer
from tests.support.inspectors import sample_of
from uploads.errors import InspectorUnavailable
from uploads.inspection.antivirus import ClamAVInspector


@pytest.fixture
def clamd_without_alerts(tmp_path: Path) -> Iterator[ClamdServer]:
    """Yield a clamd that answers OK for content over its limits, as by default."""
    server = ClamdServer(tmp_path, alerts=False)
    try:
        server.start()
        yield server
    finally:
        server.close()


def test_clamd_with_alerts_scans_large_content(clamd_server: ClamdServer) -> None:
    clamd_server.start()
    asked = ClamAVInspector(url=clamd_server.url, unalerted_bytes=3)

    assert asked.inspect(sample_of(b"four")).accepted


def test_large_content_waits_if_clamd_reports_no_alerts(
    clamd_without_alerts: ClamdServer,
) -> None:
    asked = ClamAVInspector(url=clamd_without_alerts.url, unalerted_bytes=3)

    assert asked.inspect(sample_of(b"two")).accepted
    with pytest.raises(InspectorUnavailable, match="Set AlertExceedsMax yes"):
        asked.inspect(sample_of(b"four"))
