"""SeaweedFS behind nginx with TLS, configured correctly and with common mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.doctor.conftest import WITHOUT_SITE, Site, configure_cors
from tests.support.nginx import PASS_ALL, Nginx
from uploads.s3 import wire
from uploads.s3.bucket import get_bucket

pytestmark = pytest.mark.django_db

PAGE = "https://files.example.com"
StartNginx = Callable[..., Nginx]


@pytest.fixture
def behind_nginx(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StartNginx]:
    """Let browsers and the server use S3 through nginx, with a trusted certificate."""
    with ExitStack() as stack:

        def start(*, is_trusted: bool = True, **blocks: str) -> Nginx:
            nginx = stack.enter_context(
                Nginx(tmp_path, target=site.server.port, **blocks)  # type: ignore[arg-type]
            )
            if is_trusted:
                monkeypatch.setenv("AWS_CA_BUNDLE", str(nginx.certificate))
            _forget_connections()
            site.settings.CSRF_TRUSTED_ORIGINS = [PAGE]
            configure_cors(get_bucket(), [PAGE])
            site.settings.S3_PUBLIC_ENDPOINT_URL = nginx.url
            site.use(endpoint_url=nginx.url)
            site.name_in_policy("'self'", nginx.url)
            return nginx

        yield start
    monkeypatch.undo()
    _forget_connections()


def _forget_connections() -> None:
    wire._context.cache_clear()
    wire._pool.cache_clear()


def only_problem(site: Site, *families: str) -> tuple[str, str]:
    """Return name and text of the only finding."""
    found = site.problems(*(families or WITHOUT_SITE))
    assert len(found) == 1, {name: str(each.fact) for name, each in found.items()}
    (name, finding) = next(iter(found.items()))
    return name, f"{finding.fact} {finding.fix}"


def test_correct_nginx_has_no_finding(site: Site, behind_nginx: StartNginx) -> None:
    behind_nginx()

    assert site.problems(*WITHOUT_SITE) == {}


def test_untrusted_certificate_is_reported(
    site: Site, behind_nginx: StartNginx
) -> None:
    behind_nginx(is_trusted=False)

    name, words = only_problem(site, "connection")

    assert name == "connection.tls"
    assert "AWS_CA_BUNDLE" in words


def test_body_limit_of_nginx_is_reported(site: Site, behind_nginx: StartNginx) -> None:
    """nginx accepts 1 MiB by default."""
    behind_nginx(server=PASS_ALL.replace("client_max_body_size 0;", ""))

    name, words = only_problem(site)

    assert "client_max_body_size" in words, (name, words)


def test_changed_host_header_is_reported(site: Site, behind_nginx: StartNginx) -> None:
    behind_nginx(passed_host="s3.internal")

    name, words = only_problem(site, "connection")

    assert "Host" in words, (name, words)


def test_cors_headers_added_by_nginx_are_reported(
    site: Site, behind_nginx: StartNginx
) -> None:
    behind_nginx(location='add_header Access-Control-Allow-Origin "*" always;')

    name, words = only_problem(site)

    assert name == "cors.preflight.multiple"
    assert "Configure the proxy not to add these headers" in words


def test_preflights_answered_by_nginx_are_reported(
    site: Site, behind_nginx: StartNginx
) -> None:
    behind_nginx(location="if ($request_method = OPTIONS) { return 405; }")

    name, words = only_problem(site)

    assert name == "cors.preflight.not_passed_on"
    assert "pass OPTIONS requests" in words


def test_signed_header_removed_by_nginx_is_reported(
    site: Site, behind_nginx: StartNginx
) -> None:
    behind_nginx(location='proxy_set_header If-None-Match "";')

    name, words = only_problem(site)

    assert name == "contract.put.right.header_changed"
    assert "pass the header If-None-Match unchanged" in words


def test_path_added_by_nginx_is_reported(site: Site, behind_nginx: StartNginx) -> None:
    behind_nginx(location="rewrite ^(.*)$ /storage$1 break;")

    name, words = only_problem(site, "connection")

    assert "path" in words, (name, words)
