"""Fixes faults that the doctor has found in the settings of the bucket.

It uses the credentials of setup, the identity that may configure the bucket.
"""

from __future__ import annotations

from collections.abc import Iterator

from uploads.doctor.memory import remember
from uploads.s3.bucket_config import (
    facts_of_settings,
    set_up_site,
    setup_bucket,
    setup_queue,
)
from uploads.s3.setting_up import Result


def heal(
    settings: set[str], origins: tuple[str, ...], profile: str
) -> Iterator[Result]:
    """Apply the wanted bucket settings with these names, and yield the results.

    Raises StorageUnavailable if setup has no credentials.
    """
    for result in set_up_site(
        facts_of_settings(origins),
        setup_bucket(profile),
        apply=True,
        queue=setup_queue(profile),
        only=settings,
    ):
        remember([result])
        yield result
