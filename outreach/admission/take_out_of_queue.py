"""Take mail that waits out of the queue when its recipient is suppressed, whatever the door."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from icp.models import Suppression
from icp.suppressions import Kind
from outreach.admission.facts import suppression_of
from outreach.models import Message, MessageEvent
from tenants.clock import database_now

AT_ONCE = 200  # domains of one statement, messages of one look


def take_out_of_queue(suppressions: QuerySet[Suppression]) -> int:
    """Cancel waiting messages to whom ``suppressions`` forbid; returns how many.

    For ``icp.suppressions.when_suppressed``, in the transaction that suppresses. A message that is
    in a sender's hands meets the suppression at its fence (``outreach.sending.send``), and one this
    does not find, such as below a suppressed domain that is known by its hash alone, at the gate.
    """
    standing = suppressions.filter(lifted_at=None)
    hashes = standing.filter(kind=Kind.EMAIL).values("value_hash")
    uens = standing.filter(kind=Kind.UEN).values("value")
    taken = _cancel(Q(recipient_hash__in=hashes)) + _cancel(Q(lead__uen__in=uens))
    known = standing.filter(kind=Kind.DOMAIN).exclude(value="")
    domains = list(known.values_list("value", flat=True))
    for start in range(0, len(domains), AT_ONCE):
        below = Q()
        for domain in domains[start : start + AT_ONCE]:
            below |= Q(recipient__endswith=f"@{domain}") | Q(recipient__endswith=f".{domain}")
        taken += _cancel(below)
    return taken


def _cancel(which: Q) -> int:
    """In order of their numbers, so that two opt-outs at once never wait for each other."""
    waiting = Message.objects.filter(which, status__in=Message.WAITING).order_by("pk")
    found = list(waiting.select_for_update(of=("self",)).select_related("lead"))
    if not found:
        return 0
    now, events = database_now(), []
    for message in found:
        suppression = suppression_of(message)
        because = suppression.reason.rstrip(".") if suppression else "by its domain"
        message.status, message.code = Message.Status.CANCELLED, "suppressed"
        message.sentence, message.not_before = f"Suppressed: {because}."[:500], None
        reference = f"suppression {suppression.pk}" if suppression and suppression.pk else ""
        events.append(
            MessageEvent(
                message=message,
                kind=MessageEvent.Kind.STOPPED,
                at=now,
                detail=message.sentence,
                reference=reference,
            )
        )
    Message.objects.bulk_update(
        found, ["status", "code", "sentence", "not_before"], batch_size=AT_ONCE
    )
    MessageEvent.objects.bulk_create(events, ignore_conflicts=True)
    return len(found)
