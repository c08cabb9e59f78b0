from django.apps import AppConfig


class OutreachConfig(AppConfig):
    name = "outreach"
    verbose_name = "Mail"

    def ready(self) -> None:
        # Models can be imported only once all apps are known.
        from enrichment.listings.merge_leads import follow_merges  # noqa: PLC0415 -- see above
        from icp.suppressions import when_suppressed  # noqa: PLC0415 -- see above
        from outreach.admission.take_out_of_queue import take_out_of_queue  # noqa: PLC0415 -- see above
        from outreach.models import Message  # noqa: PLC0415 -- see above

        when_suppressed(take_out_of_queue)
        follow_merges("mails", Message, has_contact=True)
