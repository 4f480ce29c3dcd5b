"""Fills in what search compares, where an older version of this code wrote the row."""

from __future__ import annotations

from uploads.models import Upload


def fill(*, limit: int) -> int:
    """Fill in the search names of up to ``limit`` rows; return how many there were.

    Each UPDATE names the file name that it was made from: a rename in the same moment
    wins.
    """
    unfilled = Upload.objects.filter(search_name="").order_by("pk")
    rows = list(unfilled.values_list("pk", "filename")[:limit])
    for pk, filename in rows:
        Upload.objects.filter(pk=pk, filename=filename).update(filename=filename)
    return len(rows)
