from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0012_audience_words"),
    ]

    operations = [
        migrations.AlterField(
            model_name="tenantsettings",
            name="first_login",
            field=models.CharField(
                choices=[
                    ("JOIN", "Everybody the provider names with a role"),
                    ("INVITE", "Only people who were invited"),
                ],
                db_default="INVITE",
                default="INVITE",
                help_text="Who may come in when they sign in through a provider for the first time.",
                max_length=6,
            ),
        ),
    ]
