"""A case that fails is named in the report of the test that walks through many."""

from __future__ import annotations

import pytest

from tests.support.stages import case


def test_what_fails_in_a_case_names_it() -> None:
    with pytest.raises(AssertionError) as caught, case("GET", "/me"):
        raise AssertionError("it is not so")

    assert caught.value.__notes__ == ["In the case 'GET', '/me'"]
