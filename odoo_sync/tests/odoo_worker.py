"""A process that sends what waits for Odoo until nothing does: ``python -m ... TENANT COUNT``."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadgen_project.settings")


def main(tenant: str, count: int) -> None:
    django.setup()
    from odoo_sync import sync
    from odoo_sync.models import OdooConnection, OdooPush
    from tenants.context import in_tenant

    sync.FIRST_PAUSE = sync.LONGEST_PAUSE = timedelta(seconds=0.2)
    with in_tenant(tenant):
        while OdooPush.objects.filter(state__in=["WAITING", "SENDING"]).exists():
            connection = OdooConnection.objects.get(is_on=True)
            if not sync.sync(connection, seconds=30, count=count):
                time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
