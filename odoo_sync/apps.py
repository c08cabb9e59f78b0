from django.apps import AppConfig


class OdooSyncConfig(AppConfig):
    name = "odoo_sync"
    verbose_name = "Odoo"

    def ready(self) -> None:
        # Models can be imported only once all apps are known.
        from icp.lead_panels import register_panel  # noqa: PLC0415 -- see above
        from icp.suppressions import when_suppressed  # noqa: PLC0415 -- see above
        from odoo_sync.lead_panel import odoo_panel  # noqa: PLC0415 -- see above
        from odoo_sync.recall import list_for_recall  # noqa: PLC0415 -- see above

        when_suppressed(list_for_recall)
        register_panel(odoo_panel, title="Odoo", position=60, is_wide=False)
