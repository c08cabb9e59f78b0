"""Ask again about addresses whose answer is 90 days old, or about which nobody could tell anything.

Only those somebody may still write to: an address of a rejected lead costs nothing. What was never
asked about for want of a key is left to nights and operators, so that a new key is no bill.
"""

from __future__ import annotations

import time
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from enrichment.clients.zerobounce import MOST_IN_BATCH
from enrichment.models import Contact, Verification
from enrichment.verification.ask_verifier import Found, Verifier
from icp.models import Lead
from icp.suppressions import suppressed_among
from tenants.permits import Purpose

PASSING = ("rate", "down", "budget", "stopped")  # reasons not to ask that go by


def recheck(*, seconds: float) -> Found:
    """Ask about what is due, longest due first, for about ``seconds``.

    At most a credit an address, inside the tenant's budget; ends when there is no permit. A second
    call finds only what is left.
    """
    verifier = Verifier(Purpose("recheck"), until=time.monotonic() + seconds)
    total = Found()
    tried: set[str] = set()
    while addresses := _next(tried):
        tried |= set(addresses)
        suppressed = suppressed_among("EMAIL", addresses)
        found = verifier.check(each for each in addresses if each not in suppressed)
        total.add(found)
        if found.refused is not None or found.left or time.monotonic() > verifier.until:
            break
    return total


def due(*, now: datetime) -> QuerySet[Verification]:
    """What ``recheck`` would ask about."""
    usable = Contact.objects.filter(
        Q(is_mailable=True) | Q(is_withheld=True), verification=OuterRef("pk")
    ).exclude(lead__stage=Lead.Stage.REJECTED)
    asked = ~Q(status="unverified") | Q(sub_status__in=PASSING)
    return Verification.objects.filter(asked, Exists(usable), due_at__lte=now).exclude(address="")


def _next(tried: set[str]) -> list[str]:
    waiting = due(now=timezone.now()).exclude(address__in=tried).order_by("due_at", "pk")
    return list(waiting.values_list("address", flat=True)[:MOST_IN_BATCH])
