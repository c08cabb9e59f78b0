"""What somebody should know of the Odoo: a key refused or about to end, a stop, leads parked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from icp.models import Notice
from leadgen_project.notices.draft import Draft, page_of
from odoo_sync.models import OdooAttempt, OdooConnection, OdooPush

SOON = timedelta(days=7)
_STOPS = {OdooConnection.State.KEY: "it refuses the key, which may have expired",
          OdooConnection.State.WRONG: "somebody has to see to it"}  # fmt: skip


def odoo_drafts(now: datetime) -> Iterator[Draft]:
    """For ``look``: two small statements."""
    today = timezone.localdate(now)
    for each in OdooConnection.objects.filter(is_on=True):
        page = page_of("odoo_sync_odooconnection_change", each.pk)
        if each.state in _STOPS:
            why = _STOPS[OdooConnection.State(each.state)]
            yield Draft(
                f"odoo {each.pk} {each.state} {each.state_since:%Y-%m-%dT%H:%M}", Notice.Kind.ODOO,
                "Nothing goes to Odoo", f"Because {why}.", page,
            )  # fmt: skip
        elif each.key_expires_on and each.key_expires_on <= today + SOON:
            yield Draft(f"odoo {each.pk} key ends {each.key_expires_on}", Notice.Kind.ODOO,
                        "The key of Odoo ends soon", f"On {each.key_expires_on:%d %b %Y}.",
                        page)  # fmt: skip
    day = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    parked = OdooAttempt.objects.filter(result=OdooPush.State.PARKED, at__gte=day)
    if parked.filter(push__state=OdooPush.State.PARKED).exists():
        yield Draft(
            f"odoo parked {today}", Notice.Kind.ODOO, "Leads are parked on their way to Odoo",
            "Their list says why each is, and sends them again.",
            page_of("odoo_sync_odoopush_changelist"),
        )  # fmt: skip
