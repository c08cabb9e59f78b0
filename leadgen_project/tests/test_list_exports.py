"""Lists of the console as files: what they hold, what stays behind, who may, and what is kept."""

from __future__ import annotations

import csv
import hashlib
import io
from html import unescape

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import IntegrityError, connection
from django.db.models import BinaryField
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from acra.models import SsicCode
from enrichment.harvest_models import Listing
from enrichment.models import Contact, LeadStep
from enrichment.tests.harvest.rig import make_harvest
from icp import suppressions, taken_out
from icp.models import FileRecall, Lead, Selection, Suppression, TakenOut
from leadgen_project.console.waiting import count_waiting
from leadgen_project.lists.offered import LISTS
from leadgen_project.persons.files import who_fetched
from leadgen_project.persons.identify import Asked, identify
from leadgen_project.tests.console_data import NOW, fill, make_mail, make_people, make_register
from leadgen_project.tests.test_console_isolation import OURS, THEIRS, sign_in
from odoo_sync.models import OdooConnection, OdooPush
from outreach.answer_models import Reply
from outreach.models import Message
from outreach.phone_models import DncResult
from scoring.export_rows import LICENCE
from tenants import audit
from tenants.context import in_public, in_tenant
from tenants.files import list_export, list_rows
from tenants.files.list_export import OFFERED
from tenants.files.neutralise import is_dangerous, plain
from tenants.models import AuditEvent
from tenants.tests.test_neutralise import HOSTILE
from tenants.vendor_models import VendorUsage

# Lists of the console that no file is made of, and why.
NOT_OFFERED = {
    "tenants.tenant": "a handful of rows of the platform; each tenant has export_tenant",
    "tenants.user": "accounts are shared by tenants; nobody takes them out as a list",
    "tenants.membership": "colleagues' addresses; a page's worth",
    "tenants.issuer": "settings with a secret",
    "tenants.apitoken": "credentials",
    "tenants.tenantsettings": "one row; the settings file takes it",
    "tenants.hostlease": "the state of this second",
    "icp.personrequest": "people's requests; each has its own answer to hand out",
    "icp.icprule": "versions of one thing, read side by side; the API has them",
    "enrichment.captchachallenge": "a queue to be emptied",
    "enrichment.harvestsource": "a handful of settings",
    "enrichment.leadtwin": "a queue to be emptied",
    "enrichment.sendingpolicy": "one row of settings",
    "tenants.platformsuppression": "hashes and hints: whom nobody may mail is no file to pass on",
    "scoring.shortlistentry": "exported as the shortlist, with its scores and reasons",
    "scoring.shortlist": "each is exported as the shortlist of its run",
    "scoring.scorecard": "versions of one thing, read side by side",
    "outreach.mailbox": "settings with credentials",
    "outreach.mailpolicy": "one row of settings",
    "outreach.originpolicy": "settings",
    "outreach.emailtemplate": "texts with versions, not rows",
    "outreach.signature": "a handful of texts",
    "odoo_sync.odooconflict": "a queue to be emptied",
    "odoo_sync.odoorecall": "a queue to be emptied",
    "odoo_sync.odooconnection": "settings with a credential",
}
IN_TENANT = sorted(label for label in OFFERED if label not in ("acra.registerimport",
                                                               "enrichment.listing"))  # fmt: skip
# What no column may be called or read, whatever list it is in.
SECRET_WORDS = ("password", "secret", "token", "digest", "credential", "hash", "key")


def more(mark: str) -> None:
    """Rows of the lists that ``fill`` leaves empty or nearly so, in the current tenant."""
    leads = list(Lead.objects.order_by("pk")[:3])
    harvest = make_harvest(city=f"{mark} city")
    odoo = OdooConnection.objects.create(url="https://odoo.example", database=mark)
    for number, lead in enumerate(leads):
        LeadStep.objects.create(lead=lead, step="search", outcome="DONE", sentence=f"{mark} said")
        Selection.objects.create(rule=lead.rule, actor=f"{mark}-author", cap=5, counts={"new": 2})
        OdooPush.objects.create(connection=odoo, lead=lead, approved_by=f"{mark}-author")
        Listing.objects.create(
            source=harvest.source, source_key=f"{mark}{number}", request=harvest, position=number,
            url="https://list.example/", licence="ODbL-1.0", lead=lead,
            record={"name": f"{mark} shop", "phones": [f"+65 6123 000{number}"]},
        )  # fmt: skip
        DncResult.objects.create(
            number=f"+656123111{number}", result="BUSINESS", reasoning=f"{mark} line",
            checked_at=NOW, evidence_name="x.csv", evidence_sha256="0" * 64, created_by=mark,
        )  # fmt: skip
        message = make_mail(f"{mark}{number}")
        Message.objects.filter(pk=message.pk).update(lead=lead)
        Reply.objects.create(
            message=message, mailbox=message.step.campaign.mailboxes.get(), kind="REPLY",
            sender=f"jo@{mark}{number}.example".lower(), excerpt=f"{mark} words", reference="r",
        )  # fmt: skip
        make_harvest(city=f"{mark} town {number}")
        audit.record("icp.rule.save", actor=f"{mark}-author", subject=f"{mark} {number}")


@pytest.fixture
def filled(db):
    people = make_people()
    make_register()
    for tenant, mark in (("acme", OURS), ("beta", THEIRS)):
        fill(tenant, mark=mark, leads=6)
        with in_tenant(tenant):
            more(mark)
        with in_public():
            VendorUsage.objects.bulk_create(_call(tenant, mark) for _ in range(3))
            SsicCode.objects.create(code=f"6201{len(tenant)}", level="subclass", section="J",
                                    title="Software", edition=tenant)  # fmt: skip
    return people


def _call(tenant: str, mark: str) -> VendorUsage:
    return VendorUsage(
        tenant_id=tenant, vendor="TAVILY", purpose=f"{mark} search", day=NOW.date(),
        own_key=False, reserved_units=1, reserved_micros=0, units=1, micros=0, outcome="SETTLED",
    )  # fmt: skip


def page_of(label: str) -> str:
    return reverse("admin:{}_{}_export".format(*label.split(".")))


def given(label: str, kind: str = "0", **chosen: bool) -> dict[str, str]:
    """What the form posts: all columns unless said otherwise."""
    rows = OFFERED[label]
    names = [name for name in rows.fields if chosen.get(name, not chosen)]
    return {"format": kind, "resource": "0",
            **{f"{rows.__name__.lower()}_{name}": "on" for name in names}}  # fmt: skip


def table(response) -> list[list[str]]:
    assert response.status_code == 200, response.content.decode()[:2000]
    text = response.content.decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def take(client, label: str, query: str = "", **chosen: bool) -> list[list[str]]:
    return table(client.post(page_of(label) + query, given(label, **chosen)))


def events() -> list[AuditEvent]:
    with in_tenant("acme"):
        return list(AuditEvent.objects.filter(action__endswith=".export").order_by("pk"))


# --- which lists, which columns -------------------------------------------------------------------
def test_every_list_of_the_console_is_exported_or_named_with_a_reason():
    listed = {model._meta.label_lower for model in admin.site._registry}

    assert listed == (set(OFFERED) - {"enrichment.listing"}) | set(NOT_OFFERED)
    assert not set(OFFERED) & set(NOT_OFFERED)


def test_no_list_has_a_column_that_could_hold_a_secret():
    columns = [(label, *each) for label in OFFERED for each in OFFERED[label].fields.items()]
    for label, name, field in columns:
        path = (field.attribute or name).split("__")
        model = apps.get_model(label)
        for part in path:
            assert not any(word in part for word in SECRET_WORDS) or part == "own_key", path
            known = {each.name: each for each in model._meta.get_fields()}.get(part)
            assert not isinstance(known, BinaryField), path
            model = getattr(known, "related_model", None) or model


def test_no_list_takes_fields_by_itself():
    for label, rows in OFFERED.items():
        names = [field.column_name for field in rows.fields.values()]
        assert not hasattr(rows._meta, "model") or rows._meta.model is None, label
        assert len(set(names)) == len(names), label
        assert all(name[0].isupper() and "_" not in name for name in names), names


# --- every list -----------------------------------------------------------------------------------
def test_each_list_is_offered_read_and_handed_out_with_all_its_rows(filled):
    client = sign_in("reviewer")
    for label in IN_TENANT:
        page, before = page_of(label), len(events())

        asked = client.get(page)
        listed = client.get(page.removesuffix("export/"))
        rows = take(client, label)

        assert asked.status_code == 200, label
        assert f'href="{page}"' in listed.content.decode(), label
        assert rows[0] == [field.column_name for field in OFFERED[label].fields.values()]
        assert len(rows) > 2 or label == "tenants.pipelinerun", label
        assert THEIRS not in str(rows), label
        event = events()[-1]
        assert len(events()) == before + 1, label  # by the POST alone
        assert (event.actor, event.action) == ("reviewer", f"{label}.export")
        assert event.after["rows"] == len(rows) - 1, label
        assert event.after["columns"] == rows[0], label


def test_more_rows_need_no_more_statements(filled, rf):
    for label in IN_TENANT:
        page, request = admin.site._registry[apps.get_model(label)], rf.get(page_of(label))
        request.user = filled["owner"]
        with in_tenant("acme"):
            all_rows = page.get_export_queryset(request)
            keys = list(all_rows.values_list("pk", flat=True)[:3])
            asked = []
            for count in (1, len(keys)):
                with CaptureQueriesContext(connection) as statements:
                    OFFERED[label]().export(queryset=all_rows.filter(pk__in=keys[:count]))
                asked.append([one["sql"] for one in statements])

        assert len(keys) > 1 or label == "tenants.pipelinerun", label
        assert len(asked[0]) == len(asked[1]), (label, asked[1])


def test_who_may_not_export_elsewhere_may_not_here(filled):
    client = sign_in("auditor")
    for label in IN_TENANT:
        page = page_of(label)

        assert client.get(page).status_code == 403, label
        assert client.post(page, given(label)).status_code == 403, label
        assert page not in client.get(page.removesuffix("export/")).content.decode(), label
    assert events() == []


def test_a_form_without_its_token_takes_nothing_out(filled):
    client = sign_in("owner")
    client.handler.enforce_csrf_checks = True

    assert client.post(page_of("icp.lead"), given("icp.lead")).status_code == 403
    assert events() == []


def test_lists_of_the_platform_are_for_its_admins_outside_a_tenant(filled):
    root, label = sign_in("root", tenant=None), "acra.registerimport"

    rows = table(root.post(page_of(label), given(label)))

    assert [row[0] for row in rows] == ["Source", "made-up.csv"]
    assert sign_in("owner").get(page_of(label)).status_code == 403
    assert len(table(root.post(page_of("tenants.pipelinerun"), given("tenants.pipelinerun")))) == 3


# --- exactly the list -----------------------------------------------------------------------------
def test_the_file_is_the_list_as_filtered_searched_and_sorted_over_all_its_pages(filled):
    with in_tenant("acme"):
        for number in range(120):
            Lead.objects.create(source_ref=f"x{number}", name=f"ZEBRA {number:03} TRADING",
                                stage="SCORED", score=number % 50, bucket="HIGH")  # fmt: skip
    client = sign_in("operator")
    query = "?stage=SCORED&bucket=HIGH&q=zebra&o=4.-1&p=2"
    listed = client.get(reverse("admin:icp_lead_changelist") + query)
    link = f'href="{page_of("icp.lead")}{query}"'

    rows = take(client, "icp.lead", query)
    names = [row[0] for row in rows[1:]]

    assert link in unescape(listed.content.decode()).replace("%2E", ".")
    assert len(names) == 120
    shown = listed.context["cl"].result_list
    assert names[50:100] == [lead.name for lead in shown] or names[100:] == [
        lead.name for lead in shown
    ]
    scores = [int(row[5]) for row in rows[1:]]
    assert scores == sorted(scores)
    back = unescape(client.get(page_of("icp.lead") + query).content.decode())
    assert f'href="{reverse("admin:icp_lead_changelist")}{query}"' in back.replace("%2E", ".")


def test_a_list_drawn_by_hand_is_exported_as_its_tab_shows_it(filled):
    with in_tenant("acme"):
        done = Reply.objects.order_by("pk").first()
        Reply.objects.filter(pk=done.pk).update(state="DONE", decided_at=NOW, decided_by="x")

    waiting = take(sign_in("owner"), "outreach.reply")
    seen_to = take(sign_in("owner"), "outreach.reply", "?state=DONE")

    assert [len(waiting), len(seen_to)] == [3, 2]
    assert seen_to[1][0] == done.sender


def test_entries_of_one_harvest_are_exported_as_filtered(filled):
    with in_tenant("acme"):
        harvest = Listing.objects.order_by("pk").first().request
        Listing.objects.filter(request=harvest, position=0).update(outcome="SUPPRESSED")
        Listing.objects.filter(request=harvest, position=1).update(outcome="TAKEN")
    page = reverse("admin:enrichment_harvest_entries", args=[harvest.pk])
    client = sign_in("owner")

    rows = table(client.post(page, given("enrichment.listing")))
    taken = table(client.post(f"{page}?outcome=TAKEN", given("enrichment.listing")))

    assert [row[0] for row in rows[1:]] == ["1", "2"]
    assert events()[0].after["withheld"] == 1
    assert [(row[0], row[4]) for row in taken[1:]] == [("1", "+65 6123 0001")]
    assert client.get(page.replace(str(harvest.pk), "999999999")).status_code == 404
    assert sign_in("auditor").get(page).status_code == 403


def test_only_the_columns_chosen_are_in_the_file(filled):
    rows = take(sign_in("owner"), "icp.lead", name=True, stage=True)

    assert rows[0] == ["Company", "Stage"]
    assert sign_in("owner").post(page_of("icp.lead"), {"format": "0"}).status_code == 400
    assert sign_in("owner").post(page_of("icp.lead"), given("icp.lead", "7")).status_code == 400


def test_a_filter_that_cannot_be_read_leads_back_to_the_list(filled):
    answer = sign_in("owner").get(page_of("tenants.vendorusage") + "?vendor__exact=%00&x=1")

    assert answer.status_code in (302, 400)


# --- the bound ------------------------------------------------------------------------------------
def test_more_rows_than_a_file_takes_are_refused_before_one_is_read(filled, monkeypatch):
    monkeypatch.setattr(list_export, "MOST_ROWS", 4)
    monkeypatch.setattr(list_rows, "MOST_ROWS", 4)
    client = sign_in("owner")

    with CaptureQueriesContext(connection) as asked:
        refused = client.post(page_of("icp.lead"), given("icp.lead"))

    said = "6 rows match, and a file takes at most 4. Narrow the list by its filters"
    assert refused.status_code == 400
    assert said in refused.content.decode()
    assert said in client.get(page_of("icp.lead")).content.decode()
    assert not [one for one in asked if '"icp_lead"."facts"' in one["sql"]]
    assert events() == []
    assert len(take(client, "icp.lead", "?stage=SCORED")) == 3


def test_rows_that_come_while_the_file_is_made_do_not_pass_the_bound(filled, monkeypatch):
    monkeypatch.setattr(list_rows, "MOST_ROWS", 4)  # the page has counted fewer

    answer = sign_in("owner").post(page_of("icp.lead"), given("icp.lead"))

    assert answer.status_code == 400
    assert "rows match" in answer.content.decode()
    assert events() == []


# --- what stays behind ----------------------------------------------------------------------------
def test_leads_and_whatever_speaks_of_them_are_withheld_as_exports_do_and_counted(filled):
    with in_tenant("acme"):
        lead = Lead.objects.order_by("pk").first()
        Contact.objects.create(lead=lead, kind="PERSON", name="Mei", email="mei@other.example")
        suppressions.add("EMAIL", "mei@other.example", reason="asked", actor="x")
        stepped = LeadStep.objects.get(lead=lead)
        assert OdooPush.objects.get(lead=lead).lead_id == stepped.lead_id
    client = sign_in("owner")

    for label in ("icp.lead", "enrichment.contact", "enrichment.leadstep", "odoo_sync.odoopush",
                  "outreach.message", "outreach.reply"):  # fmt: skip
        text = str(take(client, label))
        assert lead.name not in text, label
        assert "mei@other.example" not in text, label
        assert f"{OURS} COMPANY 1 PTE. LTD." in text, label
        assert events()[-1].after["withheld"] >= 1, label
    said = client.get(reverse("admin:icp_lead_changelist")).content.decode()
    assert "1 withheld, because they are suppressed." in said


def test_a_row_without_a_lead_is_withheld_by_what_it_says_itself(filled):
    with in_tenant("acme"):
        message = Message.objects.filter(lead=None).order_by("pk").first()
        suppressions.add("DOMAIN", message.recipient.rpartition("@")[2], reason="r", actor="x")
        suppressions.add("PHONE", "+6561231110", reason="r", actor="x")
        suppressions.add("UEN", "201500003A", reason="r", actor="x")
    client = sign_in("owner")

    assert message.recipient not in str(take(client, "outreach.message"))
    assert "+6561231110" not in str(take(client, "outreach.dncresult"))
    companies = take(client, "acra.registeredcompany")
    assert "201500003A" not in str(companies)
    assert len(companies) == 30


def test_the_list_of_suppressions_is_whole_and_shows_nothing_of_the_erased(filled):
    with in_tenant("acme"):
        Suppression.objects.filter(value=f"{OURS}-0.example").update(value="")

    rows = take(sign_in("owner"), "icp.suppression")

    assert [row[0] for row in rows[1:]] == [f"{OURS}-2.example", f"{OURS}-1.example", "(erased)"]
    page = sign_in("owner").get(page_of("icp.suppression")).content.decode()
    assert "may not be told to others" in page


# --- who has it -----------------------------------------------------------------------------------
def test_whoever_opts_out_later_puts_the_file_on_the_recall_list(filled):
    client = sign_in("operator")
    names = take(client, "enrichment.contact", "?kind=ROLE")
    take(client, "acra.ssiccode")  # holds nobody
    address = names[1][5]
    with in_tenant("acme"):
        assert not FileRecall.objects.exists()
        suppressions.add("EMAIL", "nobody@elsewhere.example", reason="not in it", actor="x")
        assert not FileRecall.objects.exists()
        value_hash = suppressions.hash_of("EMAIL", address.lower())
        suppressions.add_hash("EMAIL", value_hash, reason="asked us", actor="x", source="erasure")
        line = FileRecall.objects.get()
        file_name = line.taken_out.file_name
        assert (TakenOut.objects.count(), count_waiting().recalls) == (1, 1)
        who = identify(Asked(email=address))
        assert [(one["by"], one["list"], one["only"]) for one in who_fetched(who)] == [
            ("operator", "Contacts", "kind=ROLE")
        ]
        assert who_fetched(identify(Asked(email="nobody@elsewhere.example"))) == []

    recalls = reverse("admin:odoo_sync_odoorecall_changelist")
    page = client.get(recalls).content.decode()
    told = reverse("admin:odoo_sync_file_recalled", args=[line.pk])

    assert file_name in page
    assert "asked us" in page
    assert sign_in("auditor").post(told).status_code == 403
    assert client.get(told).status_code == 405
    assert client.post(told).status_code == 302
    with in_tenant("acme"):
        line.refresh_from_db()
        assert (line.done_by, count_waiting().recalls) == ("operator", 0)
        assert not taken_out.mark_done(line.pk, actor="x")
    assert file_name not in client.get(recalls).content.decode()


def test_who_opts_out_while_the_file_is_made_is_on_the_list_at_once(acme):
    suppression, _ = suppressions.add("EMAIL", "jo@late.example", reason="r", actor="x")

    file = taken_out.keep(
        suppressions.hashes_of("EMAIL", "jo@late.example"), title="Contacts", file_name="f.csv",
        query="", rows=1, sha256="0" * 64, actor="x",
    )  # fmt: skip

    assert [line.suppression_id for line in file.recalls.all()] == [suppression.pk]
    assert suppressions.add("DOMAIN", "late.example", reason="r", actor="x")[1]
    assert file.recalls.count() == 2
    with pytest.raises(IntegrityError, match="file_recall_done_iff_by_whom"):
        file.recalls.update(done_by="x")


# --- formulas -------------------------------------------------------------------------------------
@pytest.fixture
def hostile(filled):
    with in_tenant("acme"):
        kept = [text for text in HOSTILE if "\x00" not in text][:40]
        for number, text in enumerate(kept):
            Lead.objects.create(source_ref=f"h{number}", name=text[:500],
                                stage="SCORED", bucket="HIGH", score=number,
                                facts={"phone": {"value": "+65 6123 4567", "evidence": 0},
                                       "address": {"value": text, "evidence": 0}})  # fmt: skip
    return [text[:500] for text in kept]


def test_no_cell_of_a_csv_is_a_formula_and_every_value_comes_back(hostile):
    rows = take(sign_in("owner"), "icp.lead", "?bucket=HIGH&o=4")

    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if is_dangerous(cell)]
    names = [plain(row[0]) for row in rows]
    assert [name for name in names if name in hostile] == hostile
    assert {row[11] for row in rows[1:]} >= {"+65 6123 4567"}
    assert LICENCE in cells


def test_no_cell_of_a_workbook_is_a_formula_and_it_says_what_it_is(hostile):
    with in_tenant("acme"):
        suppressions.add("UEN", Lead.objects.exclude(uen="").order_by("pk").first().uen,
                         reason="r", actor="x")  # fmt: skip

    answer = sign_in("owner").post(page_of("icp.lead") + "?o=4", given("icp.lead", "1"))

    assert answer["Content-Disposition"].endswith('.xlsx"')
    book = load_workbook(io.BytesIO(answer.content))
    cells = [cell for row in book["List"].iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    scores = [row[5].value for row in book["List"].iter_rows(min_row=2)]
    assert all(isinstance(score, int | None) for score in scores)
    about = dict(row for row in book["About"].iter_rows(values_only=True))
    assert about["Rows"].endswith("1 withheld, because they are suppressed.")
    assert about["Filter"] == "o=4"
    event = events()[-1]
    assert event.after["sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert event.after["filter"] == "o=4"


def test_lists_offered_are_those_that_have_rows():
    assert {model._meta.label_lower for model, _ in LISTS} == set(OFFERED)
