"""The stages of the night that ask paid vendors, whose price ``leadgen_project.price`` knows, and
the one that writes into a tenant's Odoo.

Each passes its leads by, with the reason on their rows, when its vendor cannot be asked.
"""

from __future__ import annotations

from enrichment.by_model import read_by_model
from enrichment.people import find_people
from enrichment.search import search_site
from enrichment.verification import verify
from leadgen_project.turns import turn_seconds
from odoo_sync import night
from scoring import explain
from tenants.models import PipelineRun
from tenants.stages import BatchReport, Stage


def search(run: PipelineRun) -> BatchReport:
    return search_site.search_batch(run, seconds=turn_seconds(run))


def read(run: PipelineRun) -> BatchReport:
    return read_by_model.read_batch(run, seconds=turn_seconds(run))


def people(run: PipelineRun) -> BatchReport:
    return find_people.people_batch(run, seconds=turn_seconds(run))


def check_addresses(run: PipelineRun) -> BatchReport:
    return verify.verify_batch(run, seconds=turn_seconds(run))


def tell_why(run: PipelineRun) -> BatchReport:
    return explain.explain_batch(run, seconds=turn_seconds(run))


def into_odoo(run: PipelineRun) -> BatchReport:
    return night.sync_batch(run, seconds=turn_seconds(run))


COMPLETING = (  # enriched leads
    Stage("search", search, search_site.tally_search, parallel=True),
    Stage("read", read, read_by_model.tally_read, parallel=True),
    Stage("people", people, find_people.tally_people, parallel=True),
    Stage("verify", check_addresses, verify.tally_verify, parallel=True),
)
EXPLAINING = Stage("explain", tell_why, explain.tally_explain, parallel=True)  # the shortlist
SYNCING = Stage("sync", into_odoo, night.tally_sync, parallel=True)  # what was accepted
