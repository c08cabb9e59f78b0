from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class LeadgenConfig(AppConfig):
    name = "leadgen_project"
    verbose_name = "leadgen"

    def ready(self) -> None:
        from chat.agent import toolbox  # noqa: PLC0415 -- needs loaded apps
        from enrichment.harvest import mail_templates  # noqa: PLC0415 -- as above
        from leadgen_project import harvest_templates  # noqa: PLC0415 -- as above
        from leadgen_project.lists.offered import offer_all  # noqa: PLC0415 -- as above

        offer_all()
        mail_templates.use(harvest_templates.OURS)
        toolbox.add_source("leadgen_project.chat_tools.offer_tools")
        queue = apps.get_app_config("django_q")
        post_migrate.connect(_keep_schedule, sender=queue, dispatch_uid="leadgen.keep_schedule")


def _keep_schedule(**_kwargs: Any) -> None:
    """After ``migrate``: the queue calls ``schedule.tick`` every minute."""
    from leadgen_project.schedule import ensure_schedule  # noqa: PLC0415 -- needs loaded apps
    from tenants.context import is_public  # noqa: PLC0415 -- as above

    if is_public():  # tenants have no queue of their own
        ensure_schedule()
