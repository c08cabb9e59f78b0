"""What writes, spends or sends: asked first with exact counts, by right, once, and audited."""

from __future__ import annotations

import pytest

from chat.agent.tests import test_steering
from chat.agent.tests.talking import Conversation
from chat.agent.toolbox import tools
from enrichment.harvest_models import HarvestRequest
from enrichment.tests.harvest.rig import make_source
from icp.models import IcpRule, Lead, Suppression
from icp.tests.factories import make_codes, make_company, make_rule
from leadgen_project.tests.console_data import fill
from odoo_sync.models import OdooPush
from odoo_sync.tests.factories import make_connection
from outreach.models import Campaign, Message
from outreach.tests.factories import make_campaign, make_mailbox, make_policy
from scoring.models import ShortlistEntry
from tenants.context import in_public
from tenants.models import AuditEvent, Membership, PipelineRun
from tenants.roles import ACTIONS

ASKING = {
    "save_rule": "save rule software in district 1",
    "start_night": "start tonight",
    "suppress": "suppress somebody@elsewhere.example because they asked us",
    "accept_leads": "accept the top 2",
    "reject_leads": "reject AKMARK COMPANY 0 PTE. LTD. because too small",
    "send_to_odoo": "send the top 1 to odoo",
    "start_campaign": "start campaign Autumn",
    "harvest": "harvest 5 bakeries in Austin",
}


@pytest.fixture
def filled(people):
    """Everything that can be acted on."""
    run = fill("acme", mark="AKMARK", leads=12)
    make_codes()
    make_connection(None, state="READY")
    make_source()
    make_policy()
    make_campaign(make_mailbox(), status="DRAFT", audience={"shortlist": "latest"})
    return run


def acted():
    return list(AuditEvent.objects.filter(action="chat.act").order_by("pk"))


def test_each_tool_with_an_effect_is_tried_here():
    assert {*ASKING, *test_steering.ASKING} == {tool.name for tool in tools() if tool.asks}


@pytest.mark.parametrize("name", ASKING)
def test_it_asks_and_does_nothing_before_a_yes(talk, filled, name):
    before = AuditEvent.objects.count()

    talk.say(ASKING[name])

    assert [action.call.name for action in talk.asked] == [name]
    assert "?" in talk.asked[0].description
    assert talk.messages[-1]["tool_calls"][0]["name"] == name
    assert talk.asked[0].description in talk.messages[-1]["content"]  # for clients without a card
    assert AuditEvent.objects.count() == before
    assert PipelineRun.objects.count() == 1
    assert HarvestRequest.objects.count() == 0
    assert OdooPush.objects.count() == 0


@pytest.mark.parametrize("name", ASKING)
def test_a_no_does_nothing_and_is_audited_with_its_reason(talk, filled, name):
    talk.say(ASKING[name])

    told = talk.decide("reject", reason="not today")

    assert told == "Not done. not today"
    [event] = AuditEvent.objects.filter(action="chat.not_done")
    assert (event.actor, event.reason) == ("operator", "not today")
    assert event.before["tool"] == name
    assert event.after["decision"] == "reject"
    assert acted() == []


@pytest.mark.parametrize("name", ASKING)
def test_only_the_roles_of_the_table_are_asked(people, filled, name):
    tool = next(tool for tool in tools() if tool.name == name)

    for role in ("owner", "operator", "reviewer", "auditor"):
        talk = Conversation(people[role])
        told = talk.say(ASKING[name])
        if role.upper() in ACTIONS[tool.action]:
            assert [action.call.name for action in talk.asked] == [name]
        else:
            assert talk.asked == ()
            assert "Your role does not include this" in told


@pytest.mark.parametrize("name", ASKING)
def test_rights_are_asked_again_when_it_is_done(people, filled, name):
    talk = Conversation(people["operator"])
    talk.say(ASKING[name])
    with in_public():
        Membership.objects.filter(user=people["operator"]).update(role="AUDITOR")
    people["operator"].__dict__.pop("_role_by_tenant")

    told = talk.decide("approve")

    assert "Your role does not include this" in told
    assert talk.answers[0].is_error
    assert acted() == []
    [event] = AuditEvent.objects.filter(action="chat.not_done")
    assert event.after["result"] == {"failed": "NotAllowedError"}


@pytest.mark.parametrize("name", ASKING)
def test_the_same_call_decided_twice_is_done_once(talk, filled, name):
    talk.say(ASKING[name])
    asked = talk.asked
    talk.decide("approve")
    rows = [model.objects.count() for model in (PipelineRun, HarvestRequest, OdooPush, Message)]
    talk.asked = asked

    told = talk.decide("approve")

    assert told == "This was done before; nothing was done a second time."
    assert len(acted()) == 1
    after = [model.objects.count() for model in (PipelineRun, HarvestRequest, OdooPush, Message)]
    assert after == rows


def test_a_rule_is_saved_with_what_it_takes_said_before(talk):
    make_rule({"districts": [9], "order": "oldest"})
    make_company()

    talk.say("save rule software in district 1 because we moved")
    question = talk.asked[0].description
    assert "in place of default v1" in question
    assert "takes **1** company" in question
    assert "1 company enters and 0 leave" in question
    assert "A night with it" in question
    told = talk.decide("approve")

    assert "Saved as **default v2**" in told
    saved = IcpRule.objects.get(is_current=True)
    assert saved.payload == {"order": "oldest", "industries": ["software"], "districts": [1]}
    assert (saved.created_by, saved.reason) == ("operator", "we moved")


def test_edited_values_come_as_text_and_are_read(talk):
    make_codes()
    make_company(district=3)

    talk.say("save rule software in district 1")
    told = talk.decide("edit", districts="[3, 4]", activities="software", reason="wider")

    assert "Saved as" in told
    assert IcpRule.objects.get(is_current=True).payload["districts"] == [3, 4]
    [event] = acted()
    assert event.before["asked"]["districts"] == [1]
    assert event.after["arguments"]["districts"] == "[3, 4]"


def test_bad_edits_are_said_and_nothing_is_done(talk):
    make_codes()

    talk.say("save rule software in district 1")
    told = talk.decide("edit", districts="99, x", nonsense="1")

    assert "`districts.1` is too large: at most 28." in told
    assert "`districts.2` is no whole number." in told
    assert "`nonsense` is not known here." in told
    assert talk.answers[0].is_error
    assert IcpRule.objects.count() == 0


def test_a_night_is_started_at_its_price_and_only_one(talk, filled):
    talk.say("start tonight")
    question = talk.asked[0]
    assert "It works on up to 500 leads." in question.description
    assert "It costs nothing." in question.description
    assert question.decisions == ("approve", "reject")
    told = talk.decide("approve")

    assert "The night has begun: [run " in told
    assert PipelineRun.objects.filter(status="RUNNING", started_by="operator").count() == 1
    assert "A night is under way already" in talk.say("start tonight")
    assert talk.asked == ()


def test_a_suppression_says_exactly_what_it_does(talk, people, filled):
    lead = Lead.objects.filter(stage="SHORTLISTED").order_by("pk").first()

    talk.say(f"suppress {lead.uen} because they asked us")
    question = talk.asked[0].description
    assert "1 lead is rejected and 0 waiting mails are not sent" in question
    lead.refresh_from_db()
    assert lead.stage == "SHORTLISTED"
    told = talk.decide("approve")

    assert "1 lead rejected, 0 waiting mails stopped" in told
    lead.refresh_from_db()
    assert (lead.stage, lead.rejection_code) == ("REJECTED", "suppressed")
    assert "is suppressed already" in talk.say(f"suppress {lead.uen} because again")


def test_the_audit_of_a_suppression_shows_no_address(talk, filled):
    talk.say("suppress mei.tan@elsewhere.example because mei.tan@elsewhere.example asked")
    talk.decide("approve")

    assert Suppression.objects.filter(value="mei.tan@elsewhere.example", source="chat").exists()
    [event] = acted()
    assert event.before["asked"] == {"value": "m***@e***", "reason": "m***@e*** asked"}
    assert event.after["result"]["is_new"] is True
    assert event.subject == f"chat call {talk.messages[-3]['tool_calls'][0]['id']}"


def test_a_company_to_suppress_may_be_named_and_is_asked_about_when_several_may_be(talk, filled):
    told = talk.say("suppress AKMARK because they asked")

    assert talk.asked == ()
    ref = talk.rows[0]["ref"]
    assert f"`suppress {ref} because they asked`" in told
    talk.say("the first one")
    assert talk.asked[0].call.arguments == {"value": ref, "reason": "they asked"}


def test_leads_are_accepted_by_place_and_by_name(talk, filled):
    talk.say("accept the top 2")
    assert "Accept 2 leads: AKMARK COMPANY" in talk.asked[0].description
    asked = talk.asked[0].call.arguments
    assert list(asked) == ["companies"]
    talk.decide("edit", companies=asked["companies"][0])
    assert ShortlistEntry.objects.filter(decision="ACCEPTED", decided_by="operator").count() == 1

    talk.say("accept AKMARK COMPANY 6 PTE. LTD.")
    assert "1 lead accepted." in talk.decide("approve")
    assert "Nobody on the newest shortlist is left" in talk.say("accept the top 2")


def test_a_yes_means_those_who_were_named_whatever_happens_meanwhile(talk, filled):
    talk.say("accept the top 1")
    first = ShortlistEntry.objects.get(rank=1)
    ShortlistEntry.objects.filter(pk=first.pk).update(rank=99)

    talk.decide("approve")

    assert list(ShortlistEntry.objects.filter(decision="ACCEPTED")) == [first]


def test_reviewers_reject_what_stands_on_the_list_alone(people, filled):
    talk = Conversation(people["reviewer"])

    assert "Your role rejects only" in talk.say("reject AKMARK COMPANY 1 PTE. LTD. because small")
    talk.say("reject AKMARK COMPANY 0 PTE. LTD. because small")
    assert "1 lead rejected." in talk.decide("approve")
    assert Lead.objects.get(name="AKMARK COMPANY 0 PTE. LTD.").rejection_reason == "small"


def test_leads_go_to_odoo_in_the_number_told(talk, filled):
    talk.say("approve the top 2 for odoo")
    assert "Send 2 leads to " in talk.asked[0].description
    assert "2 leads on the way" in talk.decide("approve")

    pushes = OdooPush.objects.all()
    assert {(push.code, push.approved_by, push.state) for push in pushes} == {
        ("hand", "operator", "WAITING")
    }
    assert "All of them wait for Odoo already." in talk.say("send the top 2 to odoo")


def test_without_an_odoo_nothing_is_asked(talk, people):
    assert "No Odoo is connected" in talk.say("send the top 2 to odoo")
    assert talk.asked == ()


def test_a_campaign_starts_with_the_number_of_people_told(talk, filled):
    talk.say("start campaign Autumn")
    question = talk.asked[0].description
    assert "It writes to 2 people (leads of the newest shortlist)" in question
    assert "2 mails queued" in talk.decide("approve")

    campaign = Campaign.objects.get(name__startswith="Autumn")
    assert campaign.status == "RUNNING"
    assert Message.objects.filter(step__campaign=campaign).count() == 2
    assert "cannot start:\n- It is running already." in talk.say("start campaign Autumn")


def test_a_harvest_tells_its_volume_before_and_begins_after(talk, filled):
    talk.say("harvest 5 bakeries in Austin")
    question = talk.asked[0].description
    assert "Harvest up to 5 leads (Bakeries) in Austin?" in question
    assert "The next night, whatever its leads" in question
    talk.decide("approve")

    [made] = HarvestRequest.objects.all()
    assert (made.city, made.wanted, made.category, made.requested_by) == ("Austin", 5, "bakery",
                                                                         "operator")  # fmt: skip
    assert "1 harvest is under way." in talk.say("harvests")


@pytest.mark.parametrize("text", ["harvest 5 unicorns in Austin", "harvest 5000 leads in Austin",
                                  "harvest some leads in Atlantis"])  # fmt: skip
def test_a_harvest_that_cannot_be_is_said_and_not_asked(talk, filled, text):
    talk.say(text)

    assert talk.asked == ()
    assert talk.answers[0].is_error


def test_a_reason_is_asked_for(talk):
    told = talk.say("suppress x@y.sg")

    assert "`reason` is missing." in told
    assert "For example: `suppress x@y.sg because they asked us to`" in told
