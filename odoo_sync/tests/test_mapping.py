"""What is written, field by field: a change here is a change of what customers find in Odoo."""

from __future__ import annotations

import re

import pytest

from odoo_sync.facts import Facts, Person
from odoo_sync.mapping import COMPANY, CONTACT, LEAD, Options, Rule, payload_of, rules_of
from odoo_sync.sources import SOURCES
from odoo_sync.values import Link, Tags, alike, as_cell, as_read, as_written

FACTS = Facts(
    lead_id=4711, name="KAYA TEA PTE. LTD.", uen="201500001K",
    shown={"website": "https://kaya.example/about", "phone": "+6561234567",
           "address": "1 Robinson Road", "postal_code": "068898", "primary_ssic": "46302",
           "status": "Live Company", "entity_type": "Local Company",
           "registered_on": "2015-05-01", "headcount": "24", "summary": "Sells tea."},
    industry="Wholesale of tea",
    contact=Person(9, "Mei Tan", "Head of Sales", "Mei@kaya.example", "+6591234567"),
    score=82, bucket="HIGH", rationale="It grows & hires in <Singapore>.",
    lines=("+12 Ten years old",), attributions=("© A <list> (ODbL)",), evidence=(("website", "https://kaya.example/?a=1&b=2"),),
)  # fmt: skip
REGISTER = (
    "<ul><li>UEN: 201500001K</li><li>Status: Live Company</li><li>Entity type: Local Company</li>"
    "<li>Registered on: 2015-05-01</li><li>Industry: 46302 Wholesale of tea</li><li>Staff: 24</li>"
    "</ul>"
)
SINGAPORE = Link("res.country", "code", "SG")


def made(facts=FACTS, *, own=(), fields=None, **options):
    chosen = Options(**options)
    return payload_of(facts, rules=rules_of(own, options=chosen), options=chosen,
                      fields=fields or {})  # fmt: skip


def test_the_company_is_this_field_by_field():
    assert made().values[COMPANY] == {
        "name": "KAYA TEA PTE. LTD.",
        "company_registry": "201500001K",
        "website": "https://kaya.example/about",
        "phone": "+6561234567",
        "street": "1 Robinson Road",
        "zip": "068898",
        "city": "Singapore",
        "country_id": SINGAPORE,
        "category_id": Tags("res.partner.category", ("Wholesale of tea",)),
        "comment": REGISTER,
        "is_company": True,
    }


def test_the_contact_is_this_field_by_field():
    assert made().values[CONTACT] == {
        "name": "Mei Tan",
        "function": "Head of Sales",
        "email": "Mei@kaya.example",
        "phone": "+6591234567",
        "type": "contact",
    }


def test_the_lead_is_this_field_by_field():
    assert made().values[LEAD] == {
        "name": "KAYA TEA PTE. LTD.",
        "partner_name": "KAYA TEA PTE. LTD.",
        "contact_name": "Mei Tan",
        "function": "Head of Sales",
        "email_from": "Mei@kaya.example",
        "phone": "+6591234567",
        "website": "https://kaya.example/about",
        "street": "1 Robinson Road",
        "zip": "068898",
        "city": "Singapore",
        "country_id": SINGAPORE,
        "priority": "3",
        "tag_ids": Tags("crm.tag", ("Wholesale of tea",)),
        "description": "<p>Score 82 of 100 (High)</p>"
        "<p>It grows &amp; hires in &lt;Singapore&gt;.</p><ul><li>+12 Ten years old</li></ul>"
        "<p>Sells tea.</p>"
        + REGISTER
        + "<ul><li>Website found at https://kaya.example/?a=1&amp;b=2</li></ul>"
        "<p>Telephone numbers are not checked against the Do Not Call register.</p>"
        "<p>© A &lt;list&gt; (ODbL)</p>",
        "type": "lead",
        "user_id": 0,
    }


def test_a_tenant_chooses_team_stage_salesperson_tags_and_tax_number():
    values = made(team=2, stage=3, user=7, tags=("leadgen",), vat=True).values

    assert (values[LEAD]["team_id"], values[LEAD]["stage_id"], values[LEAD]["user_id"]) == (2, 3, 7)
    assert values[LEAD]["tag_ids"] == Tags("crm.tag", ("leadgen", "Wholesale of tea"))
    assert values[COMPANY]["vat"] == "201500001K"


def test_a_lead_of_which_little_is_known_writes_no_empty_values():
    values = made(Facts(lead_id=1, name="KAYA")).values

    assert values == {
        COMPANY: {"name": "KAYA", "is_company": True},
        LEAD: {"name": "KAYA", "partner_name": "KAYA", "priority": "0", "type": "lead",
               "user_id": 0},
    }  # fmt: skip


FIELDS = {
    "res.partner": {"name": {"type": "char"}},
    "crm.lead": {"x_score": {"type": "integer"}, "x_fit": {"type": "selection",
                 "selection": [["a", "A"]]}, "name": {"type": "char", "readonly": True}},
}  # fmt: skip


def test_fields_of_ones_own_are_written():
    own = [Rule(LEAD, "x_score", "score"), Rule(LEAD, "x_fit", "constant", "a")]

    values = made(own=own, fields=FIELDS).values[LEAD]

    assert (values["x_score"], values["x_fit"]) == (82, "a")


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule(LEAD, "x_nothing", "score"), "crm.lead.x_nothing does not exist in this Odoo."),
        (Rule(LEAD, "name", "name"), "crm.lead.name may not be written in this Odoo."),
        (Rule(LEAD, "x_score", "rationale"),
         "crm.lead.x_score is of type integer, which rationale does not fit."),
        (Rule(LEAD, "x_fit", "constant", "b"), "crm.lead.x_fit knows no 'b', only a."),
        (Rule(LEAD, "probability", "score"),
         "crm.lead.probability belongs to Odoo or the sales team and is not written."),
        (Rule(LEAD, "x_score", "nose"), "crm.lead.x_score: 'nose' is nothing a lead has."),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_left_out_and_named(rule, why):
    payload = made(own=[rule], fields=FIELDS)

    assert why in payload.left_out
    assert rule.field not in payload.values[LEAD]


def test_a_field_that_odoo_has_lost_is_left_out():
    payload = made(fields=FIELDS)

    assert payload.values[COMPANY].keys() == {"name", "is_company"}
    assert "res.partner.company_registry does not exist in this Odoo." in payload.left_out


def test_a_field_a_tenant_does_not_want_is_not_written():
    assert "priority" not in made(own=[Rule(LEAD, "priority", "")]).values[LEAD]


NASTY = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "a\x00b\ud800",
    '" onload="x',
    "{{ x }}",
]


@pytest.mark.parametrize("text", NASTY)
def test_what_strangers_wrote_never_becomes_markup(text):
    shown = dict.fromkeys(FACTS.shown, text)
    facts = Facts(lead_id=1, name=text, uen=text, shown=shown, industry=text, rationale=text,
                  lines=(text,), evidence=((text, text),), score=1, bucket=text,
                  contact=Person(1, text, text, text, text))  # fmt: skip

    for values in made(facts).values.values():
        for name in ("description", "comment"):
            markup = re.sub(r"</?(p|ul|li|b)>", "", str(values.get(name, "")))
            assert "<" not in markup
            assert '"' not in markup
        assert not any("\x00" in str(value) or "\ud800" in str(value) for value in values.values())


def test_telephone_numbers_and_formulas_arrive_as_they_are():
    values = made(Facts(lead_id=1, name="=1+1", shown={"phone": "+6561234567"})).values[LEAD]

    assert (values["name"], values["phone"]) == ("=1+1", "+6561234567")


def test_the_digest_moves_with_what_is_said_and_with_nothing_else():
    assert made().digest == made().digest
    assert made().digest != made(tags=("x",)).digest


@pytest.mark.parametrize(
    ("kind", "ours", "cell", "written", "read"),
    [
        ("char", "KAYA", "KAYA", "KAYA", "KAYA"),
        ("char", "", "", False, False),
        ("boolean", True, "1", True, True),
        ("many2one", 197, "197", 197, [197, "Singapore"]),
        ("many2one", 0, "", False, False),
        ("many2many", [3, 5], "3,5", [[4, 3, 0], [4, 5, 0]], [5, 3]),
        ("integer", 82, "82", 82, 82),
        ("selection", "3", "3", "3", "3"),
    ],
)
def test_a_value_comes_back_as_it_went(kind, ours, cell, written, read):
    assert as_cell(ours) == cell
    assert as_written(ours, kind) == written
    assert as_read(read, kind) == ours


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "same"),
    [
        ("char", "kaya.example", "http://kaya.example", True),
        ("html", "Rises & shines", "<p>Rises &amp; shines</p>", True),
        ("html", "<p>Rises</p>", "<p>Falls</p>", False),
        ("many2many", [3], [3, 9], True),
        ("many2many", [3, 4], [3, 9], False),
        ("char", "Mei", "Siti", False),
    ],
)
def test_the_form_odoo_gives_a_value_is_no_change_by_hand(kind, ours, theirs, same):
    assert alike(ours, theirs, kind) is same


def test_every_source_takes_a_lead_of_which_nothing_is_known():
    for source in SOURCES.values():
        source.value(Facts(lead_id=1, name=""))
