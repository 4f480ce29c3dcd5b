"""The page sends small files by forms only if the doctor has found no objection."""

from __future__ import annotations

from typing import Any

import pytest

from uploads.doctor.memory import remember_promises
from uploads.doctor.results import note, ok
from uploads.lifecycle.capabilities import Capabilities, capabilities
from uploads.lifecycle.checksums import page_uses_forms

PROMISES = (
    "contract.post.right",
    "contract.post.too_long",
    "contract.post.other_bytes",
    "contract.post.other_key",
    "contract.post.second_use",
    "cors.form",
)


@pytest.fixture
def certified(db: None) -> None:
    remember_promises([ok(name, name) for name in PROMISES])


@pytest.mark.usefixtures("certified")
def test_page_uses_forms_if_the_doctor_has_certified_forms() -> None:
    assert page_uses_forms()


@pytest.mark.parametrize("name", PROMISES)
def test_page_uses_no_forms_if_one_promise_is_missing_or_broken(name: str) -> None:
    kept = dict.fromkeys(PROMISES, "yes")
    missing = {other: value for other, value in kept.items() if other != name}

    assert Capabilities(kept).forms_are_safe
    assert not Capabilities(missing).forms_are_safe
    assert not Capabilities({**kept, name: "no"}).forms_are_safe


@pytest.mark.usefixtures("certified")
def test_next_run_of_the_doctor_turns_forms_off() -> None:
    remember_promises([note("cors.form", "", "no", "")])

    assert not capabilities().forms_are_safe


@pytest.mark.usefixtures("certified")
def test_page_with_crc64nvme_uses_no_forms(settings: Any) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": "crc64nvme"}

    assert not page_uses_forms()


@pytest.mark.django_db
def test_page_of_an_untested_bucket_uses_no_forms() -> None:
    assert not page_uses_forms()
