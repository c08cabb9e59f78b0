from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0017_platform_suppressions"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenantsettings",
            name="legal_hold",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Not empty: nights let go of nothing, whatever its age.",
                max_length=300,
            ),
        ),
    ]
