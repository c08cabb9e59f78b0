"""Hours and zones of sending stand in the mail policy; what stood here is read by nobody.

The columns stay for one more release, with defaults of their own, so that processes of the last
one go on while this one comes up.
"""

from django.db import migrations

FORGET = """
ALTER TABLE tenants_tenantsettings
    ALTER COLUMN working_hours SET DEFAULT '{}', ALTER COLUMN active_timezones SET DEFAULT '[]'
"""
BACK = """
ALTER TABLE tenants_tenantsettings
    ALTER COLUMN working_hours DROP DEFAULT, ALTER COLUMN active_timezones DROP DEFAULT
"""


class Migration(migrations.Migration):

    dependencies = [
        ("tenants", "0015_programs_at_the_door"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(FORGET, BACK)],
            state_operations=[
                migrations.RemoveField("tenantsettings", "working_hours"),
                migrations.RemoveField("tenantsettings", "active_timezones"),
            ],
        ),
    ]
