from typing import Any

from django.db import migrations, transaction

from uploads.text.filenames import folded

BATCH = 1000


def fill(apps: Any, schema_editor: Any) -> None:
    """Fill in what search compares, in transactions of BATCH rows.

    Can be interrupted and repeated. A rename by a running process wins, since each
    UPDATE names the file name that it was made from.
    """
    uploads = apps.get_model("uploads", "Upload").objects.using(
        schema_editor.connection.alias
    )
    last = None
    while True:
        rows = uploads.filter(search_name="").order_by("pk")
        if last is not None:
            rows = rows.filter(pk__gt=last)
        batch = list(rows.values_list("pk", "filename")[:BATCH])
        if not batch:
            return
        with transaction.atomic(using=schema_editor.connection.alias):
            for pk, filename in batch:
                uploads.filter(pk=pk, filename=filename).update(
                    search_name=folded(filename) or "?"
                )
        last = batch[-1][0]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("uploads", "0007_search_names")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
