"""Fail tests that log a secret: signatures, tokens, sessions, passwords, keys.

This plugin is always active. After each test, it searches the log records, the output and
the new lines in the servers' logs. At the end of the run, it searches all remaining
`*.log` files, because some servers outlive their test. The logs of the S3 server and of
PostgreSQL are not searched, because our code does not write them.

A test that shows a secret on purpose needs `@pytest.mark.shows_secrets(reason="...")`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

PATTERNS = {
    "a signature": r"x-amz-signature(?:\W{1,6}|%3D)[0-9a-f]{16,}",
    "a session of AWS": r"x-amz-security-token(?:\W{1,6}|%3D)[\w+/%-]{16,}",
    "a signed form": r"\bpolicy\W{1,6}eyJ[\w+/-]{8,}",
    "an API token": r"\bslipway_(?=\w*[A-Z0-9-])[\w-]{40,}",
    "an Authorization header": r"authorization\W{1,6}(?:bearer|basic|token)\s+[\w+/=-]{8,}",
    "a cookie": r"\b(?:sessionid|csrftoken)\W{1,3}\w{20,}",
    "a form's token": r"csrfmiddlewaretoken\W{1,6}\w{20,}",
    "a link to a new password": r"/reset/\w+/[0-9a-z]{5,8}-[0-9a-f]{16,}",
    "a password's hash": r"\b(?:md5|pbkdf2_sha256)\$[\w$+/=]{16,}",
}
SIGNS = (
    *("x-amz-signature", "x-amz-security-token", "policy", "slipway_", "authorization"),
    *("sessionid", "csrftoken", "csrfmiddlewaretoken", "/reset/", "md5$", "sha256$"),
)
"""Every text that matches a pattern contains one of these words."""
KINDS = {f"kind{number}": kind for number, kind in enumerate(PATTERNS)}
PASSWORDS = ("correct horse battery", "another horse battery", "staple harbour crane")
MIN_SECRET = 16
"""Shorter configured secrets are not searched. They are ordinary words, such as "testing"."""

_offsets: dict[Path, int] = {}


def watch(log: Path) -> None:
    """Search the new lines of ``log`` after each test from now on."""
    _offsets.setdefault(log, 0)


def search(text: str, literals: Iterable[str] = ()) -> list[str]:
    """Return a line for each secret in ``text``, with the secret masked."""
    words = (*PASSWORDS, *literals)
    lowered = text.lower()
    # This quick check is enough for most texts and a hundred times faster.
    if not any(sign.lower() in lowered for sign in (*SIGNS, *words)):
        return []
    hits = []
    for match in _expression(words).finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        before = text[max(start, match.start() - 120) : match.start()]
        kind = next(
            (KINDS[name] for name, hit in match.groupdict().items() if hit),
            "a configured secret",
        )
        hits.append(f"{kind}: {before}{match[0][:6]}[masked]")
    return hits


@cache
def _expression(literals: tuple[str, ...]) -> re.Pattern[str]:
    groups = [f"(?P<{group}>{PATTERNS[kind]})" for group, kind in KINDS.items()]
    return re.compile("|".join([*groups, *map(re.escape, literals)]), re.IGNORECASE)


def configured_secrets() -> tuple[str, ...]:
    """Return the secrets in the settings of the tests."""
    from django.conf import settings

    found = {settings.SECRET_KEY, settings.S3_NOTIFICATIONS_SECRET}
    storages: dict[str, Any] = settings.STORAGES
    for storage in storages.values():
        found |= {
            storage.get("OPTIONS", {}).get(name)
            for name in ("secret_key", "security_token")
        }
    return tuple(sorted(word for word in found if word and len(word) >= MIN_SECRET))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "shows_secrets(reason): this test is about a secret that is shown"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("shows_secrets"):
            if not mark.kwargs.get("reason"):
                raise pytest.UsageError(f"{item.nodeid}: shows_secrets needs a reason.")


# As the innermost wrapper, this hook changes the report before other plugins read it.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if item.get_closest_marker("shows_secrets"):
        # Skip these lines now, so that the search at the end of the run ignores them.
        for log in _logs_of(item):
            _new_text(log)
        return report
    if report.when != "teardown":
        return report
    written = [content for _, content in report.sections]
    written += [text for log in _logs_of(item) if (text := _new_text(log))]
    hits = search("\n".join(written), configured_secrets())
    if hits:
        report.outcome = "failed"
        report.longrepr = "A secret was logged:\n" + "\n".join(dict.fromkeys(hits))
        report.sections.clear()
    return report


@pytest.fixture(scope="session", autouse=True)
def _no_secrets_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Search the remaining log files at the end of the run."""
    yield
    logs = sorted(logs_in(tmp_path_factory.getbasetemp()))
    hits = [
        f"{log.name}, {hit}"
        for log in logs
        for hit in search(_new_text(log), configured_secrets())
    ]
    if hits:
        pytest.fail(
            "A secret was logged:\n" + "\n".join(dict.fromkeys(hits)), pytrace=False
        )


def _logs_of(item: pytest.Item) -> list[Path]:
    own: Any = getattr(item, "funcargs", {}).get("tmp_path")
    found = logs_in(own) if own else []
    return [*{*found, *_offsets}]


def logs_in(folder: Path) -> list[Path]:
    """Return the log files below ``folder``.

    A browser that is ending may delete folders of its profile during the search.
    ``os.walk`` skips such folders, but ``Path.rglob`` would raise FileNotFoundError.
    """
    return [
        Path(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if name.endswith(".log")
    ]


def _new_text(log: Path) -> str:
    """Return the text that was added to ``log`` since the last call."""
    try:
        with log.open("rb") as file:
            file.seek(_offsets.get(log, 0))
            added = file.read()
            _offsets[log] = file.tell()
    except OSError:
        return ""
    return added.decode("utf-8", "replace")
