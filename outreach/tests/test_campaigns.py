"""Campaigns: who is in, what keeps them from starting, and counts that add up at every moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from enrichment.models import Contact
from icp import suppressions
from icp.models import Lead
from outreach import campaigns, decide
from outreach.audience import AudienceError, resolve, words_of
from outreach.campaigns import CampaignError, StepPlan, counts_of
from outreach.models import Campaign, MailPolicy, Message, MessageEvent
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.tests.factories import make_contact, make_mailbox, make_policy, make_version
from outreach.tests.post_office import PostOffice
from outreach.timeline import timeline
from outreach.windows import OFFICE
from outreach.wording.templates import add_variation
from scoring.models import Shortlist, ShortlistEntry
from tenants.models import AuditEvent

ALL = {"filter": {}, "quiet_days": 0}


@pytest.fixture
def mailbox(acme):
    make_policy()
    return make_mailbox()


def plan(mailbox, *, name="Autumn", audience=None, mails=1, delay=3, **changes) -> Campaign:
    steps = [StepPlan(make_version(fallbacks={"first_name": "x"}, body_html="<p>Hello</p>"), (),
                      delay if number else 0) for number in range(mails)]  # fmt: skip
    values = {"name": name, "audience": ALL if audience is None else audience, "steps": steps,
              "mailboxes": [mailbox] if mailbox else [], "actor": "olga",
              "now": timezone.now(), **changes}  # fmt: skip
    return campaigns.save_campaign(None, **values)


def people(number: int, **changes) -> list[Contact]:
    return [make_contact(**{"verdict": "DELIVERABLE", **changes}) for _ in range(number)]


def start(campaign: Campaign) -> int:
    return campaigns.start(campaign, actor="olga", now=timezone.now())


def send_all(mailbox, office: PostOffice) -> None:
    type(mailbox).objects.update(not_before=timezone.now())
    while message := claim(mailbox.pk):
        send(message, transport=office)
        type(mailbox).objects.update(not_before=timezone.now())
        Message.objects.exclude(asked_at=None).update(
            asked_at=timezone.now() - timedelta(hours=2)
        )  # fmt: skip


def check(campaign: Campaign) -> dict[str, int]:
    campaign.refresh_from_db()
    counts = counts_of([campaign])[campaign.pk]
    assert counts.adds_up, counts
    return {word: number for word, number in counts.by_word.items() if number}


# --- audience -------------------------------------------------------------------------------
def test_everybody_is_counted_once_in_or_out_with_a_reason(acme):
    good, silent, gone, twin = people(4)
    make_contact(verdict="UNDELIVERABLE")
    Contact.objects.filter(pk=twin.pk).update(email=good.email)
    suppressions.add("EMAIL", silent.email, reason="Asked us", actor="olga")
    Lead.objects.filter(pk=gone.lead_id).update(stage="REJECTED", rejection_code="x",
                                                rejection_reason="y")  # fmt: skip
    Lead.objects.create(source_ref="alone", name="ALONE")
    nameless = make_contact()
    Contact.objects.filter(pk=nameless.pk).update(email="")

    found = resolve({"filter": {"stage": ["CANDIDATE", "REJECTED"]}}, now=timezone.now())

    assert [contact for _, contact in found.chosen] == [good]
    assert found.left_out == {"suppressed": 1, "undeliverable": 1, "double": 1, "rejected": 1,
                              "no_contact": 1, "no_address": 1}  # fmt: skip
    assert found.considered == Lead.objects.count()


def test_who_was_written_to_lately_is_left_alone(acme):
    contact = people(1)[0]
    from outreach.tests.factories import make_message

    make_message(contact=contact, asked_at=timezone.now() - timedelta(days=5))

    assert resolve({"filter": {}, "quiet_days": 30}, now=timezone.now()).left_out == {
        "written_to": 1
    }
    assert len(resolve({"filter": {}, "quiet_days": 4}, now=timezone.now()).chosen) == 1


def test_an_audience_from_a_shortlist_keeps_its_order_and_leaves_out_who_was_rejected(acme):
    from scoring.models import LeadScore, ScoreCard

    one, two, three = people(3)
    card = ScoreCard.objects.create(name="default", version=1, payload={}, created_by="o")
    shortlist = Shortlist.objects.create(run_id=7, cap=5, card=card, considered=3)
    for rank, contact, decision in ((1, two, "OPEN"), (2, three, "REJECTED"), (3, one, "OPEN")):
        score = LeadScore.objects.create(lead=contact.lead, run_id=7, card=card, total=5,
                                         bucket="LOW", features={}, rationale="x")  # fmt: skip
        ShortlistEntry.objects.create(
            shortlist=shortlist, rank=rank, lead=contact.lead, score=score, decision=decision,
            **({} if decision == "OPEN" else {"decided_by": "o", "decided_at": timezone.now(),
                                              "decision_reason": "x"}),
        )  # fmt: skip

    found = resolve({"shortlist": "latest"}, now=timezone.now())

    assert [contact for _, contact in found.chosen] == [two, one]
    assert words_of({"shortlist": 7, "decision": "ACCEPTED"}).endswith("that were accepted")


@pytest.mark.parametrize("audience", [{"shortlist": "latest"}, {"filter": {"tenant": "beta"}}])
def test_an_audience_there_is_none_of_says_so(acme, audience):
    with pytest.raises(AudienceError):
        resolve(audience, now=timezone.now())


# --- start ----------------------------------------------------------------------------------
def test_a_draft_says_all_that_keeps_it_from_starting(acme):
    make_policy()
    campaign = plan(None, mails=0)

    with pytest.raises(CampaignError) as refused:
        start(campaign)

    assert len(refused.value.sentences) == 2
    campaign.refresh_from_db()
    assert campaign.status == "DRAFT"


def test_a_mailbox_that_cannot_meet_the_duties_is_refused_before_the_start(acme):
    make_policy()
    people(1)
    late = make_mailbox(state="RECONNECT", state_reason="Sign in again.")
    plain = make_mailbox()
    campaign = plan(None, mailboxes=[late, plain], audience={**ALL, "needs_one_click": True})

    problems = " ".join(campaigns.why_not_start(campaign))

    assert "Sign in again" in problems
    assert f"{plain} has not been shown to carry one-click" in problems
    plain.findings = {"one_click": True}
    plain.save()
    campaign.mailboxes.set([plain])
    assert campaigns.why_not_start(campaign) == []


def test_a_template_with_faults_keeps_it_from_starting(mailbox):
    people(1)
    faulty = StepPlan(make_version(subject="Re: tea"))

    campaign = plan(mailbox, steps=[faulty])

    assert "Mail 1: The subject looks like an answer" in campaigns.why_not_start(campaign)[0]


def test_nobody_in_it_is_no_campaign(mailbox):
    with pytest.raises(CampaignError, match="Nobody is in its audience"):
        start(plan(mailbox))


def test_a_start_queues_each_person_once_and_a_second_one_nobody(mailbox):
    people(3)
    make_contact(verdict="UNVERIFIED")
    campaign = plan(mailbox)

    assert start(campaign) == 4
    with pytest.raises(CampaignError, match="already"):
        start(campaign)

    assert check(campaign) == {"waiting": 3, "held": 1}
    assert campaign.chosen == 4
    assert AuditEvent.objects.filter(action="outreach.campaign.running").count() == 1


def test_recipients_are_shared_among_approved_wordings(mailbox):
    people(30)
    version = make_version(fallbacks={"first_name": "x"})
    other = add_variation(version, subject="Cake", body="<p>Cake</p>", actor="olga")
    campaign = plan(mailbox, steps=[StepPlan(version, (other,))])

    start(campaign)

    shares = [Message.objects.filter(variation=each).count() for each in (None, other)]
    assert sum(shares) == 30
    assert min(shares) >= 1


def test_a_draft_nobody_approved_cannot_be_chosen(mailbox):
    version = make_version()
    draft = add_variation(version, subject="C", body="<p>C {{ first_name }}</p>", actor="olga",
                          source="LLM")  # fmt: skip

    with pytest.raises(CampaignError, match="nobody has approved B"):
        plan(mailbox, steps=[StepPlan(version, (draft,))])


def test_what_has_started_can_no_longer_be_changed(mailbox):
    people(1)
    campaign = plan(mailbox)
    start(campaign)

    with pytest.raises(CampaignError, match="can no longer be changed"):
        campaigns.save_campaign(campaign, name="x", audience=ALL, steps=[], mailboxes=[],
                                actor="olga", now=timezone.now())  # fmt: skip
    with pytest.raises(CampaignError):
        campaigns.delete_draft(campaign, actor="olga")


# --- on its way -----------------------------------------------------------------------------
def test_paused_nothing_goes_out_and_resumed_all_of_it(mailbox):
    people(2)
    campaign, office = plan(mailbox), PostOffice()
    start(campaign)

    campaigns.pause(campaign, actor="olga", reason="A holiday.")
    send_all(mailbox, office)
    assert office.sent == []
    assert sum(check(campaign).values()) == 2
    campaigns.resume(campaign, actor="olga", reason="It is over.", now=timezone.now())
    assert check(campaign) == {"waiting": 2}
    send_all(mailbox, office)

    assert len(office.sent) == 2
    assert check(campaign) == {"sent": 2}


def test_stopped_what_waited_is_cancelled_and_what_went_out_stays(mailbox):
    people(3)
    campaign, office = plan(mailbox), PostOffice()
    start(campaign)
    send(claim(mailbox.pk), transport=office)

    assert campaigns.stop(campaign, actor="olga", reason="Wrong text.", now=timezone.now()) == 2

    assert check(campaign) == {"sent": 1, "cancelled": 2}
    with pytest.raises(CampaignError):
        campaigns.resume(campaign, actor="olga", reason="x", now=timezone.now())


@pytest.mark.parametrize("act", ["pause", "stop"])
def test_without_a_reason_nothing_is_paused_or_stopped(mailbox, act):
    people(1)
    campaign = plan(mailbox)
    start(campaign)
    more = {"now": timezone.now()} if act == "stop" else {}

    with pytest.raises(CampaignError, match="Say why"):
        getattr(campaigns, act)(campaign, actor="olga", reason=" ", **more)


def test_follow_ups_come_when_due_to_those_who_may_still_get_them(mailbox):
    quiet, answered, bounced, opted, unsent = people(5)
    campaign, office = plan(mailbox, mails=2, delay=3), PostOffice()
    start(campaign)
    Message.objects.filter(contact=unsent).update(
        status="HELD", code="x", sentence="y", not_before=None
    )
    send_all(mailbox, office)
    for contact, kind in ((answered, "REPLIED"), (bounced, "BOUNCED")):
        message = Message.objects.get(contact=contact)
        MessageEvent.objects.create(message=message, kind=kind)
    suppressions.add("EMAIL", opted.email, reason="Asked us", actor="olga")
    soon, later = timezone.now() + timedelta(days=2), timezone.now() + timedelta(days=4)

    assert campaigns.queue_due_follow_ups(now=soon) == 0
    assert campaigns.queue_due_follow_ups(now=later) == 1
    assert campaigns.queue_due_follow_ups(now=later) == 0

    follow_up = Message.objects.get(step__position=2)
    assert (follow_up.contact, follow_up.mailbox) == (quiet, mailbox)
    assert check(campaign) == {"sent": 4, "held": 1, "waiting": 1}
    campaign.refresh_from_db()
    assert campaign.chosen == 6


def test_a_paused_campaign_follows_nobody_up(mailbox):
    people(1)
    campaign, office = plan(mailbox, mails=2), PostOffice()
    start(campaign)
    send_all(mailbox, office)
    campaigns.pause(campaign, actor="olga", reason="x")

    assert campaigns.queue_due_follow_ups(now=timezone.now() + timedelta(days=9)) == 0


def test_it_ends_when_nothing_waits_and_nothing_can_follow(mailbox):
    people(2)
    campaign, office = plan(mailbox, mails=2), PostOffice()
    start(campaign)
    now = timezone.now()
    assert campaigns.finish_campaigns(now=now) == 0
    send_all(mailbox, office)
    assert campaigns.finish_campaigns(now=now) == 0  # a follow-up is still to come
    campaigns.queue_due_follow_ups(now=now + timedelta(days=4))
    Message.objects.filter(status="QUEUED").update(not_before=now)
    send_all(mailbox, office)

    assert campaigns.finish_campaigns(now=now) == 1
    assert campaigns.finish_campaigns(now=now) == 0

    campaign.refresh_from_db()
    assert campaign.status == "FINISHED"
    assert check(campaign) == {"sent": 4}
    assert len(set(office.sent)) == 4


def test_it_ends_although_somebody_can_no_longer_be_followed_up(mailbox):
    quiet = people(1)[0]
    campaign, office = plan(mailbox, mails=2), PostOffice()
    start(campaign)
    send_all(mailbox, office)
    suppressions.add("EMAIL", quiet.email, reason="Asked us", actor="olga")
    now = timezone.now()

    assert campaigns.finish_campaigns(now=now) == 0
    assert campaigns.queue_due_follow_ups(now=now + timedelta(days=4)) == 0
    assert campaigns.finish_campaigns(now=now + timedelta(days=4)) == 1


# --- a person decides -----------------------------------------------------------------------
@pytest.fixture
def held(mailbox) -> Message:
    """Waits for a person, because its address was bought."""
    from enrichment.models import Evidence

    people(1)
    Evidence.objects.update(source="PROVIDER")
    start(plan(mailbox))
    message = Message.objects.get()
    assert message.code == "origin_asks"
    return message


def test_what_is_released_goes_out(held, mailbox):
    office = PostOffice()

    assert decide.release([held.pk], actor="olga", reason="I know them", now=timezone.now()) == 1
    assert decide.release([held.pk], actor="olga", reason="again", now=timezone.now()) == 0
    send_all(mailbox, office)

    assert len(office.sent) == 1
    assert held.events.get(kind="DECIDED").detail == "Released: I know them"


def test_releasing_cannot_verify_an_address(held, mailbox):
    Message.objects.update(code="not_verified")

    assert decide.release([held.pk], actor="olga", reason="x", now=timezone.now()) == 0


def test_what_is_dropped_is_cancelled_with_who_and_why(held):
    assert decide.drop([held.pk], actor="olga", reason="No", now=timezone.now()) == 1
    assert decide.drop([held.pk], actor="olga", reason="No", now=timezone.now()) == 0

    held.refresh_from_db()
    assert (held.status, held.sentence) == ("CANCELLED", "Dropped by olga: No")
    assert AuditEvent.objects.filter(action="outreach.message.drop").count() == 1


def doubt(message: Message, mailbox) -> Message:
    Message.objects.filter(pk=message.pk).update(
        status="IN_DOUBT", code="unclear", sentence="Unclear.", mailbox=mailbox,
        asked_at=timezone.now(), draft_id="old",
    )  # fmt: skip
    return Message.objects.get(pk=message.pk)


def test_a_doubt_is_settled_once_by_one_of_three_decisions(held, mailbox):
    now = timezone.now()
    for act, status in ((decide.it_was_sent, "SENT"), (decide.send_again, "QUEUED"),
                        (decide.drop_doubtful, "CANCELLED")):  # fmt: skip
        Message.objects.update(status="HELD", sent_at=None, code="x", sentence="y")
        message = doubt(held, mailbox)
        act(message, actor="olga", reason="Looked", now=now)
        message.refresh_from_db()
        assert message.status == status
        with pytest.raises(decide.DecisionError, match="not in doubt"):
            act(message, actor="olga", reason="Looked", now=now)
    assert held.events.filter(kind="DECIDED").count() == 3


def test_an_address_is_adopted_on_sight_of_a_page(held, mailbox):
    with pytest.raises(decide.DecisionError, match="Name the page"):
        decide.adopt(held, url="javascript:alert(1)", actor="olga", now=timezone.now())

    adoption = decide.adopt(held, url="https://kaya.example/contact", actor="olga",
                            now=timezone.now())  # fmt: skip

    assert (adoption.email, adoption.by) == (held.recipient, "olga")


# --- timeline -------------------------------------------------------------------------------
def test_the_timeline_keeps_windows_gaps_and_days(mailbox):
    mailbox.gap_seconds, mailbox.per_day, mailbox.per_minute = 600, 5, 60
    night = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # 20:00 in Singapore
    mailbox.not_before = night
    messages = [Message(recipient=f"{n}@x.example", timezone="Asia/Singapore", country="SG")
                for n in range(8)]  # fmt: skip

    slots = timeline(messages, mailboxes=[mailbox], window=OFFICE, now=night)

    moments = [slot.at for slot in slots]
    assert moments[0] == datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    assert all(b - a >= timedelta(seconds=600) for a, b in pairwise(moments))
    assert [sum(m.date() == datetime(2026, 11, d, tzinfo=UTC).date() for m in moments)
            for d in (25, 26)] == [5, 3]  # fmt: skip
    closed = timeline(messages, mailboxes=[], window=OFFICE, now=night)
    assert {slot.at for slot in closed} == {None}


def test_a_policy_that_sends_nothing_holds_nothing_at_the_start(mailbox):
    """The switch is looked at when a mailbox sends; it does not decide who is in the queue."""
    people(1)
    MailPolicy.objects.update(sending_off="audit.")
    campaign = plan(mailbox)

    start(campaign)

    assert check(campaign) == {"waiting": 1}
