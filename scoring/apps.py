from django.apps import AppConfig


class ScoringConfig(AppConfig):
    name = "scoring"
    verbose_name = "Scores and shortlist"

    def ready(self) -> None:
        # Models can be imported only once all apps are known.
        from icp.explain import register_reason  # noqa: PLC0415 -- see above
        from icp.lead_panels import register_panel  # noqa: PLC0415 -- see above
        from scoring.lead_panel import score_panel  # noqa: PLC0415 -- see above
        from scoring.why_not import shortlist_reason  # noqa: PLC0415 -- see above

        register_reason(shortlist_reason)
        register_panel(score_panel, title="Score", position=10)
