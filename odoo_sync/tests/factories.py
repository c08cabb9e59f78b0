"""Leads that may go to Odoo, and connections to a stand-in, for the tests of the sync."""

from __future__ import annotations

from itertools import count
from typing import Any

from enrichment.models import Contact
from icp.models import Lead
from leadgen_project.sandbox.vendors.odoo import DATABASE, KEY, LOGIN, OdooStandIn
from odoo_sync.examine import examine
from odoo_sync.models import OdooConnection
from scoring.default_card import PAYLOAD
from scoring.models import LeadScore, ScoreCard, ScoreLine
from tenants.secrets import encrypt

NUMBERS = count(1)


def make_connection(odoo: OdooStandIn | None, **changes: Any) -> OdooConnection:
    """In use and tested, unless ``odoo`` is None. ODOO_ALLOW_PRIVATE must name the stand-in."""
    values: dict[str, Any] = {
        "url": odoo.url if odoo else "https://odoo.example", "database": DATABASE, "login": LOGIN,
        "secret": encrypt(KEY), "is_on": True, "module": f"leadgen_test_{next(NUMBERS)}",
    }  # fmt: skip
    connection = OdooConnection.objects.create(**{**values, **changes})
    if odoo:
        examine(connection)
    return connection


def make_lead(name: str = "", *, contact: bool = True, score: int = 82, **changes: Any) -> Lead:
    """A shortlisted lead, accepted at review, with facts, a score and a contact."""
    number = next(NUMBERS)
    name = name or f"KAYA {number} PTE. LTD."
    facts = {
        "website": {"value": f"https://kaya{number}.example/about"},
        "phone": {"value": "+6561234567"}, "address": {"value": f"{number} Robinson Road"},
        "postal_code": {"value": "068898"}, "status": {"value": "Live Company"},
        "registered_on": {"value": "2015-05-01"}, "headcount": {"value": "24"},
    }  # fmt: skip
    values = {"source_ref": f"2015{number:05}K", "uen": f"2015{number:05}K", "name": name,
              "stage": "SHORTLISTED", "review": "ACCEPTED", "facts": facts, "score": score,
              "bucket": "HIGH"}  # fmt: skip
    lead = Lead.objects.create(**{**values, **changes})
    if contact:
        Contact.objects.create(lead=lead, kind="PERSON", name="Mei Tan", title="Head of Sales",
                               email=f"mei{number}@kaya{number}.example",
                               phone="+6591234567")  # fmt: skip
    card = ScoreCard.objects.filter(is_current=True).first() or ScoreCard.objects.create(
        version=1, payload=PAYLOAD, created_by="tests"
    )
    made = LeadScore.objects.create(
        lead=lead, run_id=1, card=card, total=score, bucket=lead.bucket,
        rationale="It grows & hires in <Singapore>.", features={},
    )  # fmt: skip
    ScoreLine.objects.create(score=made, position=1, key="age", label="Ten years old", points=12)
    return lead
