from django.apps import AppConfig


class OdooSyncConfig(AppConfig):
    name = "odoo_sync"
    verbose_name = "Odoo"
