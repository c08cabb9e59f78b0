"""Tell harvests which mail templates there are."""

from __future__ import annotations

from enrichment.harvest.mail_templates import MailTemplates
from outreach.models import EmailTemplate


def choices() -> list[tuple[int, str]]:
    """Id and name of the templates in use, by name."""
    rows = EmailTemplate.objects.filter(is_archived=False).order_by("name")
    return list(rows.values_list("pk", "name"))


def fault(template_id: int) -> str:
    """Why mail cannot be meant for the template. Whether it may be sent is asked when it is."""
    template = EmailTemplate.objects.filter(pk=template_id).first()
    if template is None:
        return f"There is no template {template_id} here."
    if template.is_archived:
        return f"The template {template} is archived; restore it first."
    return ""


OURS = MailTemplates(choices=choices, fault=fault)
