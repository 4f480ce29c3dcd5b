"""Divides a file into parts that S3 accepts."""

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
"""The smallest part that S3 accepts. Only the last part of a file may be smaller."""

MIN_PART_SIZE = 16 * MIB
"""The smallest part that the site plans by default.

Smaller parts make retries cheaper, but they also need more requests. On most
connections, the additional requests cost more time than the cheaper retries save.
"""


@dataclass(frozen=True)
class PartPlan:
    """Describes the parts of a file.

    All parts have the same size, except the last part, which may be smaller. An empty
    file has one empty part. Raises ValueError for a plan that S3 would refuse.
    """

    byte_size: int
    part_size: int

    def __post_init__(self) -> None:
        if self.byte_size < 0:
            raise ValueError(f"A file cannot have {self.byte_size} bytes.")
        if not 1 <= self.part_size <= MAX_PART_SIZE:
            raise ValueError(f"A part cannot have {self.part_size} bytes.")
        if self.part_count > MAX_PARTS:
            raise ValueError(
                f"{self.part_count} parts are more than S3 accepts ({MAX_PARTS})."
            )

    @property
    def part_count(self) -> int:
        """Return the number of parts, from 1 to 10,000."""
        return max(1, -(-self.byte_size // self.part_size))

    @property
    def part_numbers(self) -> range:
        """Return the numbers of the parts. The first number is 1."""
        return range(1, self.part_count + 1)

    def byte_size_of(self, part_number: int) -> int:
        """Return the size of a part in bytes.

        Raises ValueError if the plan has no part with this number.
        """
        if part_number not in self.part_numbers:
            raise ValueError(f"Part {part_number} is outside 1 to {self.part_count}.")
        if part_number < self.part_count:
            return self.part_size
        return self.byte_size - (self.part_count - 1) * self.part_size


def plan_parts(byte_size: int, *, min_part_size: int = MIN_PART_SIZE) -> PartPlan:
    """Return the plan with the smallest parts that are permitted.

    The part size is ``min_part_size``. If the file would then have more than 10,000
    parts, the part size is the smallest possible number of whole MiB. Small parts are
    cheap to retry and allow more parallel requests. Raises FileTooLarge above 48.8 TiB
    and ValueError below 0 bytes.
    """
    if byte_size > MAX_OBJECT_SIZE:
        raise FileTooLarge(
            f"S3 stores at most {MAX_OBJECT_SIZE} bytes (48.8 TiB) in one object. "
            "Split the file."
        )
    smallest = -(-byte_size // MAX_PARTS)
    whole_mib = -(-smallest // MIB) * MIB
    return PartPlan(byte_size=byte_size, part_size=max(min_part_size, whole_mib))


def clamp_part_size(wish: int) -> int:
    """Return the part size nearest to ``wish`` that S3 accepts."""
    return min(max(wish, SMALLEST_PART), MAX_PART_SIZE)
