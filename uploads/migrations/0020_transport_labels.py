from django.db import migrations, models


class Migration(migrations.Migration):
    """Change the labels of the transports in the admin. The column does not change."""

    dependencies = [
        ("uploads", "0019_token_idempotency_key"),
    ]

    operations = [
        migrations.AlterField(
            model_name="upload",
            name="transport",
            field=models.CharField(
                choices=[
                    ("put", "One PUT"),
                    ("multipart", "Multipart"),
                    ("post", "POST form"),
                    ("form", "Form without JavaScript"),
                    ("copy", "Copy from quarantine"),
                ],
                max_length=9,
            ),
        ),
    ]
