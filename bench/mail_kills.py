"""Kill senders, their cluster and the database 200 times while a lying provider takes 5,000 mails.

``BENCH_MAILS``, ``BENCH_KILLS`` and ``BENCH_SEED`` say how many and with which dice,
``BENCH_WAYS`` in which modes.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.result import Result
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.kills import Havoc
from leadgen_project.tests.mail_rig import MailRig
from leadgen_project.tests.test_mail_kills import LIES

MAILS = int(os.environ.get("BENCH_MAILS", "5000"))
KILLS = int(os.environ.get("BENCH_KILLS", "200"))
WAYS = os.environ.get("BENCH_WAYS", "GRAPH_DRAFT,GRAPH_DIRECT").split(",")
SENDERS = 4
FAULTS = 0.2  # the share of the provider's answers that are one of ``LIES``
# A mail may be sent twice, and two of the eight lies leave a draft: 0.25 % meet these both times,
# and what is killed adds to that. PROMISES B2 has 0.2 % for a provider that lies, without kills.
MOST_DOUBTED = 2 * (FAULTS * 2 / len(LIES)) ** 2
LONGEST_SECONDS = 3600


def measure() -> Iterator[Result]:
    """In draft mode and at most once; a quarter of an hour each, so each is told when it ends."""
    for way in WAYS:
        yield from _measure(way)


def _measure(way: str) -> list[Result]:
    seed = int(os.environ.get("BENCH_SEED", str(time.time_ns() % 1000)))
    microsoft = MicrosoftStandIn(
        chance_of_fault=FAULTS, likely_faults=LIES, settle_seconds=1.0, seed=seed
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leadgen-mail-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with MailRig(Path(name) / "m", mailboxes=2 * SENDERS, transport=way,
                     microsoft=microsoft) as rig:  # fmt: skip
            step = rig.queue(MAILS)
            rig.start_workers(SENDERS)
            rig.call_all()
            havoc = Havoc(rig, random.Random(seed))
            ways = [havoc.worker, havoc.cluster, havoc.database, havoc.supervisor, havoc.worker]
            havoc.wreak_by(ways, kills=KILLS, is_over=lambda: not _goes_on(rig))
            rig.wait_until_settled(seconds=LONGEST_SECONDS)
            sent, doubted = rig.keys("SENT"), rig.keys("IN_DOUBT")
            adds_up = rig.adds_up(step)
    accepted = microsoft.keys
    doubled = sum(count > 1 for count in accepted.values())
    lost = len(sent - accepted.keys()) + len(accepted.keys() - sent - doubted)
    hits = ", ".join(f"{count} x {name}" for name, count in sorted(havoc.hits.items()))
    note = (
        f"{len(sent):,} sent, {len(doubted)} in doubt, {rig.signed_in_again} sign-ins,"
        f" {time.monotonic() - began:.0f} s, seed {seed}: {hits}"
    )
    most_doubts = MOST_DOUBTED * MAILS if way == "GRAPH_DRAFT" else None
    return [
        Result(f"mail kills, {way}: mails doubled", doubled, 0, note=note),
        Result(f"mail kills, {way}: mails lost or said wrongly", lost, 0),
        Result(f"mail kills, {way}: in doubt", len(doubted), most_doubts),
        Result(f"mail kills, {way}: statuses that do not add up", not adds_up, 0),
    ]


def _goes_on(rig: MailRig) -> bool:
    rig.call_all()
    return rig.is_open()
