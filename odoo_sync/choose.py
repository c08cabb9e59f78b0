"""Which leads go to Odoo: those a person accepted, or good ones by themselves.

A lead that is there already goes again when there is something new to say of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from icp.models import Lead
from odoo_sync.facts import facts_of
from odoo_sync.models import OdooConnection, OdooPush
from odoo_sync.preview import made_for
from odoo_sync.work import TAKEN_BACK
from scoring.models import ShortlistEntry
from tenants import audit

REVIEW, AUTOMATIC, HAND, NEWS = "review", "automatic", "hand", "news"
State = OdooPush.State
CHUNK = 500
CEASED = "ceased"
# What may be tried again by hand; what is in hand or waits already comes by itself.
AGAIN = (State.DONE, State.PARKED, State.LEFT, State.REFUSED)


def choose(connection: OdooConnection, *, now: datetime, run_id: int | None = None) -> int:
    """Queue what may go and is not there yet; returns how many are new. A second call adds none."""
    mine = OdooPush.objects.filter(connection=connection)
    fresh = Lead.objects.in_stage(Lead.Stage.SHORTLISTED).exclude(pk__in=mine.values("lead_id"))
    accepted = list(fresh.filter(review=Lead.Review.ACCEPTED).values_list("pk", flat=True))
    rows = ShortlistEntry.objects.filter(lead_id__in=accepted, decision="ACCEPTED")
    who = {lead: (by, at) for lead, by, at in
           rows.order_by("pk").values_list("lead_id", "decided_by", "decided_at")}  # fmt: skip
    made = [_push(connection, pk, REVIEW, *who.get(pk, ("", now)), run_id=run_id, now=now)
            for pk in accepted]  # fmt: skip
    if connection.is_automatic:
        good = fresh.filter(review=Lead.Review.OPEN, score__gte=connection.threshold)
        by = f"automatic, from a score of {connection.threshold}"
        made += [_push(connection, pk, AUTOMATIC, by, now, run_id=run_id, now=now)
                 for pk in good.values_list("pk", flat=True)]  # fmt: skip
    OdooPush.objects.bulk_create(made, batch_size=CHUNK, ignore_conflicts=True)
    return len(made) + _accepted_again(mine, now=now, run_id=run_id)


def _accepted_again(mine: QuerySet[OdooPush], *, now: datetime, run_id: int | None) -> int:
    """An approval that was taken back before the lead went, and given again."""
    back = mine.filter(state=State.REFUSED, code=TAKEN_BACK, lead__review=Lead.Review.ACCEPTED)
    return OdooPush.objects.filter(pk__in=back.values("pk")).update(
        state=State.WAITING, code=REVIEW, sentence="", not_before=now, attempts=0,
        approved_at=now, run_id=run_id,
    )  # fmt: skip


def choose_by_hand(
    connection: OdooConnection, leads: Iterable[int], *, actor: str, now: datetime
) -> int:
    """Queue these leads, or queue them again, whatever became of them before; returns how many.

    Suppressions are asked all the same. One that was deleted in Odoo is made there again.
    """
    ids = list(leads)
    known = OdooPush.objects.filter(connection=connection, lead_id__in=ids)
    gone = known.filter(state=State.LEFT, code="deleted")
    for push in gone:
        push.records.all().delete()
    again = known.filter(state__in=AGAIN).update(
        state=State.WAITING, code=HAND, sentence="", not_before=now, attempts=0, digest="",
        approved_by=actor, approved_at=now, by_review=False,
    )  # fmt: skip
    missing = set(ids) - set(known.values_list("lead_id", flat=True))
    fresh = Lead.objects.filter(pk__in=missing).values_list("pk", flat=True)
    made = [_push(connection, pk, HAND, actor, now, run_id=None, now=now) for pk in fresh]
    OdooPush.objects.bulk_create(made, batch_size=CHUNK, ignore_conflicts=True)
    if count := again + len(made):
        subject = f"lead {ids[0]}" if len(ids) == 1 else f"{count} leads"
        audit.record("odoo_sync.push.approve", actor=actor, subject=subject,
                     after={"count": count, "connection": connection.name})  # fmt: skip
    return count


def choose_news(connection: OdooConnection, *, now: datetime, run_id: int | None = None) -> int:
    """Queue again what is in Odoo and has changed here; returns how many.

    Reads what is known of each lead that is there, and asks Odoo nothing: eight statements for 500
    leads. Rejected leads are over, but for those whose company ceased, which is said there.
    """
    there = OdooPush.objects.filter(connection=connection, state=State.DONE).filter(
        ~Q(lead__stage=Lead.Stage.REJECTED) | Q(lead__rejection_code=CEASED)
    )
    found = 0
    rows = there.order_by("pk").values_list("pk", "lead_id", "digest")
    known = list(rows)
    for start in range(0, len(known), CHUNK):
        chunk = known[start : start + CHUNK]
        leads = list(Lead.objects.filter(pk__in=[lead for _, lead, _ in chunk]).defer("trace"))
        said = made_for(connection, facts_of(leads))
        changed = [pk for pk, lead, digest in chunk if lead in said and said[lead].digest != digest]
        found += OdooPush.objects.filter(pk__in=changed, state=State.DONE).update(
            state=State.WAITING, code=NEWS, not_before=now, attempts=0, run_id=run_id
        )
    return found


def _push(
    connection: OdooConnection, lead_id: int, code: str, by: str, at: datetime | None, *,
    run_id: int | None, now: datetime,
) -> OdooPush:  # fmt: skip
    return OdooPush(
        connection=connection, lead_id=lead_id, code=code, approved_by=by or "review",
        approved_at=at or now, not_before=now, run_id=run_id, by_review=code == REVIEW,
    )  # fmt: skip
