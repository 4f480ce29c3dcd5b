"""The report of a failed test names the case that failed."""

from __future__ import annotations

import pytest

from tests.support.stages import case


def test_failure_report_names_the_case() -> None:
    with pytest.raises(AssertionError) as caught, case("GET", "/me"):
        raise AssertionError("it is not so")

    assert caught.value.__notes__ == ["In the case 'GET', '/me'"]
