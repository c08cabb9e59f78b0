"""Look again at held messages: what held them may have gone without anybody telling them.

An address was verified, a policy was changed, a campaign was resumed, a template corrected. Which
messages wait for nothing any more is decided by the gate alone.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from outreach.admission.ask_many import ask_many
from outreach.admission.place import PUT_OFF, place
from outreach.models import Campaign, MailPolicy, Message

AT_ONCE = 500
RUNNING = Campaign.Status.RUNNING
_PLACED = ["status", "code", "sentence", "not_before", "gate"]


def ask_again(messages: QuerySet[Message] | None = None, *, now: datetime, most: int = 5000) -> int:
    """Ask the gate about held messages once more; returns how many wait for nothing now.

    Only those no clock will wake. Idempotent, and safe beside senders: a row somebody has in hand
    is passed by. A dozen statements for each 500 messages, and one for each that changes.
    """
    held = Message.objects.filter(status=Message.Status.HELD, not_before=None)
    held = held.exclude(Q(code="campaign_paused") & ~Q(step__campaign__status=RUNNING))
    if MailPolicy.objects.exclude(sending_off="").exists():
        held = held.exclude(code="sending_off")
    wanted = (held & messages) if messages is not None else held.exclude(code=PUT_OFF)
    ids = list(wanted.order_by("pk").values_list("pk", flat=True)[:most])
    return sum(_ask(ids[at : at + AT_ONCE], now=now) for at in range(0, len(ids), AT_ONCE))


@transaction.atomic
def _ask(ids: list[int], *, now: datetime) -> int:
    rows = Message.objects.filter(pk__in=ids, status=Message.Status.HELD, not_before=None)
    locked = list(
        rows.select_related("step__campaign", "template_version__template",
                            "template_version__signature", "variation", "lead", "contact",
                            "mailbox")
        .order_by("pk").select_for_update(skip_locked=True, of=("self",))
    )  # fmt: skip
    freed = 0
    for message, verdicts in zip(locked, ask_many(locked, now=now), strict=True):
        before = (message.status, message.code, message.sentence)
        place(message, verdicts, now=now)
        if (message.status, message.code, message.sentence) != before:
            message.save(update_fields=_PLACED)
            freed += message.status == Message.Status.QUEUED
    return freed
