from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_vendors")]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                (
                    "worker",
                    models.CharField(
                        help_text="Machine and process.",
                        max_length=100,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("seen_at", models.DateTimeField()),
            ],
        ),
    ]
