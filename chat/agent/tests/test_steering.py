"""What runs is paused, resumed and ended by a yes that named exactly it."""

from __future__ import annotations

import pytest

from chat.agent.tests.talking import Conversation
from enrichment.harvest_models import HarvestRequest
from enrichment.tests.harvest.rig import make_harvest
from leadgen_project.tests.console_data import fill
from outreach.models import Campaign, Mailbox, Message
from outreach.tests.factories import make_message
from tenants.clock import database_now
from tenants.models import AuditEvent, PipelineRun

ASKING = {
    "pause_or_stop_campaign": "pause campaign AKMARK campaign",
    "pause_or_resume_mailbox": "pause mailbox akmark@mail.example",
    "pause_or_stop_harvest": "pause the harvest in Austin",
    "pause_or_stop_night": "pause the night",
}


@pytest.fixture
def running(people):
    """A night, a campaign with a waiting mail, and a harvest, all under way."""
    fill("acme", mark="AKMARK", leads=3)
    PipelineRun.objects.update(status="RUNNING", stage="score", finished_at=None)
    make_harvest(city="Austin", wanted=20)


@pytest.mark.parametrize("name", ASKING)
def test_it_asks_and_does_nothing_before_a_yes_and_leaves_its_name_after(talk, running, name):
    before = AuditEvent.objects.count()

    talk.say(ASKING[name])

    [action] = talk.asked
    assert action.call.name == name
    assert action.call.arguments["to"] == "pause"
    assert action.description.startswith("Pause ")
    assert "?" in action.description
    assert AuditEvent.objects.count() == before
    talk.decide("approve")
    done = AuditEvent.objects.exclude(action="chat.act").order_by("-pk").first()
    assert done.actor == "operator"
    assert done.reason in {"Said in the chat.", ""}


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("role", ["auditor", "reviewer"])
def test_it_is_refused_to_those_who_may_not(people, running, name, role):
    talk = Conversation(people[role])

    told = talk.say(ASKING[name])

    assert talk.asked == ()
    assert "Your role does not include this" in told


def test_a_campaign_is_paused_resumed_and_stopped_with_the_mails_that_wait_counted(talk, running):
    campaign = Campaign.objects.get()
    waiting = Message.objects.filter(step__campaign=campaign, status__in=Message.WAITING).count()
    assert waiting

    talk.say("pause the campaign")  # the only one that runs
    assert f"Mails that wait: {waiting}." in talk.asked[0].description
    assert talk.asked[0].call.arguments["campaign"] == campaign.name
    assert "is paused" in talk.decide("approve")
    assert "nothing to pause" in talk.say("pause campaign AKMARK campaign")
    talk.say("resume the campaign because the text is right now")
    assert "goes on" in talk.decide("approve")
    campaign.refresh_from_db()
    assert (campaign.status, campaign.status_reason) == ("RUNNING", "the text is right now")
    assert "Say why it is stopped" in talk.say("stop the campaign")
    assert talk.asked == ()
    talk.say("stop campaign AKMARK campaign because the product is gone")
    assert "There is no way back" in talk.asked[0].description
    assert f"{waiting} mail cancelled" in talk.decide("approve")

    campaign.refresh_from_db()
    assert campaign.status == "STOPPED"
    assert not Message.objects.filter(step__campaign=campaign, status__in=Message.WAITING).exists()
    assert "There is no such campaign to resume" in talk.say("resume the campaign")


def test_a_yes_means_no_more_mails_than_it_named(talk, running):
    campaign = Campaign.objects.get()
    talk.say("stop the campaign because the product is gone")
    [mail] = Message.objects.filter(step__campaign=campaign)
    make_message(mail.step, status="QUEUED")

    told = talk.decide("approve")

    assert "More mails wait now" in told
    campaign.refresh_from_db()
    assert campaign.status == "RUNNING"
    assert Message.objects.filter(step__campaign=campaign, status="CANCELLED").count() == 0


def test_a_mailbox_is_paused_and_goes_on_and_says_whose_reason_that_was(talk, running):
    mailbox = Mailbox.objects.get()
    Mailbox.objects.update(secret=b"x")

    talk.say("pause the mailbox because it bounces")  # the only one
    assert mailbox.address in talk.asked[0].description
    assert "is paused" in talk.decide("approve")
    mailbox.refresh_from_db()
    assert (mailbox.state, mailbox.state_reason) == ("PAUSED", "it bounces")
    assert "nothing to pause" in talk.say("pause mailbox akmark@mail.example")
    assert "it bounces" in talk.say("why is nothing sending?")

    talk.say("resume mailbox akmark@mail.example")
    assert "may send again" in talk.decide("approve")
    mailbox.refresh_from_db()
    assert mailbox.state == "READY"
    assert "There is no such mailbox" in talk.say("pause mailbox other@mail.example")


def test_of_several_campaigns_the_one_meant_is_asked_for(talk, running):
    Campaign.objects.create(name="AKMARK other", status="RUNNING", started_at=database_now(),
                            created_by="x", created_at=database_now())  # fmt: skip

    told = talk.say("pause the campaign")

    assert "Several campaigns may be meant: `AKMARK other`, `AKMARK campaign`" in told
    assert talk.asked == ()


def test_a_night_is_paused_resumed_and_ended_and_no_other_in_its_place(talk, running):
    run = PipelineRun.objects.get()
    talk.say("pause the night")
    assert talk.asked[0].call.arguments == {"to": "pause", "run": run.pk}
    assert "is paused" in talk.decide("approve")
    assert "is paused already" in talk.say("pause the night")
    talk.say("resume it")
    assert "Resume the night?" in talk.asked[0].description
    assert "is running" in talk.decide("approve")
    assert "Say why it is stopped" in talk.say("cancel the night")
    talk.say("cancel the night because the rule is wrong")
    PipelineRun.objects.update(status="FINISHED", finished_at=database_now())
    later = PipelineRun.objects.create(tenant_id=run.tenant_id, status="RUNNING", stage="score")
    assert "Another night is under way" in talk.decide("approve")
    later.refresh_from_db()
    assert later.status == "RUNNING"

    talk.say("stop the night because the rule is wrong")
    assert "is cancelled" in talk.decide("approve")
    later.refresh_from_db()
    assert later.status == "CANCELLED"
    assert "No night is under way" in talk.say("pause the night")


def test_a_harvest_is_paused_resumed_and_ended_by_its_city(talk, running):
    harvest = HarvestRequest.objects.get()
    talk.say("pause the harvest")
    assert "of 20 leads so far" in talk.asked[0].description
    assert talk.asked[0].call.arguments["harvest"] == str(harvest.public_id)
    assert "is paused" in talk.decide("approve")
    assert "There is no such harvest to pause" in talk.say("pause the harvest in Austin")
    talk.say("continue the harvest in austin")
    talk.decide("approve")
    harvest.refresh_from_db()
    assert harvest.paused_at is None
    talk.say("cancel the harvest in Austin because it is the wrong city")
    assert "is ended" in talk.decide("approve")

    harvest.refresh_from_db()
    assert harvest.status == "CANCELLED"


def test_who_says_no_changes_nothing(talk, running):
    talk.say("stop the campaign because the product is gone")

    assert talk.decide("reject", reason="too early") == "Not done. too early"
    assert Campaign.objects.get().status == "RUNNING"
