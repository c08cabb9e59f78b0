"""Four processes send from three mailboxes: no gap is cut short, none sends two mails at once."""

from __future__ import annotations

from itertools import pairwise

import pytest

from leadgen_project.tests.mail_rig import TENANT, MailRig
from outreach.models import Mailbox
from tenants.context import connection, in_tenant

pytestmark = pytest.mark.slow

PROCESSES, MAILBOXES, MAILS = 4, 3, 15
GAP_SECONDS = 1.0


def test_gaps_hold_and_nothing_is_sent_side_by_side(place, django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), MailRig(place / "pace", mailboxes=MAILBOXES) as rig:
        with in_tenant(TENANT):
            Mailbox.objects.update(gap_seconds=GAP_SECONDS)
        step = rig.queue(MAILS)
        rig.start_workers(PROCESSES)
        rig.wait_until_settled()

        assert rig.adds_up(step)
        assert rig.statuses() == {"SENT": MAILS}
        with in_tenant(TENANT):
            for mailbox in rig.mailboxes:
                asked = sorted(mailbox.messages.values_list("asked_at", flat=True))
                gaps = [(b - a).total_seconds() for a, b in pairwise(asked)]
                assert all(gap >= GAP_SECONDS for gap in gaps), gaps
        assert max(rig.microsoft.most_at_once[box.address] for box in rig.mailboxes) == 1
    connection.close()
