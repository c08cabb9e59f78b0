"""A model's words beside the rule's: from the lines alone, else refused or skipped with a note."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.db import IntegrityError, transaction

from enrichment.tests.llm_server import language_model_at
from leadgen_project.sandbox.vendors.language_model_answers import Mode
from leadgen_project.sandbox.vendors.stand_in import Fault
from scoring.check_words import misfit
from scoring.explain import estimate, explain_batch, tally_explain
from scoring.exports import csv_lines
from scoring.models import Explanation, LeadScore, ShortlistEntry
from scoring.score import score_batch
from scoring.shortlist import make_shortlist
from scoring.tests.factories import NOW, make_good_lead, make_run
from tenants.paid import governor
from tenants.permits import Vendor
from tenants.vendor_models import VendorBudget, VendorUsage

LINES = (
    "95 of 100 points, bucket HIGH\n+30 Meets the ICP: meets every part of the ICP\n"
    "+8 Settled company: registered 14 full years ago\n+4 UEN stands on the site: names its UEN"
)


@pytest.fixture
def server(settings):
    with language_model_at(settings) as running:
        yield running


@pytest.fixture
def run(acme):
    for _ in range(2):
        make_good_lead()
    run = make_run()
    score_batch(run, now=NOW)
    make_shortlist(run, cap=10, now=NOW)
    return run


def test_each_place_gets_words_with_model_prompt_and_key(run, server):
    report = explain_batch(run)

    said = Explanation.objects.select_related("entry").first()
    assert (report.taken, report.done, report.adds_up()) == (2, 2, True)
    assert said.text == "Worth a look: meets the ICP, settled company, more than one officer."
    assert (said.outcome, said.model, said.prompt) == (
        "WRITTEN", "sandbox-model-2026-06-01", "rationale v1",
    )  # fmt: skip
    assert len(said.cache_key) == 64
    assert tally_explain(run).facts == {"written": 2, "refused": 0}


def test_places_with_equal_lines_share_one_call_and_a_second_night_pays_nothing(run, server):
    explain_batch(run)
    again = make_run()
    score_batch(again, now=NOW)
    make_shortlist(again, cap=10, now=NOW)

    explain_batch(again)

    assert len(server.calls) == 1
    assert Explanation.objects.filter(outcome="WRITTEN").count() == 4
    assert len(set(Explanation.objects.values_list("cache_key", flat=True))) == 1


def test_a_second_pass_over_the_same_places_finds_nothing_to_do(run, server):
    explain_batch(run)

    assert explain_batch(run).taken == 0
    assert len(server.calls) == 1


def test_the_model_sees_the_lines_and_nobodys_name_address_or_number(run, server):
    explain_batch(run)

    said = "\n".join(server.prompts())
    assert "+30 Meets the ICP" in said
    assert "COMPANY" not in said
    for private in ("sales@good.example", "61234567", "Tan Mei Ling", "good.example"):
        assert private not in said


@pytest.mark.parametrize("code", ["no_key", "budget"])
def test_without_key_or_budget_the_note_stands_in_the_rationale_and_the_night_goes_on(
    run, server, settings, code
):
    if code == "no_key":
        settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.LLM: ""}
    else:
        VendorBudget.objects.create(tenant_id="acme", vendor=Vendor.LLM, daily_units=0)

    report = explain_batch(run)

    [row, _] = csv.DictReader(io.StringIO("".join(csv_lines(run)).lstrip("\ufeff")))
    tally = tally_explain(run)
    assert report.adds_up()
    assert (tally.held, tally.waiting, tally.adds_up()) == ({code: 2}, 0, True)
    assert server.calls == []
    assert "Text by a language model skipped: " in row["rationale"]
    assert "acme" not in row["rationale"]
    assert row["rationale"].startswith(LeadScore.objects.first().rationale)
    assert row["rationale_by_model"] == ""


def test_exports_say_what_a_model_wrote_and_which(run, server):
    explain_batch(run)

    [row, _] = csv.DictReader(io.StringIO("".join(csv_lines(run)).lstrip("\ufeff")))

    assert row["rationale"] == LeadScore.objects.first().rationale
    assert row["rationale_by_model"].startswith("Worth a look")
    assert row["rationale_model"] == "sandbox-model-2026-06-01"


def test_pages_show_it_marked_as_written_by_a_model(run, server, sign_in):
    server.answers = [json.dumps({"text": "Meets the ICP & is a settled company."})]
    explain_batch(run)

    page = sign_in().get("/admin/scoring/shortlistentry/").content.decode()

    assert "written by a model" in page
    assert "Meets the ICP &amp; is a settled company." in page


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Founded by John Tan in the ICP.", "name"),
        ("It meets the ICP with 4,000 staff.", "number"),
        ("It meets the ICP with four thousand staff.", "number"),
        ("Meets the ICP. Mallory recommends it.", "name"),
        ("<b>Meets the ICP</b>", "markup"),
        ("=HYPERLINK(1)", "markup"),
        ("See www.evil.test", "markup"),
        ("Mail boss@evil.example", "markup"),
        ("这家公司很好", "markup"),
        ("meets the ICP " * 40, "too_long"),
        ("", "empty"),
        ("Meets every part of the ICP; registered 14 years ago, 95 points.", None),
        ("A settled company that meets the ICP and names its UEN on the site.", None),
        ("Strong fit: the company\u2019s UEN stands on its site.", None),
    ],
)
def test_words_that_are_not_in_the_lines_are_refused(text, code):
    assert misfit(text.strip(), lines=LINES, longest=280) == code


@pytest.mark.parametrize("mode", [Mode.INVENTS, Mode.HOSTILE])
def test_a_model_that_makes_things_up_leaves_the_rules_sentence_alone(run, server, mode):
    server.mode = mode

    explain_batch(run)

    for said in Explanation.objects.all():
        assert (said.outcome, said.text) == ("REFUSED", "")
    assert tally_explain(run).facts["refused"] == 2
    assert tally_explain(run).adds_up()


def test_a_server_in_trouble_is_a_note_not_a_failure(run, server, monkeypatch):
    monkeypatch.setattr(governor.time, "sleep", lambda _seconds: None)
    server.fail_next(*[Fault.ERROR] * 6)

    report = explain_batch(run)

    assert +report.held == {"vendor": 1, "down": 1}  # five in a row open the breaker
    assert "in trouble (500)" in Explanation.objects.first().text
    assert not ShortlistEntry.objects.exclude(lead__held_until=None).exists()


def test_the_price_told_before_is_never_below_what_it_cost(run, server):
    told = estimate(2, run=run)

    explain_batch(run)

    spent = VendorUsage.objects.get()
    assert told.lookups == 2
    assert spent.reserved_units <= told.most_units
    assert spent.micros <= told.most_micros
    assert estimate(2, run=run).lookups == 0


def test_words_without_their_model_cannot_be_stored(run):
    entry = ShortlistEntry.objects.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Explanation.objects.create(entry=entry, outcome="WRITTEN", text="Good.")
    with pytest.raises(IntegrityError), transaction.atomic():
        Explanation.objects.create(entry=entry, outcome="SKIPPED", text="")


def test_the_shortlist_says_once_why_no_model_wrote(run, settings, sign_in):
    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.LLM: ""}
    explain_batch(run)

    page = sign_in().get("/admin/scoring/shortlistentry/").content.decode()

    assert page.count("Text by a language model skipped: there is no Language model key") == 1
    assert "(2 of the places shown)" in page
