from django.core.management import call_command
from django.db import migrations

TABLE = "slipway_cache"


def make_table(apps, schema_editor):
    # Under its own name, whatever CACHE_URL says today: the site can come back to it.
    database = schema_editor.connection.alias
    call_command("createcachetable", TABLE, database=database, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("uploads", "0002_append_only_events")]

    operations = [
        migrations.RunPython(
            make_table,
            lambda apps, schema_editor: schema_editor.execute(f"DROP TABLE {TABLE}"),
        )
    ]
