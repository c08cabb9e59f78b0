"""Five hundred mails from three mailboxes to five time zones, over a holiday and a clock change."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from enrichment.models import Contact, Evidence
from icp.models import Lead
from icp.suppressions import hash_of
from outreach.models import Mailbox, Message
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.sending.waiting import next_moment_at
from outreach.tests.factories import make_campaign, make_mailbox, make_policy
from outreach.tests.post_office import PostOffice
from outreach.tests.set_clock import SetClock
from outreach.windows import OFFICE_HOURS

pytestmark = pytest.mark.slow

MAILS, PER_MINUTE, PER_DAY = 500, 10, 90
# Gandhi's birthday is on Friday 2 October; in Sydney the clocks go forward on Sunday the 4th.
START = datetime(2026, 10, 2, 7, 29, tzinfo=UTC)  # a minute before Sydney closes
HOLIDAY = ("Asia/Kolkata", START.date())
ZONES = {"Asia/Singapore": "SG", "Asia/Kolkata": "IN", "Australia/Sydney": "AU",
         "Europe/London": "GB", "America/New_York": "US"}  # fmt: skip
OPENS, CLOSES = time(9), time(17, 30)


@dataclass(frozen=True, slots=True)
class Sent:
    at: datetime
    mailbox: int
    zone: str


def queue(*mailboxes: Mailbox) -> None:
    step = make_campaign(*mailboxes, chosen=MAILS)
    zones = list(ZONES)
    leads = Lead.objects.bulk_create(Lead(source_ref=f"D{n}", name=f"D{n}") for n in range(MAILS))
    contacts = Contact.objects.bulk_create(
        Contact(lead=lead, kind="PERSON", name="Mei", verdict="DELIVERABLE",
                email=f"mei@{lead.name.lower()}.example")
        for lead in leads
    )  # fmt: skip
    Evidence.objects.bulk_create(
        Evidence(lead=each.lead, contact=each, field="emails", value=each.email, confidence=1,
                 source="OPERATOR", reference="olga", method="typed")
        for each in contacts
    )  # fmt: skip
    Message.objects.bulk_create(
        Message(step=step, lead=each.lead, contact=each, recipient=each.email,
                recipient_hash=hash_of("EMAIL", each.email), created_by="olga", not_before=START,
                template_version=step.template_version, lead_data={"business_name": "Kaya"},
                timezone=zones[number % len(zones)], country=ZONES[zones[number % len(zones)]])
        for number, each in enumerate(contacts)
    )  # fmt: skip


def send_all(clock: SetClock, mailboxes: list[Mailbox], office: PostOffice) -> list[Sent]:
    """As the mail queue does: each mailbox at its next moment; the clock goes from one to the next.

    The journal is the provider's: one line for each mail it took.
    """
    journal: list[Sent] = []
    while True:
        for mailbox in mailboxes:
            while message := claim(mailbox.pk):
                send(message, transport=office)
                assert len(office.sent) == len(journal) + 1
                journal.append(Sent(clock.now, mailbox.pk, message.timezone))
        rows = Mailbox.objects.order_by("pk")
        moments = [next_moment_at(each, now=clock.now) for each in rows]
        if not any(moments):
            return journal
        clock.set(max(min(filter(None, moments)), clock.now + timedelta(milliseconds=1)))


def most_within(moments: list[datetime], window: timedelta) -> int:
    """The most of ``moments``, which are in order, in any window that ends with one of them."""
    return max(
        number - bisect_left(moments, at - window + timedelta(microseconds=1)) + 1
        for number, at in enumerate(moments)
    )


def test_hours_days_and_caps_hold_in_every_zone(acme, monkeypatch):
    clock, office = SetClock(START, monkeypatch=monkeypatch), PostOffice()
    make_policy(hours=OFFICE_HOURS, notice="We hold your name.",
                bases=dict.fromkeys(ZONES.values(), "customers of ours"))  # fmt: skip
    pace = {"gap_seconds": 1, "per_minute": PER_MINUTE, "per_day": PER_DAY, "not_before": START}
    mailboxes = [make_mailbox(**pace) for _ in range(3)]
    queue(*mailboxes)

    journal = send_all(clock, mailboxes, office)

    assert Counter(office.sent) == Counter(map(str, Message.objects.values_list("key", flat=True)))
    assert Counter(sent.zone for sent in journal) == dict.fromkeys(ZONES, MAILS // len(ZONES))
    for sent in journal:
        here = sent.at.astimezone(ZoneInfo(sent.zone))
        assert here.weekday() < 5, sent
        assert OPENS <= here.time() < CLOSES, sent
        assert (sent.zone, here.date()) != HOLIDAY
    of_mailbox = defaultdict(list)
    for sent in journal:
        of_mailbox[sent.mailbox].append(sent.at)
    assert {most_within(at, timedelta(minutes=1)) for at in of_mailbox.values()} == {PER_MINUTE}
    assert {most_within(at, timedelta(days=1)) for at in of_mailbox.values()} == {PER_DAY}
    first = min(sent.at for sent in journal if sent.zone == "Australia/Sydney"
                and sent.at > START + timedelta(days=2))  # fmt: skip
    assert first.astimezone(ZoneInfo("Australia/Sydney")).time() == OPENS, "by the new clock"
