"""The package for Lambda is small enough, complete and self-sufficient."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.lambda_package import LIMIT_BYTES, build, interpreter
from tests.plugins.no_secrets import watch
from tests.serverless.functions import body_of, http_event, running
from tests.support.live_site import LiveSite

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = sys.implementation.cache_tag
HOST = {"host": "localhost", "accept-encoding": "identity"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package = tmp_path_factory.mktemp("package") / "lambda.zip"
    assert build(package, architecture="x86_64", python=PYTHON) < LIMIT_BYTES
    return package


def test_unpacked_package_answers_without_other_packages(
    package: Path,
    site_environment: dict[str, str],
    live_site: LiveSite,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "task"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    log = tmp_path / "function.log"
    watch(log)
    environment = {
        **site_environment,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "STATIC_ROOT": str(folder / "static_root"),
    }

    with running(
        "config.serverless.web.handler", environment, log, package=folder
    ) as web:
        health = web.call(http_event("GET", "/healthz", headers=HOST))
        page = web.call(http_event("GET", "/accounts/login/", headers=HOST))
        styles = re.search(r'href="(/static/[^"]+\.css)"', page["body"])
        assert styles
        static = web.call(http_event("GET", styles[1], headers=HOST))

    assert health["statusCode"] == 200
    assert page["statusCode"] == 200
    assert static["statusCode"] == 200
    assert len(body_of(static)) > 1_000


def test_package_has_no_development_code(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()

    assert "config/serverless/web.py" in names
    assert [name for name in names if name.startswith(("uploads/dev/", "tests/"))] == []
    assert [name for name in names if "/gunicorn/" in f"/{name}"] == []


def test_package_has_byte_code_of_every_module(package: Path) -> None:
    # A function cannot write byte-code, so without it each cold start would compile the
    # whole site.
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
    modules = {Path(name) for name in names if name.endswith(".py")}
    assert len(modules) > 1000

    lacking = [
        str(module)
        for module in modules
        if f"{module.parent}/__pycache__/{module.stem}.{TAG}.pyc".removeprefix("./")
        not in names
    ]

    assert lacking == []


def test_byte_code_is_valid_for_any_modification_time(
    package: Path,
) -> None:
    name = f"config/__pycache__/urls.{TAG}.pyc"
    with zipfile.ZipFile(package) as archive:
        code = archive.read(name)

    assert (
        int.from_bytes(code[4:8], "little") == 0b01
    )  # hash-based, without a check of the source


def test_missing_python_version_is_named() -> None:
    with pytest.raises(SystemExit, match=r"needs Python 9\.9, which is not installed"):
        interpreter("9.9")
