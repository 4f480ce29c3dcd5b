"""Test the output and the exit status of the management commands."""

from __future__ import annotations

import io
import json
import time
from typing import Any
from unittest import mock

import pytest
from django.core.management import (
    CommandError,
    call_command,
    get_commands,
    load_command_class,
)
from django.db import OperationalError, connection

from tests.support.builders import begin, let_time_pass, make_ready, put
from tests.support.storage_faults import s3_answers_500
from uploads.access.tokens import use_token
from uploads.management.commands.audit import Bar
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.auditing import Progress

pytestmark = pytest.mark.django_db


def test_sweep_prints_its_report_as_json(
    alice: Any, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(alice)
    let_time_pass(days=8)

    call_command("sweep")

    [line] = capsys.readouterr().out.splitlines()
    report = json.loads(line)
    assert (report["looked_at"], report["expired"], report["failed"]) == (1, 1, 0)


def test_sweep_exits_with_1_when_s3_does_not_answer(
    bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    with s3_answers_500(bucket), pytest.raises(SystemExit) as end:
        call_command("sweep")

    assert end.value.code == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 1


def test_sweep_exits_with_2_when_the_database_does_not_answer(bucket: Bucket) -> None:
    def refuse(*_: Any) -> Any:
        raise OperationalError("the connection is lost")

    with connection.execute_wrapper(refuse), pytest.raises(CommandError) as end:
        call_command("sweep")

    assert end.value.returncode == 2
    assert "the connection is lost" in str(end.value)


def test_dry_run_of_sweep_changes_nothing(
    alice: Any, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(alice)
    let_time_pass(days=8)

    call_command("sweep", dry_run=True)

    assert json.loads(capsys.readouterr().out)["looked_at"] == 1
    assert Upload.objects.get().state == State.PENDING


def test_audit_without_differences_exits_with_0(
    alice: Any, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ready(bucket, alice)
    begin(alice)

    call_command("audit")

    assert capsys.readouterr().out == "1 objects, 2 rows, 0 differences\n"


def test_audit_prints_each_difference_and_exits_with_1(
    alice: Any, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    upload = make_ready(bucket, alice)
    put(bucket, upload, b"hello, world")

    with pytest.raises(SystemExit) as end:
        call_command("audit")

    assert end.value.code == 1
    assert capsys.readouterr().out == (
        f"size: {upload.key}: the object has 12 bytes, but the row of upload "
        f"{upload.pk} says 5\n"
        "1 objects, 1 rows, 1 differences\n"
    )


def test_audit_exits_with_2_when_the_bucket_cannot_be_read(bucket: Bucket) -> None:
    with s3_answers_500(bucket), pytest.raises(CommandError) as end:
        call_command("audit")

    assert end.value.returncode == 2


def test_progress_bar_of_audit_grows_and_ends_its_line() -> None:
    drawn: list[tuple[str, str]] = []

    class Terminal(io.StringIO):
        def write(self, text: str, ending: str = "") -> int:
            drawn.append((text, ending))
            return 0

    bar = Bar(Terminal(), total=10)
    with mock.patch.object(time, "monotonic", return_value=1000.0):
        bar.show(Progress(objects=4, rows=5))
        bar.show(Progress(objects=5, rows=6))  # too early to draw the bar again
        bar.show(Progress(objects=9, rows=10))

    assert drawn == [
        ("\r[###############               ]  50%  4 objects", "\r"),
        ("\r[##############################] 100%  9 objects", "\n"),
    ]


def test_create_token_prints_a_token_that_works(
    alice: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_token", "alice", name="backup", days=7)

    token = use_token(capsys.readouterr().out.strip())
    assert token is not None
    assert (token.user, token.name) == (alice, "backup")


@pytest.mark.parametrize("scope", ["read", "write"])
def test_create_token_takes_a_scope(
    alice: Any, scope: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_token", "alice", scope=scope)

    token = use_token(capsys.readouterr().out.strip())
    assert token is not None
    assert token.scope == scope


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nobody"], "no user 'nobody'"), (["alice", "--days=0"], "at least 1")],
)
def test_create_token_refuses_invalid_options(
    alice: Any, arguments: list[str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("create_token", *arguments)


OWN_COMMANDS = sorted(name for name, app in get_commands().items() if app == "uploads")


@pytest.mark.parametrize("name", OWN_COMMANDS)
def test_every_command_has_a_valid_parser_and_a_help_text(name: str) -> None:
    parser = load_command_class("uploads", name).create_parser("manage.py", name)

    assert len(parser.format_help()) > 100
