from django.db import migrations

from acra.indexes import BUILD, DROP_LIKE_INDEX


class Migration(migrations.Migration):
    dependencies = [("acra", "0001_initial")]

    operations = [
        migrations.RunSQL(DROP_LIKE_INDEX.replace("%%", "%"), migrations.RunSQL.noop),
        *[
            migrations.RunSQL(statement, f"DROP INDEX IF EXISTS {name}")
            for name, statement in BUILD.items()
        ],
    ]
