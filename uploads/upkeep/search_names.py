"""Fills in ``search_name`` in rows that an older version of the site wrote.

The search of file names compares this column.
"""

from __future__ import annotations

from uploads.models import Upload


def fill(*, limit: int) -> int:
    """Fill in the search names of up to ``limit`` rows; return the number of rows.

    Each UPDATE of ``filename`` also sets ``search_name``. The UPDATE changes a row only
    if the row has the file name that this function has read. So it does not undo a
    concurrent rename.
    """
    unfilled = Upload.objects.filter(search_name="").order_by("pk")
    rows = list(unfilled.values_list("pk", "filename")[:limit])
    for pk, filename in rows:
        Upload.objects.filter(pk=pk, filename=filename).update(filename=filename)
    return len(rows)
