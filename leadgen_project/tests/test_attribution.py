"""Whom to name, and under which licence, travels with a harvested row wherever it goes."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest

from enrichment.tests.listings.factories import taken
from icp.models import Lead
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from scoring.score import score_batch
from scoring.tests.factories import NOW, finish, make_run
from tenants.context import in_tenant
from tenants.models import PipelineRun

LICENCE, WHO = "ODbL 1.0", "© made-up people"
WORDS = f"{WHO} ({LICENCE})"


@pytest.fixture
def lead(db) -> Lead:
    """A harvested lead that was scored in a finished night."""
    make_people()
    with in_tenant("acme"):
        found = taken(name="Kampai Bar", phones=("6123 4567",)).lead
        Lead.objects.filter(pk=found.pk).update(stage=Lead.Stage.ENRICHED)
        run = make_run()
        score_batch(run, now=NOW)
        finish(PipelineRun.objects.filter(pk=run.pk))
        found.refresh_from_db()
        return found


def body_of(response) -> bytes:
    return b"".join(response.streaming_content)


def test_it_stands_in_both_files(lead):
    client = Caller("owner").client

    text = body_of(client.get("/export/latest_scores.csv")).decode("utf-8-sig")
    book = openpyxl.load_workbook(
        io.BytesIO(body_of(client.get("/export/latest_scores.xlsx"))))  # fmt: skip

    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert (row["name"], row["attribution"]) == ("Kampai Bar", WORDS)
    header, first = list(book["Scores"].values)[:2]
    assert dict(zip(header, first, strict=True))["attribution"] == WORDS
    assert any(WORDS in str(cell) for line in book["About"].values for cell in line)


def test_it_stands_in_the_answers_of_the_api(lead):
    caller = Caller("owner")

    detail = caller.get(f"leads/{lead.public_id}").json()
    with in_tenant("acme"):
        harvest = lead.listings.get().request
    listed = caller.get(f"harvests/{harvest.public_id}/listings").json()["results"][0]
    whole = caller.get(f"harvests/{harvest.public_id}").json()

    assert detail["attributions"] == [WORDS]
    assert (listed["attribution"], listed["licence"]) == (WHO, LICENCE)
    assert (whole["attribution"], whole["licence"]) == (WHO, LICENCE)


def test_it_stands_on_the_pages_of_the_lead_and_of_its_harvest(lead):
    client = Caller("owner").client
    with in_tenant("acme"):
        harvest = lead.listings.get().request

    for page in (f"/admin/icp/lead/{lead.pk}/change/",
                 f"/admin/enrichment/harvestrequest/{harvest.pk}/change/"):  # fmt: skip
        shown = client.get(page).content.decode()
        assert WHO in shown
        assert LICENCE in shown
