"""The migration plan's flow (section 4), walked from a command line over HTTP.

Initiate, request, authenticate, monitor with a CAPTCHA on the way, configure: ``leadgen`` is a
process of its own, the server is gunicorn, the pages and Microsoft are made up. What the workers do
meanwhile is done here, so that each step is seen when it has happened and not by chance.
"""

from __future__ import annotations

import json

import pytest

from enrichment.captcha.open import open_challenge
from enrichment.harvest_models import HarvestRequest, Listing
from enrichment.tests.harvest.rig import make_source, site, work  # noqa: F401 -- a fixture
from icp.tests.factories import make_lead
from leadgen_project.sandbox import listing_site
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.browser import server  # noqa: F401 -- a fixture
from leadgen_project.tests.client_rig import Terminal
from leadgen_project.tests.console_data import make_people
from outreach.models import EmailTemplate, Mailbox
from tenants.context import in_tenant
from tenants.identity_models import ApiToken
from tenants.models import AuditEvent

pytestmark = pytest.mark.slow


@pytest.fixture
def microsoft(committed):
    with MicrosoftStandIn(signs_in="olga@us.example") as stand_in:
        committed.env.update(stand_in.environment)
        make_people()
        with in_tenant("acme"):
            EmailTemplate.objects.create(pk=1, name="First words")
        yield stand_in


@pytest.fixture
def directory(microsoft, site):  # noqa: F811 -- the fixture
    """A harvest source: a made-up directory with everything that goes wrong in one."""
    site(listing_site.answer)
    with in_tenant("acme"):
        return make_source("HTML_LIST", name="directory", options=listing_site.OPTIONS)


def test_the_plans_flow_from_the_command_line(directory, microsoft, server, tmp_path):  # noqa: F811
    me = Terminal(tmp_path)

    # 0. Who is it? Let in at the console, without a password on this machine.
    assert me.log_in(server, "owner")["tenant"] == "acme"

    # 1. Initiation: choose a city, a template, a number of leads.
    template = me.ask("templates")[0]["templateId"]

    # 2. Server request; sent twice by a nervous script, done once.
    begin = ["harvest", "start", "singapore", "--leads", "30", "--template", str(template),
             "--source", "directory", "--key", "once"]  # fmt: skip
    harvest = me.ask(*begin)["requestId"]
    assert me.ask(*begin)["requestId"] == harvest

    # 3. Authentication: the browser comes back here, the code goes to the server.
    assert "olga@us.example is connected." in me.run("mailbox", "connect")
    with in_tenant("acme"):
        assert Mailbox.objects.get().state == "READY"

    # 4. Monitoring: the watcher sees it go on and end.
    watcher = me.start("harvest", "watch", harvest, "--json")
    first = json.loads(watcher.stdout.readline())
    with in_tenant("acme"):
        work(HarvestRequest.objects.get(public_id=harvest))
    out, err = watcher.communicate(timeout=120)
    last = json.loads(out.splitlines()[-1])
    assert first["status"] == "PENDING"
    assert (watcher.returncode, last["status"]) == (0, "COMPLETED"), err
    assert "leadgen captcha next" in err
    counts = last["counts"]
    parts = ("taken", "duplicate", "walled", "suppressed", "refused", "waiting")
    assert counts["met"] == sum(counts[part] for part in parts)
    assert counts["walled"] == 1

    # 4b. CAPTCHA: a person takes the page and says what stands there.
    page = me.ask("captcha", "next")
    assert page["url"].startswith("http")
    me.run("captcha", "solve", "owner@atelier18.example", code=1)  # nobody knows whose that is
    me.run("captcha", "solve", "Sandbox Atelier 18, owner@atelier18.example")
    with in_tenant("acme"):
        assert "owner@atelier18.example" in str(Listing.objects.get(url=page["url"]).record)
        walled = make_lead(stage="NEEDS_OPERATOR")
        open_challenge(lead=walled, url="https://w.example/", host="w.example", make="hCaptcha")
    me.run("captcha", "solve", "mei@w.example", "--lead", str(walled.public_id))
    assert me.ask("captcha", "list") == []
    with in_tenant("acme"):
        walled.refresh_from_db()
        assert (walled.stage, walled.contacts.get().email) == ("CANDIDATE", "mei@w.example")

    # 5. Configuration.
    me.run("config", "set", "llmTransactionLimit=17", "--reason", "Quieter.")
    assert me.ask("config", "get", "llmTransactionLimit") == 17

    # 6. And out again: the token is worth nothing any more.
    me.run("logout")
    me.run("runs", "list", code=3)
    with in_tenant("acme"):
        assert ApiToken.objects.defer("digest").get().revoked_at is not None
        seen = set(AuditEvent.objects.filter(actor="owner").values_list("action", flat=True))
    assert {"tenants.device_login.allow", "tenants.api_token.revoke"} <= seen
