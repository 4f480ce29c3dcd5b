"""All pages and error pages have the security headers, for all kinds of people."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.conf import settings as site
from django.contrib.auth.models import User
from django.test import Client

from tests.support.builders import make_ready
from tests.support.routes import all_paths
from tests.support.static_files import collected
from tests.unit.test_settings import PRODUCTION, ROOT
from uploads.http.headers import static_headers
from uploads.lifecycle import quota
from uploads.s3.bucket import Bucket

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.slow

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Reporting-Endpoints": 'csp="/csp-reports"',
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "worker-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "report-uri": "/csp-reports",
}
TRUSTED_TYPES = {
    "require-trusted-types-for": "'script'",
    "trusted-types": "slipway-worker",
}
PASSWORD = "correct horse battery"


def policy_of(answer: Any) -> dict[str, str]:
    directives = answer["Content-Security-Policy"].split(";")
    return {
        name: sources
        for name, _, sources in (item.strip().partition(" ") for item in directives)
    }


def missing(answer: Any, *, trusted_types: bool = True) -> dict[str, Any]:
    """Return the missing or wrong headers of the answer, with their values."""
    lacks: dict[str, Any] = {
        name: answer.headers.get(name)
        for name, value in ALWAYS.items()
        if answer.headers.get(name) != value
    }
    if "camera=()" not in answer.headers.get("Permissions-Policy", ""):
        lacks["Permissions-Policy"] = answer.headers.get("Permissions-Policy")
    if "no-store" not in answer.headers.get("Cache-Control", ""):
        lacks["Cache-Control"] = answer.headers.get("Cache-Control")
    if "Content-Security-Policy" not in answer.headers:
        return {**lacks, "Content-Security-Policy": None}
    policy = policy_of(answer)
    for name, value in {**POLICY, **(TRUSTED_TYPES if trusted_types else {})}.items():
        if policy.get(name) != value:
            lacks[f"CSP {name}"] = policy.get(name)
    if "*" in answer["Content-Security-Policy"] or "unsafe" in str(policy):
        lacks["CSP"] = answer["Content-Security-Policy"]
    return lacks


@pytest.fixture(params=["stranger", "member", "operator"])
def person(request: pytest.FixtureRequest, db: None) -> User | None:
    if request.param == "stranger":
        return None
    is_operator = request.param == "operator"
    return User.objects.create_user(
        request.param, is_staff=is_operator, is_superuser=is_operator
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_path_has_the_headers(
    bucket: Bucket, person: User | None, method: str
) -> None:
    paths = all_paths()
    assert len(paths) > 60, "The test has found too few paths to prove anything."
    browser = Client(raise_request_exception=False)

    lacking = {}
    for path in paths:
        session = browser.cookies.get(site.SESSION_COOKIE_NAME)
        if person and not (
            session and session.value
        ):  # a request to one of the paths logs out
            browser.force_login(person)
        answer = browser.generic(method, f"/{path}")
        answer.close()  # an open stream would delay the next requests
        lacks = missing(answer, trusted_types=not path.startswith("admin/"))
        if lacks:
            lacking[path] = (answer.status_code, lacks)

    assert lacking == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "path", "options"),
    [
        (400, "/", {"headers": {"Host": "evil.example"}}),
        (400, "/api/v1/me", {"headers": {"Host": "evil.example"}}),
        (404, "/nowhere", {}),
        (404, "/api/v1/nowhere", {}),
        (404, "/static/nowhere.js", {}),
        (405, "/hooks/s3", {"method": "PUT"}),
        (405, "/csp-reports", {}),
        (401, "/api/v1/me", {}),
        (403, "/accounts/login/", {"method": "POST"}),
        (413, "/", {"method": "POST", "CONTENT_LENGTH": "99999999"}),
        (413, "/api/v1/uploads", {"method": "POST", "CONTENT_LENGTH": "99999999"}),
    ],
    ids=str,
)
def test_errors_have_the_headers(
    settings: Settings, status: int, path: str, options: dict[str, Any]
) -> None:
    settings.S3_NOTIFICATIONS_SECRET = "a shared secret"
    browser = Client(enforce_csrf_checks=True)

    answer = browser.generic(options.pop("method", "GET"), path, **options)

    assert answer.status_code == status
    assert missing(answer) == {}


@pytest.mark.parametrize("path", ["/", "/api/v1/me"])
def test_internal_error_has_the_headers_and_no_details(
    django_user_model: Any, db: None, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("an internal detail")

    monkeypatch.setattr(quota, "usage", fail)
    browser = Client(raise_request_exception=False)
    browser.force_login(django_user_model.objects.create_user("member"))

    answer = browser.get(path)

    assert answer.status_code == 500
    assert missing(answer) == {}
    text = answer.content.decode()
    for inside in (
        "internal detail",
        "RuntimeError",
        "Traceback",
        "uploads",
        ".py",
    ):
        assert inside not in text.replace("/api/v1/uploads", "")


@pytest.mark.django_db
def test_rate_limited_login_has_the_headers(bucket: Bucket) -> None:
    User.objects.create_user("member", password=PASSWORD)
    form = {"username": "member", "password": "wrong"}

    with time_machine.travel(datetime.now(UTC), tick=False):
        answers = [Client().post("/accounts/login/", form) for _ in range(6)]

    assert answers[-1].status_code == 429
    assert missing(answers[-1]) == {}


# Django closes old database connections at the end of each request.
@pytest.mark.django_db
def test_static_file_has_a_policy_that_permits_nothing() -> None:
    answer = Client().get("/static/img/mark.svg")
    answer.close()

    assert answer.status_code == 200
    assert "no-store" not in answer["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in answer
    assert policy_of(answer) == {"default-src": "'none'", "frame-ancestors": "'none'"}
    lacking = missing(answer).keys()
    assert {name for name in lacking if not name.startswith("CSP ")} == {
        "Cache-Control"
    }


@pytest.mark.django_db
def test_download_redirect_has_the_headers(
    bucket: Bucket, django_user_model: Any
) -> None:
    # The headers of the redirect apply to the next request, so no referrer is sent to
    # the bucket.
    owner = django_user_model.objects.create_user("member")
    upload = make_ready(bucket, owner)
    browser = Client()
    browser.force_login(owner)

    answer = browser.get(f"/api/v1/uploads/{upload.pk}/download")

    assert answer.status_code == 302
    assert "X-Amz-Signature" in answer["Location"]
    assert missing(answer) == {}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/logout/", "/admin/logout/"])
def test_logout_clears_the_browsers_storage(django_user_model: Any, path: str) -> None:
    browser = Client()
    browser.force_login(
        django_user_model.objects.create_superuser("operator", password=PASSWORD)
    )
    before = browser.get("/")

    answer = browser.post(path)

    assert "Clear-Site-Data" not in before
    # The header has no "cookies", because this value would clear the cookies of all
    # sites under the domain.
    assert answer["Clear-Site-Data"] == '"storage"'
    assert "Clear-Site-Data" not in browser.get("/")


@pytest.mark.django_db
def test_expired_session_keeps_the_browsers_storage() -> None:
    # After the next login, the person can continue the uploads.
    browser = Client()
    browser.cookies[site.SESSION_COOKIE_NAME] = "ended"

    assert "Clear-Site-Data" not in browser.get("/")


OVER_HTTPS = """
import json, django
django.setup()
from django.conf import settings
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
from django.core.management import call_command
from django.contrib.auth.models import User
from django.test import Client
call_command("migrate", verbosity=0)
User.objects.create_user("member", password="correct horse battery")
browser = Client(headers={"Host": "files.example.com"})
plain = browser.get("/")
health = browser.get("/healthz")
login = browser.get("/accounts/login/", secure=True)
form = {"username": "member", "password": "correct horse battery"}
browser.post("/accounts/login/", form, secure=True)
home = browser.get("/", secure=True)
print(json.dumps({
    "plain": [plain.status_code, plain["Location"]],
    "health": health.status_code,
    "statuses": [login.status_code, home.status_code],
    "hsts": home["Strict-Transport-Security"],
    "policy": home["Content-Security-Policy"],
    "cookies": {name: dict(cookie) for name, cookie in browser.cookies.items()},
}))
"""


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return headers and cookies of the site with production settings over HTTPS."""
    home = tmp_path_factory.mktemp("production")
    done = subprocess.run(
        [sys.executable, "-c", OVER_HTTPS],
        cwd=ROOT,
        env={
            **PRODUCTION,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PATH": os.environ["PATH"],
            "DATABASE_URL": f"sqlite:///{home / 'db.sqlite3'}",
            "DATA_DIR": str(home),
            "STATIC_ROOT": str(collected()),
            "LOG_LEVEL": "ERROR",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def test_production_sends_hsts_for_a_year(production: dict[str, Any]) -> None:
    assert production["plain"] == [301, "https://files.example.com/"]
    assert production["health"] == 200
    assert production["statuses"] == [200, 200]
    assert production["hsts"] == "max-age=31536000; includeSubDomains; preload"
    assert "report-to csp" in production["policy"]


@pytest.mark.parametrize("name", ["__Host-sessionid", "__Host-csrftoken"])
def test_production_cookies_are_secure_and_for_this_host_only(
    production: dict[str, Any], name: str
) -> None:
    cookie = production["cookies"][name]

    assert cookie["secure"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert bool(cookie["httponly"]) is (name == "__Host-sessionid")


def test_templates_load_nothing_from_other_sites() -> None:
    # The site serves all scripts, styles and fonts itself, and uses no CDN.
    sources = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("static/css/*.css")]
    assert len(sources) > 30
    loading = re.compile(
        r"""<(?:script|link|img|iframe|video|audio|source|object|embed|use)\b[^>]*"""
        r"""(?:src|href|srcset|data)\s*=\s*["'](?:https?:)?//|url\(["']?(?:https?:)?//"""
        r"""|@import\s+["'](?:https?:)?//""",
        re.IGNORECASE,
    )

    assert loading.search('<script defer src="//cdn.example/x.js">')
    assert loading.search("src: url(https://fonts.example/x.woff2)")
    assert [str(path) for path in sources if loading.search(path.read_text())] == []


def test_templates_have_no_inline_scripts_and_styles() -> None:
    # The policy has no 'unsafe-inline', so browsers would not run inline scripts.
    inline = re.compile(
        r"<style|\sstyle=|\son\w+=|=.javascript:|<script(?![^>]*\bsrc=)", re.IGNORECASE
    )

    assert inline.search("<script>x()</script>")
    found = [
        p for p in ROOT.glob("templates/**/*.html") if inline.search(p.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("checksum", "url", "is_allowed"),
    [
        ("crc64nvme", "/static/build/checksum-worker.1a2b3c.js", True),
        ("crc64nvme", "/static/build/checksum-worker.js", True),
        ("crc64nvme", "/static/build/thumbnail-worker.js", False),
        ("crc64nvme", "/static/build/main.js", False),
        ("sha256", "/static/build/checksum-worker.js", False),
    ],
)
def test_only_the_checksum_worker_with_crc64nvme_may_use_webassembly(
    settings: Any, checksum: str, url: str, is_allowed: bool
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": checksum}
    headers: dict[str, str] = {}

    static_headers(headers, "path", url)

    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; frame-ancestors 'none'")
    assert ("script-src 'wasm-unsafe-eval'" in policy) == is_allowed
    assert "'unsafe-eval'" not in policy
