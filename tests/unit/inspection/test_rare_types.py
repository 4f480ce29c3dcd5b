"""Test the detection of types that libmagic does not detect."""

from __future__ import annotations

import re
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from uploads.inspection import rare_types


def test_frame_pattern_matches_exactly_the_headers_with_a_length() -> None:
    for second, third in product(range(256), range(256)):
        header = bytes((0xFF, second, third, 0x64))

        has_length = rare_types._frame_bytes(header) > 0
        assert has_length == bool(rare_types._FRAME_HEADER.match(header)), header


def test_frame_that_begins_with_the_last_byte_of_another_header_is_found() -> None:
    frame = b"\xff\xfb\x90\x64" + bytes(413)

    assert rare_types.has_mpeg_frames(b"\xff\xfb\x90" + frame * 3)
    assert not rare_types.has_mpeg_frames(b"\xff\xfb\x90" + frame * 2)


@given(st.data(), st.sampled_from([start for start, _ in rare_types._BINARY_TYPES]))
def test_common_pattern_finds_the_type_that_its_own_pattern_finds(
    data: st.DataObject, start: bytes
) -> None:
    pattern = re.compile(start, re.DOTALL)
    head = data.draw(st.from_regex(pattern, fullmatch=True))
    matching = [
        content_type
        for other, content_type in rare_types._BINARY_TYPES
        if re.match(other, head, re.DOTALL)
    ]

    assert rare_types.find_rare_type(head) == matching[0]


def test_each_type_has_one_group_in_the_common_pattern() -> None:
    assert rare_types._BINARY.groups == len(rare_types._BINARY_TYPES)
