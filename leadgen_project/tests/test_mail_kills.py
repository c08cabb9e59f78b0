"""Whatever is killed, however the provider lies: no mail twice, none lost, each doubt listed."""

from __future__ import annotations

import random

import pytest

from leadgen_project.sandbox.vendors.mail_stand_in import MailFault
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.kills import Havoc
from leadgen_project.tests.mail_rig import MailRig
from tenants.context import connection

pytestmark = pytest.mark.slow

LIES = (
    MailFault.GATEWAY_AFTER, MailFault.ERROR_AFTER, MailFault.RESET_AFTER, MailFault.HANG_AFTER,
    MailFault.WAIT_AFTER, MailFault.GATEWAY_BEFORE, MailFault.RATE_LIMITED, MailFault.EXPIRED,
)  # fmt: skip
MESSAGES = 40


@pytest.mark.parametrize("transport", ["GRAPH_DRAFT", "GRAPH_DIRECT"])
def test_kills_and_lies_double_nothing_and_lose_nothing(
    place, django_db_setup, django_db_blocker, transport
):
    microsoft = MicrosoftStandIn(chance_of_fault=0.15, likely_faults=LIES, settle_seconds=1.0)
    home, has_drafts = place / transport.lower(), transport == "GRAPH_DRAFT"
    with (
        django_db_blocker.unblock(),
        MailRig(home, transport=transport, microsoft=microsoft) as rig,
    ):
        step = rig.queue(MESSAGES)
        rig.start_workers()
        rig.call_all()
        havoc = Havoc(rig, random.Random(7))
        ways = [havoc.worker, havoc.cluster, *([havoc.database] if has_drafts else [])]
        havoc.wreak_by(ways, kills=len(ways), is_over=lambda: not rig.is_open())
        rig.wait_until_settled()

        sent, doubted = rig.keys("SENT"), rig.keys("IN_DOUBT")
        accepted = microsoft.keys
        assert max(accepted.values()) == 1
        assert sent <= accepted.keys() <= sent | doubted
        assert len(sent) + len(doubted) == MESSAGES
        assert rig.adds_up(step)
        if has_drafts:
            assert len(doubted) <= 1
    connection.close()
