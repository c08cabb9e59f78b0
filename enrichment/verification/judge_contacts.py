"""Bring contacts in line with what is known of their addresses and with the tenant's policy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from enrichment.domains import is_free_mail
from enrichment.models import Contact, SendingPolicy, Verification
from enrichment.verification.verdict import Judgement, Policy, judge
from enrichment.verification.withheld import remember
from enrichment.withdraw import WHY as SUPPRESSED
from icp.suppressions import suppressed_among

INCLUDE = SendingPolicy.Choice.INCLUDE
AT_ONCE = 5000


class Change(NamedTuple):
    """What a contact would become."""

    verdict: str
    is_mailable: bool
    is_withheld: bool
    reason: str


def policy_now() -> Policy:
    """The tenant's policy; the defaults where it has chosen none."""
    return policy_of(SendingPolicy.objects.first() or SendingPolicy())


def policy_of(row: SendingPolicy) -> Policy:
    return Policy(
        catch_all=row.catch_all == INCLUDE,
        role_mailbox=row.role_mailbox == INCLUDE,
        free_mail=row.free_mail == INCLUDE,
    )


def link_contacts(contacts: QuerySet[Contact]) -> int:
    """Point contacts at what is known of their addresses; returns how many are new to it."""
    known = Verification.objects.filter(address=OuterRef("email"))
    unlinked = contacts.filter(Exists(known), verification=None).exclude(email="")
    return unlinked.update(verification=Subquery(known.values("pk")[:1]))


@transaction.atomic
def judge_contacts(contacts: QuerySet[Contact], *, policy: Policy | None = None) -> int:
    """Give ``contacts`` the verdict of their addresses; returns how many changed.

    What forbids writing for another reason (suppressed, a notice on the site) stays as it is. Two
    statements for any number that stays as it was, one more for each kind of change.
    """
    rows = contacts.select_for_update(of=("self",)).order_by("pk")
    by_change: dict[Change, list[int]] = defaultdict(list)
    withheld: list[int] = []
    freed: list[int] = []
    for pk, change, was_withheld in _changes(rows, policy or policy_now()):
        by_change[change].append(pk)
        if change.is_withheld != was_withheld:
            (withheld if change.is_withheld else freed).append(pk)
    for change, ids in by_change.items():
        for start in range(0, len(ids), AT_ONCE):
            Contact.objects.filter(pk__in=ids[start : start + AT_ONCE]).update(
                verdict=change.verdict, is_mailable=change.is_mailable,
                is_withheld=change.is_withheld, not_mailable_reason=change.reason[:200],
            )  # fmt: skip
    remember(withheld=withheld, freed=freed, now=timezone.now())
    return sum(len(ids) for ids in by_change.values())


def preview(policy: Policy) -> Counter[str]:
    """How many contacts ``policy`` would let in and take out: ``{"in": 3, "out": 1}``."""
    counts: Counter[str] = Counter()
    for _, change, was in _compared(Contact.objects.order_by("pk"), policy):
        if change.is_mailable != was.is_mailable:
            counts["in" if change.is_mailable else "out"] += 1
    return counts


def _changes(rows: QuerySet[Contact], policy: Policy) -> Iterable[tuple[int, Change, bool]]:
    """Contacts that change: key, what they become, whether they are withheld now."""
    changed = list(_compared(rows, policy))
    # Only hashes are left of erased people, so a contact that comes back is asked about anew.
    back = [pk for pk, change, was in changed if change.is_mailable and not was.is_mailable]
    addresses = dict(Contact.objects.filter(pk__in=back).values_list("pk", "email"))
    refused = suppressed_among("EMAIL", addresses.values()) if addresses else set()
    for pk, change, was in changed:
        if addresses.get(pk) in refused:
            yield pk, Change(change.verdict, False, False, SUPPRESSED), was.is_withheld
        else:
            yield pk, change, was.is_withheld


def _compared(rows: QuerySet[Contact], policy: Policy) -> Iterable[tuple[int, Change, Change]]:
    """Contacts that would change: key, what they would become, what they are."""
    columns = ("pk", "email", "verdict", "is_mailable", "is_withheld", "not_mailable_reason",
               "verification__status", "verification__sub_status",
               "verification__facts__free_email")  # fmt: skip
    looked_at = rows.exclude(email="").exclude(verification=None)
    for pk, email, *now, status, sub_status, free in (
        looked_at.values_list(*columns).iterator(chunk_size=AT_ONCE)
    ):  # fmt: skip
        is_free = bool(free) or is_free_mail(email.rpartition("@")[2])
        judged = judge(status, sub_status, is_free_mail=is_free, policy=policy)
        was = Change(*now)
        change = _change(was, judged)
        if change != was:
            yield pk, change, was


def _change(now: Change, judged: Judgement) -> Change:
    if not now.is_mailable and not now.is_withheld:  # for another reason, which stands
        return now._replace(verdict=judged.verdict.value)
    if judged.is_allowed:
        return Change(judged.verdict.value, True, False, "")
    return Change(judged.verdict.value, False, True, judged.reason)
