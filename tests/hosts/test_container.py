"""The container image, built and run with restrictions, but without Docker."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.dockerfile import Stage, built, instructions
from tests.hosts.pages import TUTORIALS
from tests.hosts.sandbox import ROOT, SandboxError, copy_of_the_tree
from uploads import __version__
from uploads.dev.ports import HOST, free_ports
from uploads.dev.s3_server import S3Server

SITE = "files.example.com"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    context = tmp_path_factory.mktemp("image") / "context"
    copy_of_the_tree(context)
    with built(context, {"VERSION": __version__}) as stage:
        yield stage


@pytest.fixture(scope="module")
def variables(s3_server: S3Server) -> dict[str, str]:
    """Return the container's variables. The image sets some more."""
    return {
        **s3_server.environment(),
        "SECRET_KEY": "a secret key that only this test knows " * 2,
        "ALLOWED_HOSTS": SITE,
        "DATABASE_URL": "sqlite:////data/db.sqlite3",
        "DATA_DIR": "/data",
        "BEHIND_TLS_PROXY": "true",
        "TRUSTED_PROXY_COUNT": "1",
        "PORT": str(free_ports(1)[0]),
    }


@pytest.fixture(scope="module")
def port(
    image: Stage, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Start the container after a migration by the image, and yield its port."""
    log = tmp_path_factory.mktemp("container") / "log"
    image.run(["python", "manage.py", "migrate", "--verbosity", "0"], variables)
    process = image.start(image.command, variables, log)
    port = int(variables["PORT"])
    for _ in range(1200):
        if process.poll() is not None or _answers(port):
            break
        time.sleep(0.1)
    assert process.poll() is None, log.read_text()
    yield port
    process.terminate()
    process.wait(60)


def test_image_names_its_version(image: Stage) -> None:
    assert image.labels["org.opencontainers.image.version"] == __version__


def test_container_is_healthy_and_reaches_its_bucket(
    image: Stage, variables: dict[str, str], port: int
) -> None:
    image.run(
        image.health_command, variables
    )  # this call raises if the health check fails

    assert get(port, "/healthz")[0] == 200
    assert get(port, "/readyz")[0] == 200


def test_health_check_fails_when_no_server_listens(
    image: Stage, variables: dict[str, str]
) -> None:
    silent = {**variables, "PORT": str(free_ports(1)[0])}

    with pytest.raises(SandboxError, match="The site does not answer"):
        image.run(image.health_command, silent)


def test_pages_and_static_files_are_served(port: int) -> None:
    status, body = get(port, "/accounts/login/")
    assert status == 200
    for kind in ("css", "js"):
        found = re.search(rf'(?:href|src)="(/static/[^"]+\.{kind})"', body)
        assert found
        assert get(port, found[1])[0] == 200


def test_container_can_write_only_to_its_volumes(
    image: Stage, variables: dict[str, str]
) -> None:
    for path in ("/srv/slipway/a", "/opt/venv/a", "/etc/a", "/root/a"):
        with pytest.raises(SandboxError, match=r"Read-only|Permission denied"):
            image.run(["touch", path], variables)
    image.run(["touch", "/tmp/a", "/data/a"], variables)  # noqa: S108
    assert image.run(["id", "-u"], variables).strip() == "10001"


def test_image_has_no_development_code_and_no_secret(image: Stage) -> None:
    site = image.sandbox.files / "srv" / "slipway"
    names = {path.relative_to(site).parts[0] for path in site.iterdir()}

    assert names == {
        *("config", "manage.py", "static", "static_root", "templates", "uploads")
    }
    assert not (site / "uploads" / "dev").exists()
    assert not (site / "static" / "js").exists()
    assert not any(
        name.endswith(("KEY", "SECRET", "PASSWORD")) for name in image.environment
    )


def test_container_without_variables_names_the_missing_ones(
    image: Stage,
) -> None:
    with pytest.raises(SandboxError, match="SECRET_KEY, ALLOWED_HOSTS, S3_BUCKET"):
        image.run(image.command, {})


def test_image_prints_the_policies_of_the_tutorial(image: Stage) -> None:
    page = (TUTORIALS / "container.md").read_text()
    [line] = re.findall(r"^docker run .*iam_policy$", page, re.MULTILINE)
    options, command = line.split(" slipway ")
    given = dict(re.findall(r"--env (\w+)=(\S+)", options))

    output = image.run(command.split(), given)

    assert "arn:aws:s3:::my-bucket/uploads/*" in output
    assert output.count('"Version": "2012-10-17"') == 3


def test_continued_lines_and_comments_are_parsed_like_docker() -> None:
    found = instructions("# a\nRUN one && \\\n    # b\n    two\n\nUSER 1:1\n")

    assert [(each.name, each.text) for each in found] == [
        ("RUN", "one && two"),
        ("USER", "1:1"),
    ]


def test_variables_of_the_image_are_documented() -> None:
    settings = (ROOT / "docs" / "settings.md").read_text()
    gunicorn = (ROOT / "config" / "gunicorn.py").read_text()
    for name in ("DEBUG", "STATIC_ROOT"):
        assert f"`{name}`" in settings
    for name in ("WEB_CONCURRENCY", "WEB_THREADS"):
        assert name in gunicorn


def _answers(port: int) -> bool:
    try:
        return get(port, "/healthz")[0] == 200
    except OSError:
        return False


def get(port: int, path: str) -> tuple[int, str]:
    """Send a request as the proxy in front of the container does."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request(
            *("GET", path),
            headers={
                "Host": SITE,
                "X-Forwarded-Proto": "https",
                "X-Forwarded-For": "203.0.113.7",
            },
        )
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


def test_build_context_has_only_files_in_git(tmp_path: Path) -> None:
    copy_of_the_tree(tmp_path / "tree")

    assert (tmp_path / "tree" / "manage.py").is_file()
    assert not (tmp_path / "tree" / "node_modules").exists()
