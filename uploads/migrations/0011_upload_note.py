"""What inspectors tell the owner of an accepted file."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("uploads", "0010_inspection_claim")]

    operations = [
        migrations.AddField(
            "upload",
            "note",
            models.CharField(blank=True, db_default="", max_length=255),
        ),
    ]
