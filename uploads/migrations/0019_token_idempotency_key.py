from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Rename the field and its constraint, but keep the name of the column.

    During an upgrade, processes of the last release read and write this column.
    """

    dependencies = [
        ("uploads", "0018_checksum_algorithms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="apitoken",
            name="token_once_per_form",
        ),
        # With `db_column`, the two operations on the field change no table.
        migrations.AlterField(
            model_name="apitoken",
            name="form_mark",
            field=models.CharField(
                db_column="form_mark", editable=False, max_length=64, null=True
            ),
        ),
        migrations.RenameField(
            model_name="apitoken",
            old_name="form_mark",
            new_name="idempotency_key",
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.UniqueConstraint(
                fields=("user", "idempotency_key"), name="token_once_per_key"
            ),
        ),
    ]
