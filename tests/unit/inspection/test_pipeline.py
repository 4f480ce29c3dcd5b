"""The inspectors together: any refusal refuses, no answer is never a good one."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as site_settings

from tests.support.inspectors import Yes, entries, sample_of
from uploads import checks
from uploads.errors import InspectorUnavailable, StorageUnavailable
from uploads.inspection.pipeline import inspect, inspectors, takes_long

HELLO = sample_of(b"hello", "text/plain", "hello.txt")


def test_what_nobody_objects_to_is_accepted(settings: Any) -> None:
    settings.INSPECTORS = entries("Yes", "Yes")

    assert inspect(HELLO).accepted


def test_one_refusal_refuses(settings: Any) -> None:
    settings.INSPECTORS = entries("Yes", "No")

    assert inspect(HELLO).reason == "No."


@pytest.mark.parametrize("names", [("Absent", "No"), ("Broken", "No")])
def test_a_refusal_outweighs_one_that_cannot_look(
    settings: Any, names: tuple[str, ...]
) -> None:
    settings.INSPECTORS = entries(*names)

    assert not inspect(HELLO).accepted


@pytest.mark.parametrize("name", ["Absent", "Broken", "Silent"])
def test_no_answer_is_no_acceptance(settings: Any, name: str) -> None:
    settings.INSPECTORS = entries("Yes", name, "Yes")

    with pytest.raises(InspectorUnavailable, match=name):
        inspect(HELLO)


def test_one_that_breaks_before_it_looks_has_not_agreed(settings: Any) -> None:
    settings.INSPECTORS = entries("Broken", early=True)

    with pytest.raises(InspectorUnavailable, match="Broken failed with ZeroDivision"):
        inspect(HELLO)


def test_what_an_inspector_stumbles_over_is_told_to_the_log_only(settings: Any) -> None:
    settings.INSPECTORS = entries("Broken")

    with pytest.raises(InspectorUnavailable) as caught:
        inspect(HELLO)

    assert "a secret" not in caught.value.detail


def test_storage_that_does_not_answer_is_not_the_inspectors_fault() -> None:
    def read(start: int, length: int) -> bytes:
        raise StorageUnavailable

    with pytest.raises(StorageUnavailable):
        inspect(sample_of(b"x", "text/plain", "x.txt", read=read))


def test_notes_of_those_that_accept_are_kept(settings: Any) -> None:
    settings.INSPECTORS = entries("Yes", "Yes", note="Not looked at.")

    assert inspect(HELLO).reason == "Not looked at."


def test_slow_inspectors_come_last(settings: Any) -> None:
    slow = {"NAME": "tests.support.inspectors.Yes", "OPTIONS": {"slow": True}}
    settings.INSPECTORS = [slow, *entries("No")]

    assert [found.slow for found in inspectors()] == [False, True]


def test_quick_ones_alone_can_refuse_and_slow_ones_are_left_out(settings: Any) -> None:
    settings.INSPECTORS = entries("Yes", slow=True)
    assert inspect(HELLO, quick_only=True).accepted
    assert Yes.seen == []

    settings.INSPECTORS += entries("No")
    assert not inspect(HELLO, quick_only=True).accepted


@pytest.mark.parametrize(
    ("byte_size", "slow", "long"),
    [(10, True, False), (11, True, True), (11, False, False)],
)
def test_only_slow_inspectors_take_long_and_only_over_large_objects(
    settings: Any, byte_size: int, slow: bool, long: bool
) -> None:
    settings.UPLOADS = {"INLINE_INSPECTION_BYTES": 10}
    settings.INSPECTORS = entries("Yes", slow=slow)

    assert takes_long(sample_of(b"", byte_size=byte_size)) is long


# What a wrong setting is told


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"NAME": "tests.support.inspectors.NoSuch"}, "NoSuch"),
        ({"NAME": "no.such.Module"}, "no.such.Module"),
        ({"NAME": "nodots"}, "nodots"),
        ({"NAME": "tests.support.inspectors.Yes", "OPTIONS": {"colour": 1}}, "colour"),
        (
            {"NAME": "tests.support.inspectors.Nothing"},
            "lacks name, slow, wants, inspect",
        ),
        ({"NAME": "tests.support.inspectors.Yes", "OPTION": {}}, "OPTION"),
        ({}, "NAME"),
        (
            {
                "NAME": "uploads.inspection.antivirus.ClamAVInspector",
                "OPTIONS": {"url": "http://clamd"},
            },
            "no address of clamd",
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
def test_a_wrong_entry_is_named_at_start_up(
    settings: Any, entry: dict[str, Any], words: str
) -> None:
    settings.INSPECTORS = [entry]

    [error] = checks.check_inspectors()

    assert error.id == "uploads.E005"
    assert error.hint
    assert words in error.msg


def test_no_inspector_at_all_is_worth_a_warning(settings: Any) -> None:
    settings.INSPECTORS = []

    [warning] = checks.check_inspectors()

    assert warning.id == "uploads.W001"


def test_the_sites_own_inspectors_are_in_order() -> None:
    assert checks.check_inspectors() == []
    assert len(inspectors()) == len(site_settings.INSPECTORS) >= 3
