"""What the mail queue does by itself, a step at a time, for tests that hold a browser open.

Run as ``python -m leadgen_project.tests.mail_steps TENANT STEP ...`` with the steps of ``STEPS``.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta

import django


def send() -> None:
    """What the tick and the tasks it calls do: follow-ups, then all that is due."""
    from outreach.models import Mailbox
    from outreach.sending.deliver import deliver
    from outreach.tend import tend
    from tenants.clock import database_now

    tend(now=database_now())
    for pk in Mailbox.objects.values_list("pk", flat=True):
        deliver(pk, seconds=10)


def read() -> None:
    """Read every mailbox."""
    from outreach.answers.read_answers import read_answers
    from outreach.models import Mailbox

    for pk in Mailbox.objects.values_list("pk", flat=True):
        read_answers(pk)


def wait() -> None:
    """Let ten days pass for what was sent."""
    from django.db.models import F

    from outreach.models import Mailbox, Message

    days = timedelta(days=10)
    sent = Message.objects.filter(sent_at__isnull=False)
    sent.update(sent_at=F("sent_at") - days, asked_at=F("asked_at") - days)
    Mailbox.objects.update(not_before=F("not_before") - days)


STEPS = {step.__name__: step for step in (send, read, wait)}


def main(tenant: str, *steps: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadgen_project.settings")
    django.setup()
    from tenants.context import in_tenant

    with in_tenant(tenant):
        for step in steps:
            STEPS[step]()


if __name__ == "__main__":
    main(*sys.argv[1:])
