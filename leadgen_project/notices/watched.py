"""Records that a person watches: what is told of them, and to that person alone.

Compares what was last told with what is true now, so whatever changed a record is noticed. Texts
name numbers and pages, never a person, an address or a company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Count
from django.urls import reverse

from acra.models import RegisteredCompany
from icp.models import Lead, Notice, Watch
from outreach.answer_models import Reply
from outreach.models import Campaign
from tenants.context import current_schema
from tenants.models import Membership
from tenants.row_number import row_number

__all__ = ["MOST_WATCHED", "TooManyWatchedError", "look_at_watched", "page_of", "switch"]

Record = Watch.Record
State = dict[str, str]
MOST_WATCHED = 200  # by one person

_PAGES = {
    Record.LEAD: "admin:icp_lead_change",
    Record.CAMPAIGN: "admin:outreach_campaign_change",
    Record.COMPANY: "admin:acra_registeredcompany_change",
}


class TooManyWatchedError(Exception):
    """The person watches as many records as one may."""


def switch(person: str, record: str, key: str) -> bool:
    """Begin to watch, or end it; returns whether it is watched now.

    Raises ``LookupError`` when there is no such record, and ``TooManyWatchedError``.
    """
    if Watch.objects.filter(person=person, record=record, key=key).delete()[0]:
        return False
    states = _STATES[Record(record)]([key]) if record in Record.values else {}
    if key not in states:
        raise LookupError(f"There is no {record.lower()} {key}.")
    if Watch.objects.filter(person=person).count() >= MOST_WATCHED:
        raise TooManyWatchedError(
            f"You watch {MOST_WATCHED} records, which is the most. Stop watching some first."
        )
    Watch.objects.get_or_create(
        person=person, record=record, key=key, defaults={"state": states[key]}
    )
    return True


def page_of(watch: Watch) -> str:
    """The path of the record's page."""
    return reverse(_PAGES[Record(watch.record)], args=[watch.key])


@transaction.atomic
def look_at_watched(*, now: datetime) -> int:
    """Tell each watcher what has changed since it was last told; returns how many notices.

    One statement where nobody watches, else one more for each kind of record. Several at once do
    not tell twice. A record that is gone is told of once and no longer watched.
    """
    members = Membership.objects.filter(tenant_id=current_schema(), user__is_active=True)
    watches = list(
        Watch.objects.filter(person__in=members.values("user__username"))
        .select_for_update(skip_locked=True)
        .order_by("pk")
    )
    notices: list[Notice] = []
    changed: list[Watch] = []
    gone: list[Watch] = []
    for record, states_of in _STATES.items():
        mine = [watch for watch in watches if watch.record == record]
        states = states_of({watch.key for watch in mine}) if mine else {}
        for watch in mine:
            state = states.get(watch.key)
            if state == watch.state:
                continue
            notices.append(_notice(watch, state, now=now))
            (gone if state is None else changed).append(watch)
            watch.state = state or {}
    Notice.objects.bulk_create(notices)
    Watch.objects.bulk_update(changed, ["state"])
    Watch.objects.filter(pk__in=[watch.pk for watch in gone]).delete()
    return len(notices)


def _notice(watch: Watch, state: State | None, *, now: datetime) -> Notice:
    name = f"{watch.get_record_display()} {watch.key}"
    draft = Notice(
        key=f"watch {watch.pk} {now.isoformat(timespec='microseconds')}",
        kind=Notice.Kind.WATCHED, person=watch.person, at=now,
    )  # fmt: skip
    if state is None:
        draft.title, draft.text = f"{name} is gone", "It was removed; you no longer watch it."
        draft.page = reverse("admin:notices")
    else:
        draft.title, draft.text = f"{name} has changed", _difference(watch.state, state)
        draft.page = page_of(watch)
    return draft


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    parts = [
        f"{name}: {before.get(name) or 'none'}, now {value or 'none'}."
        for name, value in after.items()
        if before.get(name) != value
    ]
    return " ".join(parts)[:500]


# -- what is told of each kind of record ---------------------------------------------------------
def _leads(keys: Iterable[str]) -> dict[str, State]:
    numbers = _numbers(keys)
    replies = dict(
        Reply.objects.filter(message__lead_id__in=numbers)
        .values_list("message__lead_id")
        .annotate(n=Count("pk"))
    )
    return {
        str(lead.pk): {
            "Stage": lead.get_stage_display(),
            "Score": "" if lead.score is None else str(lead.score),
            "Review": lead.get_review_display(),
            "Answers": str(replies.get(lead.pk, 0)),
        }
        for lead in Lead.objects.filter(pk__in=numbers)
    }


def _campaigns(keys: Iterable[str]) -> dict[str, State]:
    return {
        str(campaign.pk): {"Status": campaign.get_status_display()}
        for campaign in Campaign.objects.filter(pk__in=_numbers(keys))
    }


def _companies(keys: Iterable[str]) -> dict[str, State]:
    return {
        company.uen: {
            "Status": company.status,
            "Row of the register": f"changed {company.changed_at:%d %b %Y}",
        }
        for company in RegisteredCompany.objects.filter(pk__in=list(keys))
    }


def _numbers(keys: Iterable[str]) -> list[int]:
    return [row_number(key) for key in keys]


_STATES: dict[Record, Callable[[Iterable[str]], dict[str, State]]] = {
    Record.LEAD: _leads,
    Record.CAMPAIGN: _campaigns,
    Record.COMPANY: _companies,
}
