"""The cache of what is known of addresses: who asks about which, and what they were told.

An address is claimed before anybody asks about it, and the answer is written before the call that
brought it is settled. So two workers never ask about one address, and a worker killed in between
has paid for its question once: the next one finds the claim with the call that was under way,
leaves the address alone for this night, and the ledger keeps the price until it is reconciled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from enrichment.models import Contact, Verification
from enrichment.verification.judge_contacts import judge_contacts, link_contacts
from enrichment.verification.precheck import Answer
from enrichment.verification.verdict import TO_SUPPRESS
from icp import suppressions
from tenants.context import connection

Source = Verification.Source

GOOD_FOR = timedelta(days=90)
# Before the second, third ... question about an address nobody could tell anything about. The first
# is below a day, so that it is due in the next night whatever the hour of this one.
PAUSES = (timedelta(hours=20), timedelta(days=2), timedelta(days=5), timedelta(days=12),
          timedelta(days=30))  # fmt: skip
# Longer than a batch may take: its turn (75 s) and its answer (95 s).
CLAIM = timedelta(minutes=5)
SUPPRESSED_BY = "ZeroBounce"

_CLAIM = """
INSERT INTO enrichment_verification AS v (
    address, address_hash, status, sub_status, source, checked_at, due_at, tries, facts, call_id,
    held_until, lease, asking_call)
SELECT said.address, said.hash, 'unverified', '', 'NONE', %(now)s, %(now)s, 0, '{}', NULL,
    clock_timestamp() + %(lease)s, 1, NULL
FROM unnest(%(addresses)s::text[], %(hashes)s::text[]) AS said (address, hash)
ORDER BY said.hash
ON CONFLICT (address_hash) DO UPDATE
SET held_until = clock_timestamp() + %(lease)s, lease = v.lease + 1, address = excluded.address
WHERE (v.held_until IS NULL OR v.held_until < clock_timestamp())
  AND (v.due_at <= %(now)s OR v.address = '' OR %(even_known)s)
RETURNING id, address_hash, lease, tries, asking_call
"""
_HOLD = """
UPDATE enrichment_verification v
SET asking_call = %(call)s, held_until = clock_timestamp() + %(lease)s
FROM unnest(%(ids)s::bigint[], %(leases)s::int[]) AS mine (id, lease)
WHERE v.id = mine.id AND v.lease = mine.lease
RETURNING v.id
"""
_CONCLUDE = """
UPDATE enrichment_verification v
SET status = said.status, sub_status = said.sub_status, source = said.source,
    checked_at = %(now)s, due_at = said.due_at, tries = said.tries, facts = said.facts,
    call_id = said.call_id, held_until = NULL, asking_call = NULL
FROM jsonb_to_recordset(%(said)s::jsonb) AS said (
    id bigint, lease int, status text, sub_status text, source text, due_at timestamptz,
    tries int, facts jsonb, call_id bigint)
WHERE v.id = said.id AND v.lease = said.lease
RETURNING v.id
"""
_LEAVE = """
UPDATE enrichment_verification v
SET held_until = NULL, asking_call = NULL,
    sub_status = CASE WHEN v.source = 'NONE' THEN %(code)s ELSE v.sub_status END,
    checked_at = CASE WHEN v.source = 'NONE' THEN %(now)s ELSE v.checked_at END
FROM unnest(%(ids)s::bigint[], %(leases)s::int[]) AS mine (id, lease)
WHERE v.id = mine.id AND v.lease = mine.lease
RETURNING v.id
"""

_LET_GO = """
UPDATE enrichment_verification v SET held_until = NULL
FROM unnest(%(ids)s::bigint[], %(leases)s::int[]) AS mine (id, lease)
WHERE v.id = mine.id AND v.lease = mine.lease AND v.asking_call IS NULL
RETURNING v.id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """An address this worker alone may ask about now. ``lost_call``: of one that died asking."""

    pk: int
    address: str
    lease: int
    tries: int
    lost_call: int | None


def hash_of(address: str) -> str:
    """What an address is found by, also after the person was erased."""
    return suppressions.hash_of("EMAIL", address)


def claim(addresses: Iterable[str], *, now: datetime, even_known: bool = False) -> list[Claim]:
    """Take those of ``addresses`` that are new or due and that nobody else asks about.

    One statement. ``even_known`` takes also those whose answer is still good.
    """
    by_hash = {hash_of(address): address for address in addresses}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"now": now, "lease": CLAIM, "hashes": list(by_hash),
                                "addresses": list(by_hash.values()),
                                "even_known": even_known})  # fmt: skip
        rows = cursor.fetchall()
    return [Claim(pk, by_hash[hashed], *rest) for pk, hashed, *rest in rows]


def hold(claims: Sequence[Claim], *, call_id: int | None) -> None:
    """Write down, before it is asked, which call asks about ``claims``; renews them.

    ``None`` only renews. Those somebody else has taken over are left out silently: their answer
    will be refused at the end.
    """
    _execute(_HOLD, claims, call=call_id, lease=CLAIM)


def pass_by(claims: Sequence[Claim], *, code: str, now: datetime) -> None:
    """Free ``claims`` nobody was asked about, and say why; an older answer stays."""
    if claims:
        with transaction.atomic():
            _bring_in_line(_execute(_LEAVE, claims, code=code[:60], now=now))


def forget(addresses: Iterable[str]) -> int:
    """Leave only the hash of ``addresses``, and when they were checked; returns how many.

    For people who are not to be contacted. Nothing is asked about them again unless their
    suppression is lifted.
    """
    hashes = [hash_of(each) for each in addresses]
    known = Verification.objects.filter(address_hash__in=hashes).exclude(address="")
    return known.update(address="", facts={})


def note(addresses: Iterable[str], *, code: str, now: datetime) -> None:
    """Say why nobody was asked about ``addresses`` that nothing is known of. One statement."""
    rows = [Verification(address=each, address_hash=hash_of(each), sub_status=code, checked_at=now,
                         due_at=now) for each in addresses]  # fmt: skip
    Verification.objects.bulk_create(rows, ignore_conflicts=True)


def let_go(claims: Sequence[Claim]) -> None:
    """Free ``claims`` as if they had never been taken."""
    if claims:
        _execute(_LET_GO, claims)


@transaction.atomic
def conclude(
    claims: Sequence[Claim],
    answers: Mapping[str, Answer],
    *,
    source: Source,
    now: datetime,
    call_id: int | None = None,
) -> None:
    """Write down what was said of ``claims``, judge all contacts by it, suppress traps.

    Only of claims that are still held. A fixed number of statements, and some for each trap.
    """
    said = [
        {"id": each.pk, "lease": each.lease, "source": source, "call_id": call_id,
         **_row(each, answers[each.address], now=now)}
        for each in claims if each.address in answers
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_CONCLUDE, {"now": now, "said": json.dumps(said)})
        ids = [pk for (pk,) in cursor.fetchall()]
    _bring_in_line(ids)
    for each in claims:
        answer = answers.get(each.address)
        if answer is not None and answer.status in TO_SUPPRESS:
            suppressions.add(
                "EMAIL", each.address, actor="verification", source=SUPPRESSED_BY, now=now,
                reason=f"The address belongs to {TO_SUPPRESS[answer.status]}.",
            )  # fmt: skip


def _row(mine: Claim, answer: Answer, *, now: datetime) -> dict[str, object]:
    tries = mine.tries + 1 if answer.status == "unknown" else 0
    due: datetime | None = now + GOOD_FOR
    if tries:
        due = now + PAUSES[tries - 1] if tries <= len(PAUSES) else None
    return {
        "status": answer.status[:40], "sub_status": answer.sub_status[:60], "tries": tries,
        "due_at": due.isoformat() if due else None, "facts": dict(answer.facts),
    }  # fmt: skip


def _bring_in_line(ids: Sequence[int]) -> None:
    """Contacts follow what their addresses have become."""
    addresses = Verification.objects.filter(pk__in=ids).exclude(address="").values("address")
    link_contacts(Contact.objects.filter(email__in=addresses))
    judge_contacts(Contact.objects.filter(verification__in=ids))


def _execute(statement: str, claims: Sequence[Claim], **values: object) -> list[int]:
    mine = {"ids": [each.pk for each in claims], "leases": [each.lease for each in claims]}
    with connection.cursor() as cursor:
        cursor.execute(statement, {**mine, **values})
        return [pk for (pk,) in cursor.fetchall()]
