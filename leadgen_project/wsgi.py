"""The web server's door. Only here do database connections come from a pool."""

from __future__ import annotations

import os

os.environ["LEADGEN_PROCESS"] = "web"  # before the settings are read; workers must not have it
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadgen_project.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from leadgen_project import embedded_postgres

if not settings.DATABASE_URL:
    embedded_postgres.ensure(settings.DATA_DIR)

application = get_wsgi_application()
