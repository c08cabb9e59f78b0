from django.db import migrations

# A monthly release changes about a twentieth of the rows, all over the table. By default nobody
# would tidy up after it (a fifth is waited for), and previews would look the changed rows up in the
# table instead of reading their index alone.
SOON = (
    "autovacuum_vacuum_scale_factor",
    "autovacuum_vacuum_insert_scale_factor",
    "autovacuum_analyze_scale_factor",
)


class Migration(migrations.Migration):
    dependencies = [("acra", "0003_ssic_titles")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE acra_registeredcompany SET ({', '.join(f'{s} = 0.02' for s in SOON)})",
            f"ALTER TABLE acra_registeredcompany RESET ({', '.join(SOON)})",
        ),
    ]
