"""One refusal refuses a file. A missing answer of an inspector never accepts it."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as site_settings

from tests.support.inspectors import Accepting, entries, sample_of
from uploads import checks
from uploads.errors import InspectorUnavailable, StorageUnavailable
from uploads.inspection.pipeline import inspect, inspectors, takes_long

HELLO = sample_of(b"hello", "text/plain", "hello.txt")


def test_file_is_accepted_if_all_inspectors_accept(settings: Any) -> None:
    settings.INSPECTORS = entries("Accepting", "Accepting")

    assert inspect(HELLO).accepted


def test_file_is_refused_if_one_inspector_refuses(settings: Any) -> None:
    settings.INSPECTORS = entries("Accepting", "Refusing")

    assert inspect(HELLO).reason == "No."


@pytest.mark.parametrize(
    "names", [("Unavailable", "Refusing"), ("Failing", "Refusing")]
)
def test_refusal_takes_precedence_over_an_unavailable_inspector(
    settings: Any, names: tuple[str, ...]
) -> None:
    settings.INSPECTORS = entries(*names)

    assert not inspect(HELLO).accepted


@pytest.mark.parametrize("name", ["Unavailable", "Failing", "ReturningNone"])
def test_file_is_not_accepted_if_an_inspector_gives_no_answer(
    settings: Any, name: str
) -> None:
    settings.INSPECTORS = entries("Accepting", name, "Accepting")

    with pytest.raises(InspectorUnavailable, match=name):
        inspect(HELLO)


def test_file_is_not_accepted_if_an_inspector_fails_before_its_inspection(
    settings: Any,
) -> None:
    settings.INSPECTORS = entries("Failing", early=True)

    with pytest.raises(InspectorUnavailable, match="Failing failed with ZeroDivision"):
        inspect(HELLO)


def test_message_of_an_inspectors_error_is_only_logged(settings: Any) -> None:
    settings.INSPECTORS = entries("Failing")

    with pytest.raises(InspectorUnavailable) as caught:
        inspect(HELLO)

    assert "a secret" not in caught.value.detail


def test_storage_error_is_not_reported_as_an_inspectors_error() -> None:
    def read(start: int, length: int) -> bytes:
        raise StorageUnavailable

    with pytest.raises(StorageUnavailable):
        inspect(sample_of(b"x", "text/plain", "x.txt", read=read))


def test_notes_of_accepting_inspectors_are_returned(settings: Any) -> None:
    settings.INSPECTORS = entries("Accepting", "Accepting", note="Not looked at.")

    assert inspect(HELLO).reason == "Not looked at."


def test_slow_inspectors_run_after_the_quick_ones(settings: Any) -> None:
    slow = {"NAME": "tests.support.inspectors.Accepting", "OPTIONS": {"slow": True}}
    settings.INSPECTORS = [slow, *entries("Refusing")]

    assert [found.slow for found in inspectors()] == [False, True]


def test_quick_inspection_skips_slow_inspectors_and_can_refuse(settings: Any) -> None:
    settings.INSPECTORS = entries("Accepting", slow=True)
    assert inspect(HELLO, quick_only=True).accepted
    assert Accepting.seen == []

    settings.INSPECTORS += entries("Refusing")
    assert not inspect(HELLO, quick_only=True).accepted


@pytest.mark.parametrize(
    ("byte_size", "slow", "long"),
    [(10, True, False), (11, True, True), (11, False, False)],
)
def test_inspection_takes_long_only_if_a_slow_inspector_reads_a_large_object(
    settings: Any, byte_size: int, slow: bool, long: bool
) -> None:
    settings.UPLOADS = {"INLINE_INSPECTION_BYTES": 10}
    settings.INSPECTORS = entries("Accepting", slow=slow)

    assert takes_long(sample_of(b"", byte_size=byte_size)) is long


# Messages for a wrong setting


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"NAME": "tests.support.inspectors.NoSuch"}, "NoSuch"),
        ({"NAME": "no.such.Module"}, "no.such.Module"),
        ({"NAME": "nodots"}, "nodots"),
        (
            {"NAME": "tests.support.inspectors.Accepting", "OPTIONS": {"colour": 1}},
            "colour",
        ),
        (
            {"NAME": "tests.support.inspectors.NotAnInspector"},
            "Missing attributes: name, slow, wants, inspect",
        ),
        ({"NAME": "tests.support.inspectors.Accepting", "OPTION": {}}, "OPTION"),
        ({}, "NAME"),
        (
            {
                "NAME": "uploads.inspection.antivirus.ClamAVInspector",
                "OPTIONS": {"url": "http://clamd"},
            },
            "not an address of clamd",
        ),
        (
            {
                "NAME": "uploads.inspection.antivirus.ClamAVInspector",
                "OPTIONS": {"url": "unix:///x", "too_large": "maybe"},
            },
            "too_large",
        ),
    ],
    ids=str,
)
def test_wrong_inspector_setting_is_named_at_the_start(
    settings: Any, entry: dict[str, Any], words: str
) -> None:
    settings.INSPECTORS = [entry]

    [error] = checks.check_inspectors()

    assert error.id == "uploads.E005"
    assert error.hint
    assert words in error.msg


def test_missing_inspectors_cause_a_warning(settings: Any) -> None:
    settings.INSPECTORS = []

    [warning] = checks.check_inspectors()

    assert warning.id == "uploads.W001"


def test_default_inspectors_pass_the_system_check() -> None:
    assert checks.check_inspectors() == []
    assert len(inspectors()) == len(site_settings.INSPECTORS) >= 3
