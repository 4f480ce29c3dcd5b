from __future__ import annotations

import re

import pytest
from django.core.exceptions import ImproperlyConfigured

from uploads.conf import Options
from uploads.s3.keys import incoming_key, is_incoming, new_key, row_key


def test_a_key_is_its_prefix_and_160_random_bits() -> None:
    key = new_key("uploads/")

    assert re.fullmatch(r"uploads/([0-9a-f]{2})/\1[0-9a-f]{38}", key)


def test_keys_never_repeat() -> None:
    keys = {new_key("") for _ in range(1000)}

    assert len(keys) == 1000


@pytest.mark.parametrize("prefix", ["Uploads/", "a b/", "../", "ü/", "a%2f", "a\n"])
def test_a_prefix_with_other_characters_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="may contain only"):
        new_key(prefix)


@pytest.mark.parametrize("prefix", ["", "uploads/", "a/b/", "up-"])
def test_an_incoming_key_is_below_the_prefix_and_leads_back(prefix: str) -> None:
    key = new_key(prefix)

    incoming = incoming_key(key)

    assert incoming.startswith(f"{prefix}incoming/")
    assert is_incoming(incoming)
    assert row_key(incoming) == key
    assert not is_incoming(key)
    assert row_key(key) == key


def test_a_prefix_that_would_be_taken_for_the_incoming_one_is_refused() -> None:
    with pytest.raises(ValueError, match="must not end with"):
        new_key("uploads/incoming/")
    with pytest.raises(ImproperlyConfigured, match="S3_KEY_PREFIX must not end"):
        Options(key_prefix="uploads/incoming/")


def test_only_a_key_of_ours_has_an_incoming_one() -> None:
    with pytest.raises(ValueError, match="not the key of an upload"):
        incoming_key("uploads/report.pdf")
