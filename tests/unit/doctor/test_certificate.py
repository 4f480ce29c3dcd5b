"""A certificate has one entry for each promise, also for a failed promise."""

from __future__ import annotations

from typing import Any

import pytest

from uploads.doctor.certificate import certificate
from uploads.doctor.results import fail, group, note, ok, skip


def test_certificate_has_no_separate_entry_for_the_cause_of_a_failure() -> None:
    put = group(
        "contract.put",
        "",
        [
            fail("contract.put.right.condition_unknown", "Stored", "501", "", ""),
            ok("contract.put.unsigned.x-amz-acl", "Acl"),
            note("contract.put.future", "Future", "accepted"),
            skip("contract.put.other", "Other", "not asked"),
        ],
    )

    found = certificate([put], "somewhere")

    assert {name: each["kept"] for name, each in found["promises"].items()} == {
        "contract.put.right": "no",
        "contract.put.unsigned.x-amz-acl": "yes",
        "contract.put.future": "no",
        "contract.put.other": "not tried",
    }


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([ok, ok], "yes"),
        ([ok, note], "no"),
        ([note, ok], "no"),
        ([skip, note, ok], "no"),
        ([ok, skip], "not tried"),
        ([skip, ok], "not tried"),
    ],
)
def test_promise_about_several_origins_has_the_worst_result(
    statuses: list[Any], expected: str
) -> None:
    found = [
        make("cors.form", f"Pages of {number}", f"fact {number}")
        for number, make in enumerate(statuses)
    ]

    promise = certificate([group("cors", "", found)], "somewhere")["promises"][
        "cors.form"
    ]

    assert promise["kept"] == expected
