"""The doctor completes a multipart upload twice."""

from __future__ import annotations

from typing import Any

import pytest

from uploads.doctor.contract.multipart import _joined_again
from uploads.errors import (
    CompletionConflict,
    NoSuchMultipartUpload,
    ObjectExists,
    PartsRefused,
    StorageError,
    StorageUnavailable,
)


class CompletedBucket:
    """A bucket in which the upload is complete. It refuses a second completion."""

    def __init__(self, error: StorageError | None) -> None:
        self.error = error

    def list_parts(self, key: str, multipart_id: str) -> list[Any]:
        return []

    def complete_multipart_upload(self, *args: Any, byte_size: int) -> None:
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (NoSuchMultipartUpload(), True),
        (ObjectExists(), True),
        (PartsRefused(), False),
        (CompletionConflict(), False),
        (StorageUnavailable(), False),
        (None, False),
    ],
)
def test_only_404_or_412_is_a_correct_answer_to_a_repeated_completion(
    error: StorageError | None, is_kept: bool
) -> None:
    bucket: Any = CompletedBucket(error)

    kept, fact = _joined_again(bucket, "key", "id", 48)

    assert kept == is_kept
    assert fact
    assert is_kept or error is None or error.detail in fact
