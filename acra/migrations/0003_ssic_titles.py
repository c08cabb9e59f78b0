from django.db import migrations

from acra.ssic import load_titles


class Migration(migrations.Migration):
    dependencies = [("acra", "0002_search_indexes")]

    operations = [
        migrations.RunPython(
            lambda apps, _editor: load_titles(apps.get_model("acra", "SsicCode")),
            migrations.RunPython.noop,
        )
    ]
