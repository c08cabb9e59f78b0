from django.apps import AppConfig


class EnrichmentConfig(AppConfig):
    name = "enrichment"
    verbose_name = "What we found"

    def ready(self) -> None:
        # Models can be imported only once all apps are known.
        from enrichment.lead_panel import (  # noqa: PLC0415 -- see above
            contacts_panel,
            facts_panel,
            site_panel,
        )
        from enrichment.listing_panels import (  # noqa: PLC0415 -- see above
            listings_panel,
            match_panel,
            twins_panel,
        )
        from enrichment.vendors_panel import vendors_panel  # noqa: PLC0415 -- see above
        from enrichment.why_not import site_reason  # noqa: PLC0415 -- see above
        from enrichment.withdraw import (  # noqa: PLC0415 -- see above
            forget_answers,
            withdraw_contacts,
        )
        from icp.explain import register_reason  # noqa: PLC0415 -- see above
        from icp.lead_panels import register_panel  # noqa: PLC0415 -- see above
        from icp.suppressions import when_suppressed  # noqa: PLC0415 -- see above

        register_panel(facts_panel, title="Facts, each with its evidence", position=20)
        register_panel(contacts_panel, title="Whom one could talk to", position=30)
        register_panel(site_panel, title="Web site", position=40)
        register_panel(listings_panel, title="Where it was listed", position=25)
        register_panel(match_panel, title="Which company is it?", position=10, is_wide=False)
        register_panel(twins_panel, title="Duplicates", position=12, is_wide=False)
        register_panel(vendors_panel, title="Asked of vendors", position=45, is_wide=False)
        register_reason(site_reason)
        when_suppressed(withdraw_contacts)
        when_suppressed(forget_answers)
