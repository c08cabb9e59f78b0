"""Suppress 300 addresses by five doors while 2,000 mails to them and others are on their way.

Four sender processes, a provider that takes its time and lies, random moments; half of the people
asked for are those whose mail somebody has in hand. ``BENCH_MAILS``, ``BENCH_PEOPLE`` and
``BENCH_SEED`` say how many and with which dice.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.test import override_settings

from bench.result import Result
from leadgen_project.sandbox.vendors.mail_stand_in import MailFault
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.mail_rig import MailRig
from leadgen_project.tests.silence import DOORS, Silence, keep_commit_times
from leadgen_project.tests.test_mail_kills import LIES
from outreach.models import Message

MAILS = int(os.environ.get("BENCH_MAILS", "2000"))
PEOPLE = int(os.environ.get("BENCH_PEOPLE", "300"))
SENDERS = 4
AT_ONCE = {"console": 5, "import": 10}  # values one use of the door names
LONGEST_PAUSE_SECONDS = 1.5
SLOWEST_SECONDS = 0.3  # for one of the provider's answers
LONGEST_SECONDS = 1800
# A mailbox whose token is refused twice waits for a person, and nobody reads its bounces.
FAULTS = tuple(fault for fault in LIES if fault is not MailFault.EXPIRED)


class Slow(MicrosoftStandIn):
    """Takes its time, so that much is in hand at any moment."""

    pauses = random.Random(1)

    def answer(self, request: Any) -> Any:
        time.sleep(self.pauses.uniform(0, SLOWEST_SECONDS))
        return super().answer(request)


def measure() -> Iterator[Result]:
    """Some minutes. Judged by the provider's journal and the database's commit times."""
    seed = int(os.environ.get("BENCH_SEED", str(time.time_ns() % 1000)))
    dice = random.Random(seed)
    microsoft = Slow(chance_of_fault=0.1, likely_faults=FAULTS, settle_seconds=1.0, seed=seed)
    began = time.monotonic()
    with (
        override_settings(ALLOWED_HOSTS=["*"]),
        tempfile.TemporaryDirectory(prefix="leadgen-mail-", ignore_cleanup_errors=True) as name,
    ):
        Path(name).chmod(0o755)
        with MailRig(Path(name) / "m", mailboxes=2 * SENDERS, microsoft=microsoft) as rig:
            keep_commit_times(rig)
            step = rig.queue(MAILS)
            silence = Silence(rig, step, days_ago=3)
            rig.start_workers(SENDERS)
            rig.call_all()
            doors = _ask_for_silence(rig, silence, dice)
            rig.wait_until_settled(seconds=LONGEST_SECONDS)
            found, statuses = silence.found(), rig.statuses()
            adds_up, doubled = rig.adds_up(step), max(microsoft.keys.values()) - 1
    lags = sorted(seconds for _, seconds in found.in_flight)
    note = (
        f"{found.asked} people of {MAILS:,} by {', '.join(f'{n} x {door}' for door, n in doors)};"
        f" {found.stopped} got no mail; seed {seed}, {time.monotonic() - began:.0f} s"
    )
    ended = ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items()))
    longest = f"{len(lags)} on their way, the last {lags[-1]:.2f} s after" if lags else "none"
    yield Result("suppress: accepted over 1 s after the commit, not on its way then",
                 len(found.late), 0, note=note)  # fmt: skip
    yield Result("suppress: provider asked once the suppression was seen", len(found.broken), 0)
    yield Result("suppress: accepted though suppressed while the provider was being asked",
                 len(lags), note=longest)  # fmt: skip
    for key, seconds in sorted(found.in_flight, key=lambda each: each[1]):
        yield Result(f"suppress: on its way: {key}, seconds from commit to acceptance", seconds)
    yield Result("suppress: mails doubled", doubled, 0, note=ended)
    yield Result("suppress: statuses that do not add up", not adds_up, 0)


def _ask_for_silence(rig: MailRig, silence: Silence, dice: random.Random) -> list[tuple[str, int]]:
    """Until all have asked or no mail waits any more; by each door, how many have."""
    share = PEOPLE // len(DOORS)
    uses = [door for door in DOORS for _ in range(-(-share // AT_ONCE.get(door, 1)))]
    dice.shuffle(uses)
    while not rig.microsoft.mails:  # the senders have begun
        time.sleep(0.1)
    count: Counter[str] = Counter()
    for door in uses:
        time.sleep(dice.uniform(0, LONGEST_PAUSE_SECONDS))
        rig.call_all()
        if not (people := _whom(silence, dice, AT_ONCE.get(door, 1))):
            break
        silence.ask(door, people)
        count[door] += len(people)
    return sorted(count.items())


def _whom(silence: Silence, dice: random.Random, most: int) -> list[Message]:
    """Half of the time those whose mail is in hand just now."""
    in_hand, waiting = silence.in_hand(), silence.waiting(MAILS)
    if in_hand and dice.random() < 0.5:
        people = dice.sample(in_hand, min(most, len(in_hand)))
        most -= len(people)
    else:
        people = []
    return people + dice.sample(waiting, min(most, len(waiting)))
