"""PROMISES H3, H4, N28: everything held about a person is found, and erasing leaves only hashes.

A marked person is planted into every column that can hold words, so that a table nobody thought of
fails here and not in front of a regulator.
"""

from __future__ import annotations

import json
import re
import zlib
from io import StringIO

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.utils import timezone

from enrichment.contact_lists.import_contacts import confirm_contacts, preview_contacts
from enrichment.contact_lists.undo_contacts import undo_contacts
from enrichment.evidence.add_statements import add_statements
from enrichment.evidence.statements import Statement
from enrichment.models import (
    Contact,
    EnrichmentRun,
    Evidence,
    HarvestFile,
    HarvestSource,
    LeadStep,
    Page,
    PageBody,
    VendorAnswer,
    Verification,
)
from icp.imports import confirm_import, preview_import
from icp.models import Lead, PersonRequest, Suppression
from icp.suppressions import hash_of, is_suppressed
from icp.tests.factories import lift_by_two
from icp.uploads import rows_of
from leadgen_project.persons.answer import answer
from leadgen_project.persons.erase import erase, is_erased
from leadgen_project.persons.identify import Asked, PersonError, identify
from leadgen_project.persons.packed import KNOWN
from leadgen_project.persons.requests import take_down
from leadgen_project.persons.walk import all_models
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_console_isolation import sign_in
from outreach.models import Message
from outreach.phone_models import DncResult
from outreach.queue import queue_mail
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.tests.factories import (
    make_campaign,
    make_link,
    make_mailbox,
    make_message,
    make_policy,
    make_version,
)
from outreach.tests.post_office import PostOffice
from outreach.unsubscribe import Door, unsubscribe
from outreach.wording import way_out
from tenants import audit
from tenants.context import in_tenant
from tenants.lifecycle.archive import folder_of
from tenants.llm_models import LlmAnswer
from tenants.models import AuditEvent

EMAIL, NAME, NUMBER = "mei.quark@kaya.example", "Mei Quark", "+6561239876"
MARKS = ("quark", "6123 9876", "61239876")
NOW = timezone.now


def plant(tenant: str = "acme") -> Lead:
    """The person in every place a night, a vendor, an operator or a mail may put them."""
    lead = Lead.objects.create(
        source_ref="201512345K", uen="201512345K", name="KAYA TEA PTE. LTD.", stage="SCORED",
        facts={"email": {"value": EMAIL}, "emails": {"value": ["sales@kaya.example", EMAIL]},
               "about": {"value": f"Led by {NAME}."}, "phone": {"value": "+6560000001"}},
        trace=[{"note": f"asked {NAME}"}],
    )  # fmt: skip
    run = EnrichmentRun.objects.create(
        lead=lead, outcome="DONE", site="https://kaya.example/",
        corpus=zlib.compress(f"Our director {NAME}".encode()),
        tried=[{"url": "https://kaya.example/mei-quark", "why": NAME}],
    )  # fmt: skip
    body = PageBody.objects.create(
        sha256="a" * 64, size=1,
        compressed=zlib.compress(f"<p>{NAME}, {EMAIL}, 6123 9876</p>".encode()),
    )  # fmt: skip
    page = Page.objects.create(
        enrichment=run, position=0, url="https://kaya.example/team", status=200, body=body,
        final_url=f"https://kaya.example/team?to={EMAIL.replace('@', '%40')}",
        headers={"x-author": NAME}, over_tls=True, fetched_at=NOW(),
    )  # fmt: skip
    contact = Contact.objects.create(
        lead=lead, kind="PERSON", name=NAME, title="Director", email=EMAIL, phone=NUMBER,
        verdict="DELIVERABLE",
    )  # fmt: skip
    role = Contact.objects.create(lead=lead, kind="ROLE", email="sales@kaya.example")
    for field, value, whose, subject in (
        ("emails", EMAIL, contact, "mei quark"), ("people", NAME, contact, "mei quark"),
        ("phones", NUMBER, contact, "mei quark"), ("emails", "sales@kaya.example", role, ""),
    ):  # fmt: skip
        Evidence.objects.create(
            lead=lead, contact=whose, field=field, value=value, subject=subject, source="PAGE",
            reference="https://kaya.example/team", page=page, page_sha256="a" * 64,
            quote=f"{NAME}, {EMAIL} or sales@kaya.example", method="test", confidence=1,
        )  # fmt: skip
    Verification.objects.create(
        address=EMAIL, address_hash=hash_of("EMAIL", EMAIL), status="valid", source="VENDOR",
        facts={"did_you_mean": EMAIL},
    )  # fmt: skip
    VendorAnswer.objects.create(
        vendor="LUSHA", question_hash="q", question={"who works at": "kaya.example"},
        answer={"people": [{"name": NAME}], "emails": [{"email": EMAIL}], "phones": [NUMBER]},
        asked_at=NOW(),
    )  # fmt: skip
    LeadStep.objects.create(
        lead=lead, step="people", outcome="DONE", sentence=f"Found {NAME}.", figures={"who": NAME}
    )
    LlmAnswer.objects.create(
        tenant_id=tenant, cache_key="k", prompt="reading v1", model="m", leased_until=NOW(),
        text=json.dumps({"people": [NAME], "mail": EMAIL}), lease="x",
    )  # fmt: skip
    audit.record("icp.lead.accept", actor="olga", subject=f"lead {lead.pk}",
                 after={"note": EMAIL}, reason=f"{EMAIL} asked for it")  # fmt: skip
    if tenant == "acme":  # its temporary table belongs to the first tenant of a transaction
        plant_upload()
    message = make_message(
        contact=contact, status="SENT", sent_at=NOW(), mailbox=make_mailbox(),
        subject=f"Tea for {NAME}", body_text=f"Dear {NAME}", body_html=f"<p>Dear {NAME}</p>",
        lead_data={"first_name": "Mei", "full": NAME},
        gate=[{"rule": "address", "sentence": EMAIL}],
    )  # fmt: skip
    for register in ("VOICE", "TEXT"):
        DncResult.objects.create(
            number=NUMBER, register=register, result="CLEAR", checked_at=NOW(), expires_at=NOW(),
            evidence_name="61239876.csv", evidence_sha256="0" * 64, created_by="olga",
        )  # fmt: skip
    message.events.create(kind="DELAYED", detail=f"{EMAIL} is over quota")
    folder = folder_of(tenant) / "exports" / "run-000001"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shortlist.csv").write_text(f"name,contact_email\nKAYA,{EMAIL}\n")
    return lead


def plant_upload() -> None:
    upload = preview_import(
        f"email,reason\n{EMAIL.upper()},asked\nother@x.sg,{NUMBER}".encode(),
        file_name=f"{EMAIL}.csv", reason="list", actor="olga",
    )  # fmt: skip
    assert upload.accepted_rows
    listed = b"name,mail\nCaf\xe9," + EMAIL.encode()  # not UTF-8, as files of offices may be
    source = HarvestSource.objects.create(name="Cafes", kind="OPEN_DATA")
    HarvestFile.objects.create(
        source=source, file_name="cafes.csv", sha256="a" * 64, content=zlib.compress(listed),
        size_bytes=len(listed), entry_count=1, uploaded_by="olga",
    )  # fmt: skip


def dump(tenant: str = "acme") -> str:
    """All the tenant's rows as text, what is compressed unpacked, and its files."""
    found = []
    with in_tenant(tenant):
        for model in [*all_models(), PersonRequest, AuditEvent]:
            for row in model._default_manager.values():
                for value in row.values():
                    if isinstance(value, bytes | memoryview) and bytes(value)[:1] == b"\x78":
                        found.append(zlib.decompress(bytes(value)).decode(errors="replace"))
                    else:
                        found.append(str(value))
    found += [path.read_text() for path in folder_of(tenant).rglob("*.csv")]
    return "\n".join(found).lower()


def ask_to_be_erased(**given: str) -> PersonRequest:
    asked = Asked(**(given or {"email": EMAIL, "phone": NUMBER}))
    return take_down(
        asked, kind=PersonRequest.Kind.ERASURE, received_on=timezone.localdate(), actor="olga",
        now=NOW(),
    )  # fmt: skip


def erase_now(**given: str):
    return erase(ask_to_be_erased(**given), reason="Asked by letter.", actor="olga", now=NOW())


@pytest.fixture
def lead(acme) -> Lead:
    return plant()


def test_the_answer_holds_every_planted_item_with_where_it_is_from(lead):
    held = answer(Asked(email=EMAIL, phone=NUMBER), now=NOW())

    assert held["who"]["names"] == [NAME]
    [contact] = held["contacts"]
    assert (contact["name"], contact["phone"], len(contact["evidence"])) == (NAME, NUMBER, 3)
    [fact] = held["facts"]  # the colleagues' mailbox, whose quote names the person
    told = [fact, *contact["evidence"]]
    assert {one["where"] for one in told} == {"https://kaya.example/team"}
    assert all(EMAIL in one["quote"] for one in told)
    [page] = held["pages"]
    assert page["company"] == "KAYA TEA PTE. LTD."
    [message] = held["messages"]
    assert message["text"] == f"Dear {NAME}"
    assert message["sent_from"]
    assert [event["detail"] for event in message["events"]] == [f"{EMAIL} is over quota"]
    assert held["asked_of_vendors"][0]["about"] == EMAIL
    assert held["files"] == ["exports/run-000001/shortlist.csv"]
    tables = {each["table"] for each in held["elsewhere"]}
    assert tables == {
        "icp.lead", "enrichment.enrichmentrun", "enrichment.page", "enrichment.leadstep",
        "enrichment.vendoranswer", "tenants.llmanswer", "icp.suppressionimport",
        "outreach.dncresult",
    }  # fmt: skip
    assert all(held[name] for name in ("uploaded_lists", "merged_texts", "audit"))


@pytest.mark.parametrize(
    "given",
    [
        {"email": " Mei.Quark@KAYA.example "},
        {"phone": "6123 9876"},
        {"name": "mei  quark", "company": "201512345K"},
        {"name": "Ms Mei Quark", "company": "Kaya Tea Pte. Ltd."},
    ],
)
def test_whatever_the_person_gives_it_is_the_same_person(lead, given):
    person = identify(Asked(**given))

    assert EMAIL in person.addresses
    assert person.leads == {lead.pk: "201512345K"}


@pytest.mark.parametrize(
    "given",
    [{}, {"name": "Mei Quark"}, {"company": "KAYA"}, {"email": "no address"}, {"phone": "12"}],
)
def test_what_tells_nobody_is_refused_with_a_sentence(acme, given):
    with pytest.raises(PersonError, match=r"\.$"):
        identify(Asked(**given))


def test_after_erasing_only_the_hash_is_left_anywhere(lead):
    assert any(mark in dump() for mark in MARKS)

    report = erase_now()

    left = dump()
    assert [mark for mark in MARKS if mark in left] == []
    assert is_suppressed(email=EMAIL)
    assert is_suppressed(phone=NUMBER)
    assert set(Suppression.objects.values_list("value", flat=True)) == {""}
    assert {"contacts", "evidence", "messages", "pages", "files"} <= set(report.removed)
    assert is_erased(Asked(email=EMAIL), now=NOW())


def test_what_belongs_to_the_company_or_to_others_stays(lead):
    other = make_message()
    erase_now()

    lead.refresh_from_db()
    assert lead.facts["emails"] == {"value": ["sales@kaya.example"]}
    assert lead.facts["phone"] == {"value": "+6560000001"}
    assert "email" not in lead.facts
    assert Contact.objects.filter(email="sales@kaya.example").exists()
    assert not is_suppressed(email="sales@kaya.example")
    other.refresh_from_db()
    assert other.recipient


def test_the_request_and_the_audit_say_what_was_removed_and_name_nobody(lead):
    erase_now()

    request = PersonRequest.objects.get()
    assert (request.email, request.done_by, request.lead_ids) == ("", "olga", [lead.pk])
    assert request.counts["contacts"] == 1
    event = AuditEvent.objects.get(action="icp.person.erase")
    assert event.after == {"removed": request.counts}
    blanked = AuditEvent.objects.get(action="icp.lead.accept")
    assert blanked.after == {"note": "(erased)"}
    assert AuditEvent.objects.filter(action="tenants.audit.blank").count() == 1


def test_a_second_erasure_changes_nothing(lead):
    erase_now()
    before = dump()

    report = erase_now()

    assert dict(report.removed) == {}
    lines = set(dump().splitlines()) - set(before.splitlines())
    assert not [line for line in lines if "erased)" in line]


def test_another_tenant_keeps_its_own(acme):
    with in_tenant("beta"):
        plant("beta")
    plant()

    erase_now()

    assert "quark" in dump("beta")
    with in_tenant("beta"):
        assert not is_suppressed(email=EMAIL)


def statement(field: str, value: str, *, subject: str = "", quote: str = "") -> Statement:
    return Statement(field, value, "PAGE", "https://kaya.example/new", "test", 1, 1.0,
                     quote=quote or value, subject=subject)  # fmt: skip


def test_later_nights_imports_and_purchases_do_not_bring_the_person_back(lead):
    erase_now()

    add_statements(
        lead,
        [
            statement("emails", EMAIL),
            statement("people", NAME, subject="mei quark"),
            statement("title", "Director", subject="mei quark"),
            statement("phones", NUMBER),
            statement("emails", "info@kaya.example", quote=f"Ask {NAME}: info@kaya.example"),
            statement("emails", "office@kaya.example"),
        ],
        run_id=None, now=NOW(),
    )  # fmt: skip

    assert set(Contact.objects.values_list("email", flat=True)) == {
        "sales@kaya.example", "office@kaya.example"
    }  # fmt: skip
    assert not [mark for mark in MARKS if mark in dump()]


def test_mail_asked_for_over_the_api_brings_nothing_of_the_person_back(lead):
    make_policy()
    make_mailbox()
    erase_now()
    version = make_version()
    told = {"email": EMAIL.title(), "name": NAME, "phone": NUMBER, "business_name": "KAYA TEA",
            "uen": lead.uen}  # fmt: skip

    message, _ = queue_mail(
        lead_data=told, template_id=version.template_id, city="", timezone="", actor="olga",
        now=NOW(),
    )  # fmt: skip

    assert (message.status, message.code) == ("REFUSED", "suppressed")
    assert message.recipient_hash == hash_of("EMAIL", EMAIL)
    assert not [mark for mark in MARKS if mark in dump()]


def test_another_person_of_that_name_elsewhere_is_somebody_else(lead):
    erase_now()
    elsewhere = Lead.objects.create(source_ref="201599999Z", name="OTHER")

    add_statements(elsewhere, [statement("people", NAME, subject="mei quark")],
                   run_id=None, now=NOW())  # fmt: skip

    assert Contact.objects.filter(lead=elsewhere, name=NAME).exists()


@pytest.mark.parametrize("moment", ["waiting", "in hand", "asked"])
def test_mail_on_its_way_to_an_erased_person_stops_where_it_can(acme, moment):
    make_policy()
    mailbox = make_mailbox()
    message = make_message(make_campaign(mailbox))
    office = PostOffice()
    claimed = claim(mailbox.pk) if moment != "waiting" else None
    if moment == "asked":
        Message.objects.filter(pk=message.pk).update(asked_at=NOW())

    erase_now(email=message.recipient)
    if claimed and moment == "in hand":
        send(claimed, transport=office)

    message.refresh_from_db()
    assert office.sent == []
    assert message.recipient == ""
    assert message.status == ("SENDING" if moment == "asked" else "CANCELLED")
    assert claim(mailbox.pk) is None


def test_the_link_in_an_erased_mail_still_works(lead):
    message = Message.objects.get()
    make_link(message)
    erase_now()
    for row in Suppression.objects.all():
        lift_by_two(row)

    unsubscribe(way_out.token_of(message), door=Door.PAGE, now=NOW())

    assert is_suppressed(email=EMAIL)


def test_an_undecided_import_still_suppresses_whom_it_named(lead):
    upload = lead and preview_import(
        b"email\nmei.quark@kaya.example\n", file_name="x.csv", reason="list", actor="olga"
    )
    erase_now(email=EMAIL)

    confirm_import(upload, actor="olga")

    assert is_suppressed(email=EMAIL)
    assert "quark" not in dump()


def test_of_a_list_of_people_the_whole_row_of_the_erased_goes_and_the_others_stay(lead):
    people = (
        f"uen,name,email,origin\n{lead.uen},{NAME},{EMAIL},given\n{lead.uen},{NAME},,\n"
        f"{lead.uen},Bo Lim,bo@kaya.example,given\n"
    ).encode()
    done = preview_contacts(people, file_name="people.csv", actor="olga")
    confirm_contacts(done, actor="olga")
    waiting = preview_contacts(people + b"x,y,z,\n", file_name="people.csv", actor="olga")
    lists = answer(Asked(email=EMAIL), now=NOW())["uploaded_lists"]
    assert sum("people.csv" in name for name in lists) == 2

    erase_now(email=EMAIL)

    assert "quark" not in dump()
    assert [row.cells[1] for row in rows_of(waiting.__class__.objects.get(pk=waiting.pk))] == [
        "Bo Lim", "y",
    ]  # fmt: skip
    assert undo_contacts(done, reason="wrong list", actor="olga") == 1
    assert confirm_contacts(waiting, actor="olga") == 1
    assert set(Contact.objects.filter(lead=lead).values_list("name", flat=True)) >= {"Bo Lim"}
    assert "quark" not in dump()


def test_every_column_that_can_hold_bytes_is_known_to_the_search():
    found = {
        f"{model._meta.label_lower}.{field.name}"
        for config in apps.get_app_configs()
        if config.name in settings.TENANT_APPS
        for model in config.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.BinaryField)
    }

    assert found == set(KNOWN)


def test_nobody_but_the_owner_of_the_tables_changes_an_audit_event(lead):
    with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("UPDATE public.tenants_auditevent SET reason = 'x'")


# --- doors ----------------------------------------------------------------------------------------
def test_the_commands_show_then_erase_and_say_so(lead):
    out = StringIO()

    call_command("export_person", "acme", email=EMAIL, stdout=out)
    call_command("erase_person", "acme", email=EMAIL, phone=NUMBER, stdout=out)
    assert is_suppressed(email=EMAIL) is False
    with pytest.raises(CommandError, match="Say why"):
        call_command("erase_person", "acme", email=EMAIL, yes=True)
    call_command("erase_person", "acme", email=EMAIL, phone=NUMBER, yes=True, reason="asked",
                 stdout=out)  # fmt: skip
    again = StringIO()
    call_command("erase_person", "acme", email=EMAIL, yes=True, reason="asked", stdout=again)

    assert '"where": "https://kaya.example/team"' in out.getvalue()
    assert "Nothing was changed; --yes erases it." in out.getvalue()
    assert "Removed: " in out.getvalue()
    assert "Nothing is held but the keyed hash" in again.getvalue()
    assert not [mark for mark in MARKS if mark in dump()]


def test_an_owner_takes_a_request_down_hands_out_and_erases(db):
    make_people()
    with in_tenant("acme"):
        plant()
    owner = sign_in("owner")
    given = {"kind": "ACCESS", "email": EMAIL, "phone": NUMBER,
             "received_on": timezone.localdate().isoformat()}  # fmt: skip

    page = owner.post("/admin/icp/personrequest/add/", given, follow=True)
    number = page.redirect_chain[-1][0].split("/")[-3]
    assert re.search("(29|30) days left", page.content.decode())  # by Singapore's day
    assert EMAIL in page.content.decode()
    handed = owner.post(f"/admin/icp/personrequest/{number}/answer.json")
    assert json.loads(handed.content)["contacts"]
    unsure = owner.post(f"/admin/icp/personrequest/{number}/erase/", {"_reason": "x"}, follow=True)
    assert "Nothing was changed" in unsure.content.decode()
    done = owner.post(f"/admin/icp/personrequest/{number}/erase/",
                      {"_reason": "Asked.", "sure": "on"}, follow=True)  # fmt: skip

    assert "names nobody any more" in done.content.decode()
    assert "quark" not in done.content.decode().lower()
    assert not [mark for mark in MARKS if mark in dump()]
    assert owner.get("/admin/icp/personrequest/").status_code == 200


@pytest.mark.parametrize("name", ["operator", "reviewer", "auditor"])
def test_only_owners_see_peoples_requests(db, name):
    make_people()
    client = sign_in(name)

    assert client.get("/admin/icp/personrequest/").status_code == 403
    assert client.get("/admin/icp/personrequest/add/").status_code == 403
    assert client.post("/admin/icp/personrequest/1/erase/").status_code == 403
