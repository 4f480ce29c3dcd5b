from django.db import migrations


class Migration(migrations.Migration):
    """Remove the default order of uploads. The table does not change."""

    dependencies = [
        ("uploads", "0020_transport_labels"),
    ]

    operations = [
        migrations.AlterModelOptions(name="upload", options={}),
    ]
