"""Nights with paid vendors: what they add and cost, and what happens without or against them.

Real HTTP to stand-ins that are strict about the vendors' contracts and write every call down.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone
from django_q.models import OrmQ

from acra.load import load_register
from enrichment.models import Contact, EnrichmentRun, Evidence, LeadStep
from icp.models import Lead
from icp.save_rule import save_rule
from leadgen_project import pipeline, replay
from leadgen_project.processes import SANDBOX_SUFFIXES
from leadgen_project.sandbox.register import write_split
from leadgen_project.sandbox.server import Sandbox
from leadgen_project.sandbox.vendors.catalogue import VENDORS
from leadgen_project.sandbox.vendors.stand_in import Fault
from leadgen_project.sandbox.vendors.zerobounce import ZeroBounceStandIn
from scoring.models import LeadScore, Shortlist, ShortlistEntry
from tenants.context import in_public
from tenants.models import PipelineRun, Tenant
from tenants.permits import Vendor
from tenants.vendor_models import RateLimit, VendorUsage

COUNT = 40


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=5, count=COUNT, slow_seconds=0.5, traps=(), vendors=VENDORS) as running:
        yield running


@pytest.fixture
def world(db, sandbox, settings, tmp_path) -> Sandbox:
    """The sandbox's register is loaded, and all settings lead to it."""
    write_split(tmp_path, seed=5, count=COUNT)
    load_register(sorted(tmp_path.glob("*.csv")), source="Sandbox", now=timezone.now(), actor="t")
    settings.CRAWL_PROXY = sandbox.proxy_url
    settings.CRAWL_GUESS_SUFFIXES = SANDBOX_SUFFIXES.split(",")
    settings.CRAWL_DELAY_SECONDS = 0
    keys = {}
    for name, value in sandbox.environment.items():
        vendor = name.removesuffix("_API_KEY").replace("OPENAI", "LLM")
        if name.endswith("_API_KEY"):
            keys[Vendor(vendor)] = value
        else:
            setattr(settings, name, value)
    settings.DNS_SERVERS = [sandbox.environment["DNS_SERVERS"]]
    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, **keys}
    settings.VENDOR_RATES = dict.fromkeys(settings.VENDOR_RATES, (10000, 1))
    with in_public():
        RateLimit.objects.all().delete()
    return sandbox


def night(tenant: Tenant) -> PipelineRun:
    run = pipeline.start_night(tenant, started_by="tests", now=timezone.now())
    while pipeline.step(run):
        pass
    run.refresh_from_db()
    return run


@pytest.fixture
def first(world, acme) -> PipelineRun:
    save_rule("default", {"status": ["live"]}, actor="tests")
    return night(acme)


@pytest.fixture
def nobody_is_a_trap(monkeypatch) -> None:
    """Spam traps are suppressed at once, with all that is kept of them: a night after that is
    another night.
    """
    asked = ZeroBounceStandIn._verdict

    def verdict(self: ZeroBounceStandIn, address: str) -> tuple[str, str]:
        found = asked(self, address)
        return ("invalid", "mailbox_not_found") if found[0] in {"spamtrap", "abuse"} else found

    monkeypatch.setattr(ZeroBounceStandIn, "_verdict", verdict)


def charged(sandbox: Sandbox) -> dict[str, int]:
    return {name: vendor.charged for name, vendor in sandbox.vendors.items()}


def test_every_vendor_adds_what_the_others_could_not(first):
    assert first.status == PipelineRun.Status.FINISHED
    assert EnrichmentRun.objects.filter(run_id=first.pk, site_origin="search").exists()
    sources = set(Evidence.objects.filter(superseded_at=None).values_list("source", flat=True))
    assert {"REGISTER", "PAGE", "PROVIDER", "LLM"} <= sources
    verdicts = set(Contact.objects.exclude(email="").values_list("verdict", flat=True))
    assert {"DELIVERABLE", "UNDELIVERABLE"} <= verdicts
    for name in ("search", "read", "people", "verify"):
        counts = first.report(name)
        gone = sum(counts["rejected"].values()) + sum(counts["held"].values())
        assert counts["in"] == counts["done"] + gone, (name, counts)


def test_the_ledger_is_what_the_vendors_charged_and_the_price_was_not_exceeded(first, world):
    spent = dict(
        VendorUsage.objects.filter(run_id=first.pk).values_list("vendor").annotate(Sum("units"))
    )

    took = {name.upper().replace("LANGUAGE_MODEL", "LLM"): n for name, n in charged(world).items()}
    assert spent == {vendor: units for vendor, units in took.items() if units}
    assert all("at most" in line or "nothing to ask" in line for line in first.plan["price"][:-1])


def test_no_row_and_no_file_holds_a_key_and_no_record_of_work_holds_a_person(first, settings):
    keys = {key for key in settings.VENDOR_KEYS.values() if key}
    people = set(Contact.objects.exclude(email="").values_list("email", flat=True))
    assert keys
    assert people

    rows = {**rows_here(), **rows_of_platform()}
    files = {path: path.read_bytes() for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()}

    assert {"icp_lead", "enrichment_contact", "tenants_auditevent", "django_q_ormq"} <= set(rows)
    assert files
    assert [table for table, text in rows.items() if any(key in text for key in keys)] == []
    assert [path for path, text in files.items() if any(key.encode() in text for key in keys)] == []
    for table in ("tenants_vendorusage", "tenants_auditevent", "tenants_pipelinerun",
                  "django_q_ormq", "django_q_task"):  # fmt: skip
        assert [who for who in people if who in rows[table].lower()] == [], table


def rows_of_platform() -> dict[str, str]:
    with in_public():
        return rows_here()


def rows_here() -> dict[str, str]:
    """Every table of the current schema, all its rows as one text."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT string_agg(row_to_json(t)::text, '\n') FROM \"{table}\" t")
            found[table] = cursor.fetchone()[0] or ""
    return found


def test_its_end_queues_a_look_at_the_vendors_own_figures(first):
    with in_public():
        assert OrmQ.objects.filter(lock__gt=timezone.now()).exists()


def test_the_same_night_again_pays_nobody(nobody_is_a_trap, first, world, acme):
    before = charged(world)
    Shortlist.objects.all().delete()
    Lead.objects.all().delete()

    again = night(acme)

    assert again.status == PipelineRun.Status.FINISHED
    assert charged(world) == before
    cached = LeadStep.objects.filter(run_id=again.pk).aggregate(n=Sum("from_cache"))["n"]
    assert cached


def test_a_replay_with_the_network_off_gives_the_same_report(first, world, settings):
    before = charged(world)
    settings.CRAWL_PROXY = "http://127.0.0.1:9"

    outcome = replay.replay(first)

    assert outcome.difference == ""
    assert charged(world) == before


def test_without_keys_the_night_ends_well_and_says_what_was_missed(world, acme, settings):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, "")
    save_rule("default", {"status": ["live"]}, actor="tests")

    run = night(acme)

    assert run.status == PipelineRun.Status.FINISHED
    assert ShortlistEntry.objects.filter(shortlist__run_id=run.pk).exists()
    assert sum(charged(world).values()) == 0
    assert not VendorUsage.objects.exists()
    assert run.report("search")["held"]["no_key"] > 0
    assert run.report("read")["held"]["no_key"] > 0
    assert any("there is no Tavily key" in line.lower() or "no Tavily key" in line
               for line in run.plan["price"])  # fmt: skip
    assert run.plan["price"][-1] == "It costs nothing."


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.MALFORMED, Fault.RESET_AFTER, Fault.HTML])
def test_vendors_that_fail_all_night_cost_no_lead(world, acme, monkeypatch, fault):
    monkeypatch.setattr("enrichment.vendor_steps.PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr("tenants.paid.governor.PAUSES_SECONDS", (0.01, 0.01))
    for vendor in world.vendors.values():
        vendor.chance_of_fault, vendor.likely_faults = 1.0, (fault,)
    save_rule("default", {"status": ["live"]}, actor="tests")

    run = night(acme)

    assert run.status == PipelineRun.Status.FINISHED
    scored = LeadScore.objects.filter(run_id=run.pk).count()
    assert scored == run.report("enrich")["done"]
    assert not VendorUsage.objects.filter(outcome="RESERVED").exists()
