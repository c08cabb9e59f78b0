"""Mail: sends a second against the bare calls to the provider, and whatever is killed meanwhile.

``BENCH_MAILS`` and ``BENCH_KILLS`` say how many; with ``BENCH_LATENCY`` the provider takes so many
seconds for each answer, as real ones do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.result import Result
from leadgen_project.sandbox.vendors.mail_stand_in import AcceptedMail
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.mail_rig import MailRig

SENDERS = 4  # processes, and as many mailboxes
FEW, MANY = 1_000, 200_000  # messages that wait
MEASURED = int(os.environ.get("BENCH_MAILS", "600"))  # sends, after some to warm up
WARM_UP = 100
LATENCY = float(os.environ.get("BENCH_LATENCY", "0"))
BARE = Path(__file__).with_name("bare_sends.py")


class Distant(MicrosoftStandIn):
    """Takes its time for each answer."""

    def answer(self, request: Any) -> Any:
        time.sleep(LATENCY)
        return super().answer(request)


def measure() -> list[Result]:
    """A few minutes; queueing 200,000 messages takes the most of them."""
    with _rig() as rig:
        bare = _bare_rate(rig)
        rig.queue(FEW)
        few = _rate(rig)
        rig.queue(MANY)
        many = _rate(rig)
        again = _bare_rate(rig)
    floor = (bare + again) / 2
    note = f"{few:.0f} a second by {SENDERS} processes, bare {floor:.0f}"
    how = f", each answer after {LATENCY:g} s" if LATENCY else ""
    return [
        Result(f"mail: sends / bare calls of the provider{how}", few / floor, 0.7, at_least=True,
               note=note),
        Result(f"mail: sends with {MANY:,} messages waiting / with {FEW:,}", many / few, 0.9,
               at_least=True, note=f"{many:.0f} a second"),
    ]  # fmt: skip


@contextmanager
def _rig() -> Iterator[MailRig]:
    with tempfile.TemporaryDirectory(prefix="leadgen-mail-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with MailRig(
            Path(name) / "mail", mailboxes=SENDERS, microsoft=Distant(), hasty=False
        ) as rig:
            yield rig


def _rate(rig: MailRig) -> float:
    """Mails a second that the product's senders get accepted, once they are warm."""
    before = len(rig.microsoft.mails)
    rig.call_all()
    rig.start_workers(SENDERS)
    try:
        return _watched(rig, before)
    finally:
        rig.stop_workers()


def _bare_rate(rig: MailRig) -> float:
    before = len(rig.microsoft.mails)
    loops = []
    for mailbox in rig.mailboxes:
        token = rig.microsoft.tokens(mailbox.address).access
        command = [sys.executable, "-m", "bench.bare_sends", rig.microsoft.url, mailbox.address]
        loops.append(subprocess.Popen([*command, token], env=rig.env, cwd=BARE.parent.parent))
    try:
        return _watched(rig, before)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _watched(rig: MailRig, before: int) -> float:
    """Mails a second once each mailbox has sent some: before that, senders are still starting."""
    while not _are_warm(rig.microsoft.mails[before:]):
        time.sleep(0.05)
    start = len(rig.microsoft.mails)
    while len(rig.microsoft.mails) < start + MEASURED:
        time.sleep(0.05)
    taken: list[AcceptedMail] = rig.microsoft.mails[start:][:MEASURED]
    return (len(taken) - 1) / (taken[-1].at - taken[0].at)


def _are_warm(mails: Sequence[AcceptedMail]) -> bool:
    sent = Counter(mail.mailbox for mail in mails)
    return len(sent) == SENDERS and min(sent.values()) >= WARM_UP // SENDERS
