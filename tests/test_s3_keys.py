from __future__ import annotations

import re

import pytest

from uploads.s3.keys import new_key


def test_a_key_is_its_prefix_and_160_random_bits() -> None:
    key = new_key("uploads/")

    assert re.fullmatch(r"uploads/([0-9a-f]{2})/\1[0-9a-f]{38}", key)


def test_keys_never_repeat() -> None:
    keys = {new_key("") for _ in range(1000)}

    assert len(keys) == 1000


@pytest.mark.parametrize("prefix", ["Uploads/", "a b/", "../", "ü/", "a%2f", "a\n"])
def test_a_prefix_with_other_characters_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="may hold only"):
        new_key(prefix)
