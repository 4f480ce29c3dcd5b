from __future__ import annotations

import re

import pytest
from django.core.exceptions import ImproperlyConfigured

from uploads.conf import Options
from uploads.s3.keys import incoming_key, is_incoming, new_key, row_key


def test_key_has_its_prefix_and_160_random_bits() -> None:
    key = new_key("uploads/")

    assert re.fullmatch(r"uploads/([0-9a-f]{2})/\1[0-9a-f]{38}", key)


def test_new_keys_are_different() -> None:
    keys = {new_key("") for _ in range(1000)}

    assert len(keys) == 1000


@pytest.mark.parametrize("prefix", ["Uploads/", "a b/", "../", "ü/", "a%2f", "a\n"])
def test_prefix_with_other_characters_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="a character that is not allowed"):
        new_key(prefix)


@pytest.mark.parametrize("prefix", ["", "uploads/", "a/b/", "up-"])
def test_incoming_key_is_below_the_prefix_and_reversible(prefix: str) -> None:
    key = new_key(prefix)

    incoming = incoming_key(key)

    assert incoming.startswith(f"{prefix}incoming/")
    assert is_incoming(incoming)
    assert row_key(incoming) == key
    assert not is_incoming(key)
    assert row_key(key) == key


def test_prefix_that_contains_the_incoming_prefix_is_refused() -> None:
    with pytest.raises(ValueError, match="must not end with"):
        new_key("uploads/incoming/")
    with pytest.raises(ImproperlyConfigured, match="S3_KEY_PREFIX must not end"):
        Options(key_prefix="uploads/incoming/")


def test_only_keys_of_the_site_have_an_incoming_key() -> None:
    with pytest.raises(ValueError, match="not the key of an upload"):
        incoming_key("uploads/report.pdf")
