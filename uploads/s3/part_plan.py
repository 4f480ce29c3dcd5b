"""Divides a file into parts, within S3's limits."""

from __future__ import annotations

from dataclasses import dataclass

from uploads.errors import FileTooLarge

MIB = 1024**2
GIB = 1024**3
TIB = 1024**4

MAX_PARTS = 10_000
MAX_PART_SIZE = 5 * GIB
MAX_OBJECT_SIZE = MAX_PARTS * MAX_PART_SIZE
MAX_SINGLE_PUT = 5 * GIB

SMALLEST_PART = 5 * MIB
"""S3's minimum. Only the last part may be smaller."""

MIN_PART_SIZE = 16 * MIB
"""Our minimum: on most connections, the requests of smaller parts cost more than
their cheaper retries save. S3's minimum is 5 MiB."""


@dataclass(frozen=True)
class PartPlan:
    """Parts of one size; the last part has the rest. An empty file has one empty part.

    Raises ValueError for a plan that S3 would refuse.
    """

    byte_size: int
    part_size: int

    def __post_init__(self) -> None:
        if self.byte_size < 0:
            raise ValueError(f"A file cannot have {self.byte_size} bytes.")
        if not 1 <= self.part_size <= MAX_PART_SIZE:
            raise ValueError(f"A part cannot have {self.part_size} bytes.")
        if self.part_count > MAX_PARTS:
            raise ValueError(f"{self.part_count} parts are more than S3 takes.")

    @property
    def part_count(self) -> int:
        """The number of parts, 1 to 10,000."""
        return max(1, -(-self.byte_size // self.part_size))

    @property
    def part_numbers(self) -> range:
        """The numbers of the parts, from 1."""
        return range(1, self.part_count + 1)

    def byte_size_of(self, part_number: int) -> int:
        """Return the exact size of a part; raises ValueError outside the plan."""
        if part_number not in self.part_numbers:
            raise ValueError(f"Part {part_number} is outside 1 to {self.part_count}.")
        if part_number < self.part_count:
            return self.part_size
        return self.byte_size - (self.part_count - 1) * self.part_size


def plan_parts(byte_size: int, *, min_part_size: int = MIN_PART_SIZE) -> PartPlan:
    """Return the plan with the smallest possible parts, in whole MiB above the minimum.

    A failed small part is cheap to retry, and small parts allow more concurrency.
    Raises FileTooLarge above 48.8 TiB and ValueError below 0.
    """
    if byte_size > MAX_OBJECT_SIZE:
        raise FileTooLarge(
            f"An object has at most {MAX_OBJECT_SIZE} bytes (48.8 TiB) at S3."
        )
    smallest = -(-byte_size // MAX_PARTS)
    whole_mib = -(-smallest // MIB) * MIB
    return PartPlan(byte_size=byte_size, part_size=max(min_part_size, whole_mib))


def clamp_part_size(wish: int) -> int:
    """Return the part size that S3 accepts and that is nearest to ``wish``."""
    return min(max(wish, SMALLEST_PART), MAX_PART_SIZE)
