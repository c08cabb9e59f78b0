"""The form of a mailbox, whose pace stays within what its provider takes."""

from __future__ import annotations

from typing import Any

from outreach.mailboxes.mailbox_form import MailboxForm
from outreach.models import Mailbox
from outreach.transports.open import NoTransportError, capabilities_of


class MailboxWithinLimits(MailboxForm):
    """More than the provider takes would be answered with 429, or close the account."""

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        options = {"service": given.get("service"), "format": given.get("format")}
        try:
            can = capabilities_of(Mailbox(transport=given.get("transport", ""), options=options))
        except NoTransportError:
            return given
        limits = (("per_minute", can.per_minute, "a minute"), ("per_day", can.per_day, "a day"))
        for name, most, span in limits:
            if (given.get(name) or 0) > most:
                self.add_error(name, f"Its provider takes at most {most:,} {span}.")
        return given
