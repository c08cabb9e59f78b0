"""Workers die in the middle of harvests: nothing is lost and nothing is doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from enrichment.captcha_models import CaptchaChallenge
from enrichment.models import Contact, Evidence
from enrichment.tests.harvest.rig import ask, make_source
from enrichment.twin_models import LeadTwin
from icp.models import Lead
from leadgen_project.sandbox import listing_site
from leadgen_project.sandbox.loopback import LoopbackServer
from leadgen_project.sandbox.vendors.overpass import OverpassStandIn
from tenants.context import in_tenant
from tenants.tests.shared_data import shared_data


def start(tenant, committed, env, *, kind, city, category, wanted, options=None, kills):
    """Harvest in processes of their own; returns how many died and all that is there after."""
    with in_tenant(tenant):
        source = make_source(kind, options=options or {})
        request = ask(source, city=city, category=category, wanted=wanted)
    command = [sys.executable, "-m", "enrichment.tests.harvest.killed", tenant, str(request.pk)]
    done = subprocess.run(
        [*command, *(["kill"] if kills else [])], env={**os.environ, **committed.env, **env},
        cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with in_tenant(tenant):
        request.refresh_from_db()
        rows = [
            (row.position, row.source_key, row.outcome, row.code,
             json.dumps({**row.record, "retrieved_at": ""}, sort_keys=True), row.image_hash,
             row.lead.name if row.lead else "")
            for row in request.listings.select_related("lead").order_by("position")
        ]  # fmt: skip
        counts = {model.__name__: model.objects.count()
                  for model in (Lead, LeadTwin, Contact, Evidence, CaptchaChallenge)}  # fmt: skip
        known = {lead.name: sorted(lead.contacts.exclude(email="").values_list("email", flat=True))
                 for lead in Lead.objects.order_by("pk")}  # fmt: skip
        ended = (request.status, request.ending, request.met_again, request.pages_read)
    return int(done.stdout), ended, rows, counts, known


@pytest.mark.slow
def test_a_site_is_harvested_alike_with_kills_in_between_and_without(committed):
    with LoopbackServer(listing_site.answer) as server:
        env = {"CRAWL_PROXY": server.url}
        asked = {"kind": "HTML_LIST", "city": "Singapore", "category": "business", "wanted": 50,
                 "options": listing_site.OPTIONS}  # fmt: skip
        calm = start("acme", committed, env, **asked, kills=False)
        wild = start("beta", committed, env, **asked, kills=True)

    assert calm[0] == 0
    assert wild[0] >= 2
    assert wild[1:] == calm[1:]
    assert [row[0] for row in wild[2]] == list(range(1, 31))
    assert wild[4] == {
        one.name: list(one.emails) for one in listing_site.expected() if not one.refusal
    }
    assert wild[3]["CaptchaChallenge"] == wild[3]["LeadTwin"] == 1  # the picture shown twice


@pytest.mark.slow
def test_real_places_are_harvested_alike_with_kills_in_between_and_without(committed):
    path = shared_data() / "harvest_overpass_helsinki_dev.json"
    if not path.exists():
        pytest.skip(f"the real places are not here ({path})")
    elements = json.loads(path.read_text())["elements"]
    with OverpassStandIn(places={"helsinki": elements}) as overpass:
        asked = {"kind": "OVERPASS", "city": "Helsinki", "category": "hairdresser", "wanted": 50}
        calm = start("acme", committed, overpass.environment, **asked, kills=False)
        wild = start("beta", committed, overpass.environment, **asked, kills=True)

    assert wild[0] >= 2
    assert wild[1:] == calm[1:]
    assert {row[1] for row in wild[2]} == {
        f"{one['type']}/{one['id']}" for one in elements
        if one["tags"].get("shop") == "hairdresser"
    }  # fmt: skip
