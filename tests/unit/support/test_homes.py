"""The temporary folders of test servers have short paths."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from tests.plugins.homes import new_home


def test_socket_path_is_short_enough_for_any_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("long-" * 20)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))

    home = new_home("slipway-a-rather-long-prefix-")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / ".s.PGSQL.5432"))
    shutil.rmtree(home)
