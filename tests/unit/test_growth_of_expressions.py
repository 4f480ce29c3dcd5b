"""The CPU time of each regular expression grows linearly with the text."""

from __future__ import annotations

import re

import pytest

from tests.support.growth import TIMES, assert_linear_time
from tests.support.hostile_texts import Expression, expressions, hostile_texts

LENGTH = 1_000

pytestmark = pytest.mark.slow


def fault_of(expression: Expression) -> str:
    """Return the fault of ``expression``, or ``""`` if there is none."""
    small = hostile_texts(expression.pattern, LENGTH)
    large = hostile_texts(expression.pattern, TIMES * LENGTH)
    for short, long in zip(small, large, strict=True):
        try:
            assert_linear_time(expression.run, short, long)
        except AssertionError as error:
            return f"{expression.place}, {short[:60]!a}: {error}"
    return ""


def test_every_regular_expression_of_the_project_is_linear() -> None:
    found = expressions()

    assert len(found) > 20
    assert [fault for one in found if (fault := fault_of(one))] == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"(/+accounts/+reset/+[^/\s]+/+)[^/\s]+",
        r"\b[a-z][a-z0-9+]*://\S+",
        r"\s+$",
        r"<!--.*-->",
        r"(a|b)*c",
    ],
)
def test_quadratic_regular_expression_is_reported(pattern: str) -> None:
    expression = Expression("here", re.compile(pattern), ("search", "sub"))

    assert "times as long" in fault_of(expression)
