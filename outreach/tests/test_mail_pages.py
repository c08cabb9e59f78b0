"""Campaigns, messages, desks and policies in the console: who may, what they change and say."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrichment.models import Contact, Evidence
from icp.models import Lead
from icp.tests.test_pages import inside, page, sign_in
from leadgen_project.console import sidebar
from leadgen_project.console.pages import link
from outreach.models import (
    Adoption,
    Campaign,
    EmailTemplate,
    Mailbox,
    MailPolicy,
    Message,
    OriginPolicy,
    TemplateVersion,
)
from outreach.tests.factories import (
    make_campaign,
    make_contact,
    make_mailbox,
    make_message,
    make_policy,
    make_version,
)
from outreach.why_nothing import why_single_mails
from tenants.models import AuditEvent

CHANGES = ("campaign/add/", "campaign/{c}/start/now/", "campaign/{c}/edit/", "message/held/decide/",
           "message/{m}/adopt/", "message/{m}/in-doubt/", "mailpolicy/",
           "originpolicy/set/")  # fmt: skip
PAGES = ("outreach_campaign_changelist", "outreach_message_changelist", "outreach_held",
         "outreach_doubt", "outreach_why", "outreach_mailpolicy_changelist",
         "outreach_originpolicy_changelist")  # fmt: skip


@pytest.fixture
def owner(db):
    inside(make_policy)
    return sign_in("OWNER")


def send(client: Client, path: str, **data: object) -> str:
    answer = client.post(f"/admin/outreach/{path}", data, follow=True)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def held(**changes) -> Message:
    values = {"status": "HELD", "code": "origin_asks", "sentence": "Bought. Release it or drop it.",
              "not_before": None, **changes}  # fmt: skip
    return inside(lambda: make_message(make_campaign(make_mailbox()), **values))


# --- empty ----------------------------------------------------------------------------------
def test_every_empty_page_says_what_to_do(owner):
    said = {name: page(owner, name) for name in PAGES}

    assert "It needs a template" in said["outreach_campaign_changelist"]
    assert "Messages come from campaigns" in said["outreach_message_changelist"]
    assert "Nothing is held" in said["outreach_held"]
    assert "Nothing is in doubt" in said["outreach_doubt"]
    assert "nothing was asked for" in said["outreach_why"]
    assert "a lawyer must confirm" in said["outreach_mailpolicy_changelist"]
    assert "a lawyer must confirm" in said["outreach_originpolicy_changelist"]


def test_each_page_of_mail_that_is_ours_stands_in_the_sidebar():
    ours = {name for _, _, name, _ in sidebar.MAIL_PAGES if "mailbox" not in name}

    assert all(link(name) for name in ours)


# --- campaigns ------------------------------------------------------------------------------
def test_a_campaign_is_planned_counted_started_paused_and_stopped(owner):
    contact = inside(lambda: make_contact(verdict="DELIVERABLE"))
    inside(lambda: make_contact(verdict="UNVERIFIED"))
    version, mailbox = inside(make_version), inside(make_mailbox)
    plan = {"name": "Autumn", "source": "filter", "stage": "CANDIDATE", "quiet_days": "0",
            "version": version.pk, "delay": "0", "mailbox": mailbox.pk}  # fmt: skip

    assert 'aria-label="Template of mail 2"' in send(owner, "campaign/add/", **plan, look="1")
    looked = send(owner, "campaign/add/", **plan, look="1")
    assert '<span class="ml-big">2</span>' in looked
    assert not inside(Campaign.objects.exists)
    draft = send(owner, "campaign/add/", **plan)
    assert "Start: write to 2 people" in draft
    assert contact.email in draft
    assert "not verified yet" in draft
    pk = inside(Campaign.objects.get).pk

    assert "Started: 2 mails are queued" in send(owner, f"campaign/{pk}/start/now/")
    assert "is running already" in send(owner, f"campaign/{pk}/start/now/")
    assert "Say why" in send(owner, f"campaign/{pk}/pause/now/")
    assert "Paused" in send(owner, f"campaign/{pk}/pause/now/", _reason="A holiday")
    live = owner.get(f"/admin/outreach/campaign/{pk}/live/").json()
    assert live["open"]
    assert "It is paused: A holiday" in live["html"]
    send(owner, f"campaign/{pk}/resume/now/", _reason="Over")
    assert "cancelled: 2" in send(owner, f"campaign/{pk}/stop/now/", _reason="Wrong text")
    assert inside(Campaign.objects.get).status == "STOPPED"


def test_a_draft_names_all_that_is_in_the_way_and_can_be_thrown_away(owner):
    late = inside(lambda: make_mailbox(state="RECONNECT", state_reason="Sign in again."))
    version = inside(lambda: make_version(subject="Re: tea"))

    shown = send(owner, "campaign/add/", name="Autumn", source="latest", version=version.pk,
                 delay="0", mailbox=late.pk)  # fmt: skip

    assert "looks like an answer" in shown
    assert "Sign in again" in shown
    assert "There is no shortlist yet" in shown
    assert "Start: write to" not in shown
    pk = inside(Campaign.objects.get).pk
    send(owner, f"campaign/{pk}/delete/now/")
    assert not inside(Campaign.objects.exists)


def test_a_draft_that_is_changed_keeps_its_filter_and_a_text_that_is_not_the_newest(owner):
    first, mailbox = inside(make_version), inside(make_mailbox)
    second = inside(make_version)
    asked = {"stage": "CANDIDATE", "bucket": ["HIGH", "LOW"], "fit": "MEETS", "review": "ACCEPTED",
             "lead_source": "REGISTER", "district": "1, 18", "score_min": "5",
             "score_max": "90"}  # fmt: skip
    plan = {"name": "Autumn", "source": "filter", "quiet_days": "0", "mailbox": mailbox.pk, **asked,
            "version": [first.pk, second.pk], "delay": ["0", "3"]}  # fmt: skip
    send(owner, "campaign/add/", **plan)
    campaign = inside(Campaign.objects.get)
    assert campaign.audience["filter"] == {
        "stage": ["CANDIDATE"], "bucket": ["HIGH", "LOW"], "fit": ["MEETS"],
        "review": ["ACCEPTED"], "source": ["REGISTER"], "district": [1, 18], "score_min": 5,
        "score_max": 90,
    }  # fmt: skip
    inside(lambda: TemplateVersion.objects.filter(pk=first.pk).update(is_current=False))
    inside(lambda: EmailTemplate.objects.update(description="For makers of tea"))

    form = owner.get(f"/admin/outreach/campaign/{campaign.pk}/edit/").content.decode()

    assert f'<option value="{first.pk}" selected>' in form
    assert "(version 1, not the newest)" in form
    assert form.count("For makers of tea") == 2
    ticked = re.findall(r'name="([a-z_]+)" value="([A-Z]+)" checked', form)
    assert set(ticked) == {
        ("stage", "CANDIDATE"), ("bucket", "HIGH"), ("bucket", "LOW"), ("fit", "MEETS"),
        ("review", "ACCEPTED"), ("lead_source", "REGISTER"),
    }  # fmt: skip
    assert 'name="district" value="1, 18"' in form
    assert 'name="score_max" inputmode="numeric" value="90"' in form
    assert "the template has a newer version" in page(
        owner, "outreach_campaign_change", campaign.pk
    )


def test_what_cannot_be_saved_keeps_what_was_typed(owner):
    version = inside(make_version)

    shown = send(owner, "campaign/add/", name="", source="filter", q="<script>x", delay="0",
                 version=version.pk)  # fmt: skip

    assert "Give the campaign a name" in shown
    assert "&lt;script&gt;x" in shown
    assert "<script>x" not in shown


# --- messages -------------------------------------------------------------------------------
def test_a_messages_page_answers_in_words_with_links(owner):
    message = held(gate=[{"rule": "origin", "say": "HOLD", "code": "origin_asks",
                          "sentence": "A bought address is no consent.", "setting": "held"}],
                   lead_data={"first_name": "<script>x</script>"})  # fmt: skip

    shown = page(owner, "outreach_message_change", message.pk)

    assert "A bought address is no consent." in shown
    assert 'href="/admin/outreach/message/held/"' in shown
    assert "<script>x" not in shown
    assert message.recipient in page(owner, "outreach_message_changelist", q=message.recipient)
    assert message.recipient not in page(owner, "outreach_message_changelist", q="x@y.example")
    assert message.recipient in page(owner, "outreach_message_changelist", state="held")
    assert message.recipient not in page(owner, "outreach_message_changelist", state="sent")


def test_held_mail_is_released_and_dropped_one_or_all_of_a_reason(owner):
    first, second, third = (held() for _ in range(3))
    other = held(code="not_verified", sentence="Not verified.")

    assert "Say why" in send(owner, "message/held/decide/", message=first.pk, release="1")
    said = send(owner, "message/held/decide/", message=[first.pk, other.pk], release="1",
                _reason="I know them")  # fmt: skip
    assert "Released: 1." in said
    said = send(owner, "message/held/decide/", all_of="origin_asks", drop="1", _reason="No")
    assert "Dropped: 2." in said

    statuses = inside(lambda: dict(Message.objects.values_list("pk", "status")))
    assert statuses == {first.pk: "QUEUED", second.pk: "CANCELLED", third.pk: "CANCELLED",
                        other.pk: "HELD"}  # fmt: skip


def test_an_address_is_adopted_only_by_who_says_he_saw_it(owner):
    message = held(code="not_adopted", sentence="Nobody adopted it.")
    inside(lambda: Evidence.objects.update(source="PAGE", reference="https://kaya.example/c",
                                           quote="Write to us"))  # fmt: skip
    assert "Write to us" in page(owner, "outreach_held")

    assert "tick that you saw it" in send(owner, f"message/{message.pk}/adopt/")
    assert not inside(Adoption.objects.exists)
    said = send(owner, f"message/{message.pk}/adopt/", seen="1",
                **{"from": message.pk})  # fmt: skip

    assert "is adopted" in said
    assert inside(Adoption.objects.get).url == "https://kaya.example/c"
    assert inside(lambda: Message.objects.get(pk=message.pk)).status == "QUEUED"


@pytest.mark.parametrize(
    ("button", "status"), [("sent", "SENT"), ("again", "QUEUED"), ("drop", "CANCELLED")]
)
def test_a_doubt_is_settled_by_a_person_with_a_reason(owner, button, status):
    mailbox = inside(make_mailbox)
    message = held(status="IN_DOUBT", code="unclear", sentence="Cut.", mailbox=mailbox,
                   asked_at=timezone.now())  # fmt: skip
    assert message.recipient in page(owner, "outreach_doubt")

    assert "Say why" in send(owner, f"message/{message.pk}/in-doubt/", **{button: "1"})
    send(owner, f"message/{message.pk}/in-doubt/", **{button: "1", "_reason": "Looked"})

    assert inside(lambda: Message.objects.get(pk=message.pk)).status == status
    assert "not in doubt any more" in send(owner, f"message/{message.pk}/in-doubt/", drop="1",
                                           _reason="x")  # fmt: skip


def test_why_is_nothing_sending_answers_for_each_campaign_and_mailbox(owner):
    held()
    inside(lambda: make_campaign(status="PAUSED", status_reason="Holidays."))
    inside(lambda: make_mailbox(state="STOPPED", state_reason="5 % bounced."))
    inside(lambda: MailPolicy.objects.update(sending_off="an audit."))

    shown = page(owner, "outreach_why")

    for words in ("switched off: an audit.", "It is paused: Holidays.", "5 % bounced.",
                  "Bought. Release it or drop it."):  # fmt: skip
        assert words in shown


def test_mails_of_no_campaign_are_answered_for_as_well(owner):
    now = timezone.now()
    assert inside(lambda: why_single_mails(now=now)) == []
    away = inside(lambda: make_mailbox(state="PAUSED", state_reason="Holidays."))
    inside(lambda: make_message(mailbox=away, not_before=now - timedelta(days=2)))
    inside(make_message)
    inside(lambda: make_message(status="HELD", code="not_verified", sentence="Not verified yet.",
                                not_before=None, mailbox=make_mailbox()))  # fmt: skip

    shown = page(owner, "outreach_why")

    assert "Mails of no campaign" in shown
    for words in (f"{away.address} does not send: Holidays.", "Not verified yet.",
                  "They have no mailbox yet"):  # fmt: skip
        assert words in shown
    assert "The oldest mail that may go was due 2 days ago." in page(
        owner, "outreach_message_changelist"
    )


def test_a_message_names_the_providers_own_reference(owner):
    message = held(status="SENT", code="", sentence="", sent_at=timezone.now(),
                   mailbox=inside(make_mailbox), provider_reference="req-77")  # fmt: skip

    assert "req-77" in page(owner, "outreach_message_change", message.pk)


# --- policies -------------------------------------------------------------------------------
def test_the_policy_is_changed_with_a_reason_and_frees_what_it_held(owner):
    contact = inside(lambda: make_contact(verdict="RISKY"))
    message = held(contact=contact, code="risky", sentence="Risky.")
    sent = {"accepts_risky": "1", "labels": "1", "why_sentence": "Because.",
            "basis.DE": "Our test of 1 Nov", "notice": "We hold names.\r\nSay no."}  # fmt: skip

    assert "Say why" in send(owner, "mailpolicy/", **sent)
    assert "held mail was asked again" in send(owner, "mailpolicy/", **sent, _reason="Board")
    assert "Nothing differs" in send(owner, "mailpolicy/", **sent, _reason="Board")

    policy = inside(MailPolicy.objects.get)
    assert policy.bases == {"DE": "Our test of 1 Nov"}
    assert policy.notice == "We hold names.\nSay no."
    assert inside(lambda: Message.objects.get(pk=message.pk)).status == "QUEUED"
    assert AuditEvent.objects.get(action="outreach.policy.set").reason == "Board"


def test_a_basis_where_none_is_asked_for_is_refused(owner):
    shown = send(owner, "mailpolicy/", **{"basis.SG": "Because."}, _reason="x")

    assert "No basis is asked for in SG." in shown
    assert inside(lambda: MailPolicy.current().bases) == {}


def test_a_cell_of_the_origins_is_changed_and_changes_what_the_queue_holds(owner):
    contact = inside(lambda: make_contact(verdict="DELIVERABLE"))
    inside(lambda: Evidence.objects.update(source="PROVIDER"))
    message = held(contact=contact)
    cell = {"origin": "PROVIDER", "country": "", "_reason": "Our contract with them"}

    assert "Our contract" in send(owner, "originpolicy/set/", **cell, answer="SEND")
    assert inside(lambda: Message.objects.get(pk=message.pk)).status == "QUEUED"
    send(owner, "originpolicy/set/", **cell, answer="")
    assert not inside(OriginPolicy.objects.exists)
    for wrong in ({"origin": "X"}, {"country": "S1"}, {"answer": "MAYBE"}, {"_reason": ""}):
        send(owner, "originpolicy/set/", **{**cell, "answer": "SEND", **wrong})
    assert not inside(OriginPolicy.objects.exists)
    assert AuditEvent.objects.filter(action="outreach.origin.set").count() == 2


# --- who may --------------------------------------------------------------------------------
def test_an_auditor_looks_and_changes_nothing(db):
    inside(make_policy)
    message = held()
    client = sign_in("AUDITOR")

    for name in PAGES:
        page(client, name)
    for path in CHANGES:
        address = path.format(c=message.step.campaign_id, m=message.pk)
        assert client.post(f"/admin/outreach/{address}", {"_reason": "x"}).status_code == 403, path


def test_nothing_changes_by_get(owner):
    message = held()

    for path in CHANGES:
        if path in ("campaign/add/", "mailpolicy/", "campaign/{c}/edit/"):
            continue
        address = path.format(c=message.step.campaign_id, m=message.pk)
        assert owner.get(f"/admin/outreach/{address}").status_code == 405, path


@pytest.mark.parametrize("name", ["outreach_message_changelist", "outreach_held",
                                  "outreach_campaign_changelist"])  # fmt: skip
def test_lists_cost_the_same_for_one_row_or_many(owner, name):
    held()
    page(owner, name)
    cache.clear()  # the sidebar's numbers are kept for seconds: each page counts them here
    with CaptureQueriesContext(connection) as one:
        page(owner, name)
    for _ in range(3):
        held()

    cache.clear()
    with CaptureQueriesContext(connection) as many:
        page(owner, name)

    assert len(many) == len(one)
    assert inside(Lead.objects.count) == inside(Contact.objects.count) == 4
    assert inside(Mailbox.objects.count) == 4
