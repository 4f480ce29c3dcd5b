"""The commands doctor and setup_bucket, from an empty server to a correct site."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from botocore.client import BaseClient
from django.core.management import CommandError, call_command
from urllib3 import PoolManager

from tests.doctor.conftest import SITE, WITHOUT_SITE, Site
from uploads.doctor import families
from uploads.doctor.results import Finding, Status
from uploads.s3.bucket import Bucket, get_bucket
from uploads.s3.bucket_config import setup_bucket
from uploads.s3.requesting import ObjectRequests
from uploads.upkeep.auditing import audit

pytestmark = pytest.mark.django_db

KILL_INTERVAL = 12
"""One run of the test kills a doctor at every twelfth request to S3."""


CLIENTS: tuple[tuple[Any, str], ...] = (
    (BaseClient, "_make_api_call"),
    (ObjectRequests, "send"),
    (PoolManager, "request"),
)


class Killed(BaseException):
    """Ends the doctor in the same way as a kill of its process."""


@pytest.fixture
def fresh(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the name of a missing bucket, on a server with a setup identity."""
    for name, value in site.server.setup_environment().items():
        monkeypatch.setenv(name, value)
    name = f"slipway-{uuid.uuid4().hex[:8]}"
    client = setup_bucket().client
    site.settings.S3_BUCKET = name
    site.use(bucket_name=name)
    # The signer of this server may only put objects into one bucket.
    site.use(
        alias="uploads_signer",
        access_key=site.server.worker.access_key,
        secret_key=site.server.worker.secret_key,
    )
    site.settings.DEBUG = True
    yield name
    bucket = Bucket(client=client, name=name)
    for entry in bucket.list_objects(""):
        bucket.delete_object(entry.key)
    client.delete_bucket(Bucket=name)


def test_setup_turns_an_empty_server_into_a_correct_one(site: Site, fresh: str) -> None:
    setup_bucket().client.create_bucket(Bucket=fresh)

    before = site.problems(*WITHOUT_SITE)
    call_command("setup_bucket", "--apply", stdout=StringIO())
    after = site.problems(*WITHOUT_SITE)

    assert len(before) >= 8
    assert after == {}


def test_fix_creates_the_bucket_and_repairs_its_settings(
    site: Site, fresh: str
) -> None:
    out = StringIO()
    only = [word for name in WITHOUT_SITE for word in ("--only", name)]

    call_command("doctor", "--fix", "--json", *only, stdout=out)

    found = json.loads(out.getvalue())
    assert {each["status"] for each in found} <= {"OK", "NOTE", "SKIP"}
    assert found[0]["children"][0]["name"] == "connection.settings"


def test_fix_without_a_setup_identity_names_what_is_missing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    get_bucket().client.delete_bucket_cors(Bucket=get_bucket().name)

    with pytest.raises(CommandError, match="--fix: Slipway finds no credentials"):
        call_command("doctor", "--fix", "--only", "cors", stdout=StringIO())


def test_unreadable_settings_are_skipped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    found = site.findings("settings")

    assert {finding.status for finding in found} == {Status.SKIP}


@pytest.mark.parametrize(
    ("status", "code"), [(Status.NOTE, 0), (Status.WARN, 1), (Status.FAIL, 2)]
)
def test_exit_code_depends_on_the_worst_finding(
    monkeypatch: pytest.MonkeyPatch, status: Status, code: int
) -> None:
    def ask(_: Any) -> Any:
        yield Finding("x.y", "Something", status, "fact", "so", "do")

    family = families.Family("x", "X", ask)
    monkeypatch.setattr(families, "FAMILIES", (family,))
    out = StringIO()

    if code:
        with pytest.raises(SystemExit) as end:
            call_command("doctor", stdout=out, no_color=True)
        assert end.value.code == code
    else:
        call_command("doctor", stdout=out, no_color=True)

    assert f"{status.value} X" in out.getvalue()


def test_unknown_family_is_refused_with_the_known_families() -> None:
    with pytest.raises(
        CommandError, match=r"do not exist: weather\. The families are: connection"
    ):
        call_command("doctor", "--only", "weather")


@pytest.mark.parametrize("first", range(1, KILL_INTERVAL + 1, 6))
def test_killed_doctor_causes_no_finding_of_the_audit(
    site: Site, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = 0
    while is_killed(site, first + kills * KILL_INTERVAL, monkeypatch):
        kills += 1

    assert kills > 10


def is_killed(site: Site, step: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Kill a doctor at its request number ``step`` to S3, and audit the bucket.

    Returns False if the doctor made fewer requests.
    """
    calls = iter(range(1, 10_000))

    def until_killed(call: Any) -> Any:
        def counted(*arguments: Any, **rest: Any) -> Any:
            if next(calls) >= step:
                raise Killed
            return call(*arguments, **rest)

        return counted

    with monkeypatch.context() as patch:
        for owner, name in CLIENTS:
            patch.setattr(owner, name, until_killed(getattr(owner, name)))
        try:
            site.findings("connection", "credentials", "contract", "cors", "settings")
        except Killed:
            killed = True
        else:
            killed = False
    assert list(audit()) == [], (
        f"The audit found objects of a doctor that was killed at request {step}."
    )
    return killed


def test_doctor_checks_cors_for_the_sites_origin(site: Site) -> None:
    titles = [finding.title for finding in site.findings("cors")]

    assert any(SITE in title for title in titles)
