"""PROMISES B7: who asks for silence while mail is under way gets none, whichever door it is."""

from __future__ import annotations

import pytest
from django.test import override_settings

from leadgen_project.tests.mail_rig import MailRig
from leadgen_project.tests.silence import DOORS, Patient, Silence
from tenants.context import connection

pytestmark = pytest.mark.slow

MAILS = 30


def test_a_suppression_wins_over_mail_that_real_senders_have_in_hand(
    place, django_db_setup, django_db_blocker
):
    """Judged by what happened before what, no clock: the provider waits while a door is used."""
    microsoft = Patient()
    with (
        django_db_blocker.unblock(),
        override_settings(ALLOWED_HOSTS=["*"]),
        # Its own hours: no lease ends while the provider waits.
        MailRig(place / "silence", mailboxes=1, microsoft=microsoft, hasty=False) as rig,
    ):
        step = rig.queue(MAILS)
        silence = Silence(rig, step)
        rig.start_workers()
        moments = [(door, moment) for door in DOORS for moment in ("draft", "send")]
        silenced: dict[str, set[str]] = {"draft": set(), "send": set(), "waiting": set()}
        for door, moment in moments:
            microsoft.hold_next(moment)
            in_hand = silence.held()
            waiting = silence.waiting(1)
            silence.ask(door, [in_hand, *waiting])
            silenced[moment].add(str(in_hand.key))
            silenced["waiting"] |= {str(message.key) for message in waiting}
        microsoft.hold_next("")
        rig.wait_until_settled()

        found = silence.found()
        accepted = microsoft.keys
        assert not (silenced["draft"] | silenced["waiting"]) & accepted.keys()
        assert {key for key, _ in found.in_flight} == silenced["send"]
        assert (found.asked, found.stopped, found.broken) == (20, 15, [])
        assert max(accepted.values()) == 1
        assert len(accepted) == MAILS - found.stopped
        assert rig.keys("REFUSED") == silenced["draft"]
        assert rig.keys("CANCELLED") == silenced["waiting"]
        assert rig.adds_up(step)
    connection.close()
