"""What a tenant has in hand and the platform forbids is suppressed here, with all that follows.

The gate and every way in ask the platform's list themselves. This goes beyond: mail that waits
leaves the queue, contacts go out of use, leads of a forbidden domain are rejected, and files and
Odoo records that hold the person come onto the recall lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from icp.models import Lead, TakenOut
from icp.platform_suppressions import forbidden_among
from icp.suppressions import (
    PLATFORM,
    PLATFORM_FORBIDS,
    Kind,
    add,
    add_hash,
    covering,
    hash_of,
    kinds_standing,
    take_back,
)
from odoo_sync.models import OdooPush
from outreach.models import Message
from scoring.withhold import values_of
from tenants.tasks import tenant_task

AT_ONCE = 2000  # leads, or messages
FILES_AT_ONCE = 20
Pair = tuple[str, str]  # kind of suppression, value


@tenant_task
def heed_platform() -> None:
    """Suppress here what the platform has come to forbid."""
    heed()


@tenant_task
def let_go_of_platform(*, value_hash: str) -> None:
    """End what came from the platform under ``value_hash``, unless the platform forbids it anew."""
    if not forbidden_among([value_hash]):
        take_back(PLATFORM, value_hash=value_hash, actor=PLATFORM,
                  reason="The platform has lifted it.")  # fmt: skip


def heed() -> int:
    """Suppress what this tenant holds and the platform forbids; returns how many.

    Costs about 0.1 ms for each value held: a minute for 100,000 leads with six each. Again changes
    nothing.
    """
    if not kinds_standing() & {Kind.EMAIL, Kind.DOMAIN}:
        return 0
    found: dict[str, Pair] = {}
    for pairs in _values_held():
        found |= _forbidden(pairs)
    for kind, value in found.values():
        add(kind, value, reason=PLATFORM_FORBIDS, actor=PLATFORM, source=PLATFORM)
    left = {key: kind for keys in _keys_held() for key, kind in forbidden_among(keys).items()}
    for value_hash in left.keys() - found.keys():
        add_hash(left[value_hash], value_hash, reason=PLATFORM_FORBIDS, actor=PLATFORM,
                 source=PLATFORM)  # fmt: skip
    return len(found.keys() | left.keys())


def _forbidden(pairs: Iterable[Pair]) -> dict[str, Pair]:
    """Hash -> what is forbidden of ``pairs``: the value itself, or the domain above it."""
    by_hash = {hash_of(*each): each for pair in pairs for each in covering(*pair)}
    return {key: by_hash[key] for key in forbidden_among(by_hash)}


def _values_held() -> Iterator[set[Pair]]:
    """Addresses and domains of leads, their contacts and sites, and of mail; some at a time."""
    leads = Lead.objects.order_by("pk").values_list("pk", flat=True).iterator()
    while ids := list(islice(leads, AT_ONCE)):
        yield {(kind, value) for _, kind, value in values_of(ids)
               if value and kind in (Kind.EMAIL, Kind.DOMAIN)}  # fmt: skip
    mail = Message.objects.exclude(recipient="").order_by().values_list("recipient", flat=True)
    recipients = mail.distinct().iterator()
    while some := list(islice(recipients, AT_ONCE)):
        yield {(Kind.EMAIL.value, each) for each in some}


def _keys_held() -> Iterator[Sequence[str]]:
    """Hashes of those who left in files and to Odoo, whose values may be gone by now."""
    files = TakenOut.objects.order_by("pk").values_list("keys", flat=True)
    yield from files.iterator(chunk_size=FILES_AT_ONCE)
    pushes = OdooPush.objects.order_by("pk").values_list("keys", flat=True).iterator()
    while some := list(islice(pushes, AT_ONCE)):
        yield [key for keys in some for key in keys]
