from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("outreach", "0012_changing_uploads"),
    ]

    operations = [
        migrations.AddField(
            model_name="mailpolicy",
            name="notice",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="Stands in the first mail to countries of the GDPR (Art. 14).",
                max_length=2000,
                verbose_name="notice about personal data",
            ),
        ),
    ]
