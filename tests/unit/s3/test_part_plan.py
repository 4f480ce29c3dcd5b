from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from uploads.errors import FileTooLarge
from uploads.s3.part_plan import (
    GIB,
    MAX_OBJECT_SIZE,
    MAX_PART_SIZE,
    MAX_PARTS,
    MIB,
    MIN_PART_SIZE,
    TIB,
    PartPlan,
    clamp_part_size,
    plan_parts,
)

BOUNDARIES = [
    0,
    5 * MIB,
    MIN_PART_SIZE,
    2 * MIN_PART_SIZE,
    GIB,
    MAX_PART_SIZE,
    MIN_PART_SIZE * MAX_PARTS,
    5 * TIB,
    MAX_OBJECT_SIZE,
]


def near(sizes: list[int]) -> list[int]:
    around = {size + step for size in sizes for step in (-1, 0, 1)}
    return sorted(size for size in around if 0 <= size <= MAX_OBJECT_SIZE)


def assert_legal(byte_size: int) -> None:
    plan = plan_parts(byte_size)

    first, last = plan.part_numbers[0], plan.part_numbers[-1]
    sizes = {plan.byte_size_of(number) for number in plan.part_numbers[:-1]}
    assert (first, last) == (1, plan.part_count)
    assert 1 <= plan.part_count <= MAX_PARTS
    assert MIN_PART_SIZE <= plan.part_size <= MAX_PART_SIZE
    assert plan.part_size % MIB == 0
    assert sizes <= {plan.part_size}
    assert 0 <= plan.byte_size_of(last) <= plan.part_size
    assert plan.byte_size_of(last) > 0 or byte_size == 0
    assert (last - 1) * plan.part_size + plan.byte_size_of(last) == byte_size


@pytest.mark.parametrize("byte_size", near(BOUNDARIES))
def test_plan_for_a_boundary_size_is_valid_and_covers_the_file(byte_size: int) -> None:
    assert_legal(byte_size)


@given(st.integers(min_value=0, max_value=MAX_OBJECT_SIZE))
@example(MIN_PART_SIZE * MAX_PARTS + 1)
def test_plan_for_a_random_size_is_valid_and_covers_the_file(byte_size: int) -> None:
    assert_legal(byte_size)


@given(st.integers(min_value=0, max_value=MAX_OBJECT_SIZE))
def test_part_size_is_the_smallest_possible_in_whole_mib(byte_size: int) -> None:
    plan = plan_parts(byte_size)

    smaller = plan.part_size - MIB
    assert plan.part_size == MIN_PART_SIZE or smaller * MAX_PARTS < byte_size


@pytest.mark.parametrize(
    ("byte_size", "part_size", "part_count"),
    [
        (0, 16 * MIB, 1),
        (1, 16 * MIB, 1),
        (16 * MIB, 16 * MIB, 1),
        (16 * MIB + 1, 16 * MIB, 2),
        (GIB, 16 * MIB, 64),
        (160_000 * MIB, 16 * MIB, 10_000),
        (160_000 * MIB + 1, 17 * MIB, 9_412),
        (MAX_OBJECT_SIZE, 5 * GIB, 10_000),
    ],
)
def test_common_sizes_have_the_expected_plan(
    byte_size: int, part_size: int, part_count: int
) -> None:
    plan = plan_parts(byte_size)

    assert (plan.part_size, plan.part_count) == (part_size, part_count)


def test_empty_file_is_one_empty_part() -> None:
    plan = PartPlan(byte_size=0, part_size=1)

    assert list(plan.part_numbers) == [1]
    assert plan.byte_size_of(1) == 0


def test_smaller_part_size_is_used_only_if_the_limit_of_parts_permits() -> None:
    small = plan_parts(12 * MIB, min_part_size=5 * MIB)
    large = plan_parts(MAX_OBJECT_SIZE, min_part_size=5 * MIB)

    assert (small.part_size, small.part_count) == (5 * MIB, 3)
    assert small.byte_size_of(3) == 2 * MIB
    assert large == plan_parts(MAX_OBJECT_SIZE)


def test_file_over_the_limit_of_s3_is_too_large() -> None:
    with pytest.raises(FileTooLarge, match=r"48\.8 TiB"):
        plan_parts(MAX_OBJECT_SIZE + 1)


@pytest.mark.parametrize(
    ("byte_size", "part_size"),
    [(-1, MIB), (1, 0), (1, -1), (1, MAX_PART_SIZE + 1), (MAX_PARTS + 1, 1)],
)
def test_invalid_plan_raises(byte_size: int, part_size: int) -> None:
    with pytest.raises(ValueError, match=r"cannot have|more than S3 accepts"):
        PartPlan(byte_size=byte_size, part_size=part_size)


@pytest.mark.parametrize("part_number", [-1, 0, 3])
def test_part_number_outside_the_plan_raises(part_number: int) -> None:
    with pytest.raises(ValueError, match="is outside 1 to 2"):
        PartPlan(byte_size=10, part_size=5).byte_size_of(part_number)


@pytest.mark.parametrize(
    ("wish", "part_size"),
    [
        (1, 5 * MIB),
        (5 * MIB - 1, 5 * MIB),
        (5 * MIB + 1, 5 * MIB + 1),
        (64 * MIB, 64 * MIB),
        (MAX_PART_SIZE + 1, MAX_PART_SIZE),
    ],
)
def test_requested_part_size_is_limited_to_the_range_of_s3(
    wish: int, part_size: int
) -> None:
    assert clamp_part_size(wish) == part_size


def test_part_size_too_small_for_a_huge_file_is_increased() -> None:
    plan = plan_parts(10**12, min_part_size=clamp_part_size(5 * MIB))

    assert plan.part_count <= MAX_PARTS
