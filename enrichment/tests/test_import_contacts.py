"""Lists of people come in with every row accounted for, each with its origin, and go out again."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from enrichment.contact_lists.import_contacts import (
    confirm_contacts,
    preview_contacts,
)
from enrichment.contact_lists.undo_contacts import undo_contacts
from enrichment.extract.titles import person_key
from enrichment.import_models import ContactImport
from enrichment.models import Contact, Evidence, Verification
from icp import suppressions
from icp.models import Lead
from icp.read_table import UnreadableFileError
from icp.tests.factories import NOW, make_lead
from icp.tests.hostile_files import FILES, shaped
from icp.tests.test_pages import inside, page, sign_in
from icp.uploads import UploadError, discard, error_file, rows_of
from tenants.context import in_tenant
from tenants.models import AuditEvent

HEAD = "uen,name,title,email,phone,origin,note\n"
UEN = "201912345A"
SHAPES = shaped("uen,email,origin", f"{UEN},jo@acme.sg,given", f"{UEN},ann@acme.sg,bought")


def preview(content: str | bytes) -> ContactImport:
    content = content.encode() if isinstance(content, str) else content
    return preview_contacts(content, file_name="people.csv", actor="olga", now=NOW)


def imported(content: str) -> ContactImport:
    upload = preview(content)
    confirm_contacts(upload, actor="olga", now=NOW)
    upload.refresh_from_db()
    return upload


def undo(upload: ContactImport) -> int:
    done = undo_contacts(upload, reason="Wrong list.", actor="ben", now=NOW)
    upload.refresh_from_db()
    return done


def outcomes(upload: ContactImport) -> dict[int, str]:
    return {row.number: row.outcome for row in rows_of(upload)}


def reasons(upload: ContactImport) -> dict[int, str]:
    return {row.number: " ".join(row.reasons) for row in rows_of(upload) if row.reasons}


def counts(upload: ContactImport) -> tuple[int, int, int, int]:
    return upload.new, upload.changed, upload.present, upload.refused


def make_contact(lead: Lead, source: str = "PAGE", **values: str) -> Contact:
    """A contact with evidence of ``source`` for each value."""
    contact = Contact.objects.create(lead=lead, **{"kind": "PERSON", **values})
    fields = {"name": "people", "title": "title", "email": "emails", "phone": "phones"}
    for name, of_evidence in fields.items():
        if value := values.get(name):
            Evidence.objects.create(
                lead=lead, contact=contact, field=of_evidence, value=value, source=source,
                reference="https://acme.sg", method="test", confidence=1,
                subject=person_key(contact.name),
            )  # fmt: skip
    return contact


@pytest.fixture
def lead(acme) -> Lead:
    return make_lead(name="Acme Pte. Ltd.", uen=UEN, source_ref=UEN, website="www.acme.sg")


# --- see ----------------------------------------------------------------------------------------
def test_a_preview_stores_nobody_and_tells_what_becomes_of_each_row(lead):
    make_contact(lead, name="Mei Tan", title="Manager", email="mei@acme.sg")
    make_contact(lead, name="Bo Lim", email="bo@acme.sg", source="IMPORT")
    Evidence.objects.filter(value="bo@acme.sg").update(method="import.given")

    upload = preview(
        f"{HEAD}{UEN},Jo Ng,Buyer,JO@acme.sg,,card,Food Expo\n"
        f"{UEN},Mei Tan,Director,mei@acme.sg,6123 4567,bought,\n"
        f"{UEN},Bo Lim,,bo@acme.sg,,given,\n"
    )

    assert Contact.objects.count() == 2
    assert outcomes(upload) == {2: "new", 3: "changed", 4: "present"}
    assert counts(upload) == (1, 1, 1, 0)
    [changed] = [row for row in rows_of(upload) if row.outcome == "changed"]
    assert changed.values[1:] == [
        ["title", "Manager", "Director"], ["phone", "", "+6561234567"],
        ["origin", "page, by rule", "bought"],
    ]  # fmt: skip


def test_all_mistakes_of_all_rows_are_told_at_once(lead):
    make_lead(name="Twin"), make_lead(name="Twin")
    upload = preview(
        f"uen,company,name,email,phone,origin\n"
        f"{UEN},,Jo,jo@acme.sg,,\n"
        "12345,,Jo,nobody,12,somehow\n"
        "201900000Z,,Jo,jo@acme.sg,,given\n"
        ",Twin,Jo,jo@acme.sg,,given\n"
        f"{UEN},,,,,given\n"
        ",,Jo,,,given\n"
        f"{UEN},,Ann,ann@acme.sg,,given\n{UEN},,Anna,ann@acme.sg,,given\n"
        f"{UEN},,Cy,cy@acme.sg,,given\n,ACME PTE. LTD.,Cy,cy@acme.sg,,given\n"
    )

    found = reasons(upload)
    assert found[2].startswith("Say in the column origin how the address was obtained: given (by")
    assert "no UEN" in found[3]
    assert "'somehow' is no origin; write given" in found[3]
    assert len(next(row for row in rows_of(upload) if row.number == 3).reasons) == 4
    assert (
        found[4]
        == "There is no lead with the UEN 201900000Z. A rule has to select the company first."
    )
    assert found[5] == "2 leads are found called twin; tell the company by its UEN."
    assert found[6] == "There is no e-mail address, telephone number or name."
    assert found[7] == "There is no company: fill uen, site or company."
    assert found[8] == found[9] == "Rows 8, 9 say different things of this person."
    assert found[11] == "Row 10 says the same."
    assert counts(upload) == (1, 0, 1, 8)


@pytest.mark.parametrize("cell", ["https://www.ACME.sg/about", "acme.sg"])
def test_the_company_is_found_by_its_site(lead, cell):
    assert preview(f"site,email,origin\n{cell},jo@acme.sg,given\n").new == 1


def test_the_company_is_found_by_the_site_that_was_found_for_it(acme):
    lead = make_lead()
    Evidence.objects.create(lead=lead, field="website", value="https://www.found.sg/",
                            source="PAGE", reference="x", method="d", confidence=1)  # fmt: skip

    assert preview("site,email,origin\nfound.sg,jo@found.sg,given\n").new == 1


@pytest.mark.parametrize(
    ("kind", "value"),
    [("EMAIL", "jo@acme.sg"), ("DOMAIN", "acme.sg"), ("PHONE", "+6561234567"), ("UEN", UEN),
     ("PERSON", f"{UEN} jo ng")],
)  # fmt: skip
def test_whoever_is_suppressed_or_erased_is_refused_also_when_it_happens_meanwhile(
    lead, kind, value
):
    content = f"{HEAD}{UEN},Jo Ng,,jo@acme.sg,61234567,given,\n"
    upload = preview(content)
    assert upload.new == 1
    if kind == "UEN":
        suppressions.add(kind, value, reason="asked", actor="a")
    else:  # as an erasure does
        suppressions.add_hash(kind, suppressions.hash_of(kind, value), reason="asked", actor="a",
                              source="test")  # fmt: skip

    assert preview(content).refused == 1
    assert confirm_contacts(upload, actor="olga", now=NOW) == 0
    upload.refresh_from_db()
    assert counts(upload) == (0, 0, 0, 1)
    assert not Contact.objects.exists()
    assert not Evidence.objects.exists()


@pytest.mark.parametrize(
    ("header", "missing"),
    [("email,origin", "tells the company"), ("uen,origin", "email, phone or name"),
     ("uen,email", "no column origin")],
)  # fmt: skip
def test_a_header_without_what_is_needed_is_refused_as_a_whole(acme, header, missing):
    with pytest.raises(UnreadableFileError, match=missing):
        preview(f"{header}\n1,2\n")


# --- do -----------------------------------------------------------------------------------------
def test_each_value_is_stored_with_its_evidence_and_its_origin(lead):
    upload = imported(f"{HEAD}{UEN},Jo Ng,Buyer,JO@acme.sg,6123 4567,card,Food Expo\n")

    contact = Contact.objects.get()
    assert (contact.name, contact.title, contact.email, contact.phone, contact.kind) == (
        "Jo Ng", "Buyer", "jo@acme.sg", "+6561234567", "PERSON",
    )  # fmt: skip
    rows = contact.evidence.order_by("field").values_list(
        "field", "value", "source", "method", "quote", "reference", "subject"
    )
    tail = ("IMPORT", "import.given", "Food Expo", f"contact import {upload.pk}, row 2", "jo ng")
    assert list(rows) == [
        ("emails", "jo@acme.sg", *tail), ("people", "Jo Ng", *tail),
        ("phones", "+6561234567", *tail), ("title", "Buyer", *tail),
    ]  # fmt: skip
    event = AuditEvent.objects.get(action="enrichment.contacts.import")
    assert (event.after["new"], event.after["origins"]) == (1, {"import.given": 1})
    assert AuditEvent.objects.get(action="enrichment.contact.import").subject == f"lead {lead.pk}"


def test_a_mailbox_without_a_name_is_shown_as_the_companys(lead):
    upload = imported(f"{HEAD}{UEN},,,sales@acme.sg,,given,\n")

    lead.refresh_from_db()
    assert lead.facts["email"]["value"] == "sales@acme.sg"
    assert Contact.objects.get().kind == "ROLE"
    undo(upload)
    lead.refresh_from_db()
    assert lead.facts == {}


def test_the_second_import_adds_nothing(lead):
    content = f"{HEAD}{UEN},Jo Ng,Buyer,jo@acme.sg,,given,\n{UEN},Bo,,,61234567,bought,\n"
    imported(content)
    before = Contact.objects.count(), Evidence.objects.count()

    again = imported(content)

    assert counts(again) == (0, 0, 2, 0)
    assert (Contact.objects.count(), Evidence.objects.count()) == before


def test_what_an_operator_entered_stays_and_the_preview_says_so(lead):
    mine = make_contact(lead, "OPERATOR", name="Jo Ng", title="Owner", email="jo@acme.sg")

    upload = imported(f"{HEAD}{UEN},Jo Ng,Buyer,jo@acme.sg,61234567,given,\n")

    assert "The title stays as it was entered: Owner." in reasons(upload)[2]
    mine.refresh_from_db()
    assert (mine.title, mine.phone) == ("Owner", "+6561234567")


def test_a_later_list_replaces_what_an_earlier_said(lead):
    imported(f"{HEAD}{UEN},Jo Ng,Buyer,jo@acme.sg,,given,\n")
    second = imported(f"{HEAD}{UEN},Jo Ng,Director,jo@acme.sg,,given,\n")

    standing = Evidence.objects.filter(field="title", superseded_at=None)
    assert [row.value for row in standing] == ["Director"]
    undo(second)
    assert Contact.objects.get().title == "Buyer"
    standing = Evidence.objects.filter(field="title", superseded_at=None)
    assert [row.value for row in standing] == ["Buyer"]


def test_an_address_known_to_be_bad_is_known_to_be_bad_at_once(lead):
    Verification.objects.create(address="jo@acme.sg", status="invalid", source="VENDOR")

    imported(f"{HEAD}{UEN},Jo Ng,,jo@acme.sg,,given,\n")

    assert Contact.objects.get().verdict == "UNDELIVERABLE"


def test_an_upload_is_decided_once(lead):
    upload = preview(f"{HEAD}{UEN},Jo,,jo@acme.sg,,given,\n")
    discard(upload, actor="olga", now=NOW)

    with pytest.raises(UploadError, match="decided before: discarded"):
        confirm_contacts(upload, actor="olga", now=NOW)
    assert not Contact.objects.exists()


def test_the_refused_rows_come_back_as_a_file_that_can_be_mended(lead):
    content = error_file(imported(f"{HEAD}{UEN},Jo,,jo@acme.sg,,,\n"))
    assert content.splitlines()[0].endswith("origin,note,why_refused")

    mended = preview(content.replace("jo@acme.sg,,,", "jo@acme.sg,,given,"))

    assert counts(mended) == (1, 0, 0, 0)


# --- undo ---------------------------------------------------------------------------------------
def test_undo_takes_back_what_came_and_restores_what_was_changed(lead):
    old = make_contact(lead, name="Mei Tan", title="Manager")
    upload = imported(
        f"{HEAD}{UEN},Jo Ng,Buyer,jo@acme.sg,,given,\n{UEN},Mei Tan,CEO,mei@acme.sg,,given,\n"
    )
    assert counts(upload) == (1, 1, 0, 0)

    assert undo(upload) == 2

    [left] = Contact.objects.all()
    assert (left.pk, left.title, left.email, left.verdict) == (old.pk, "Manager", "", "UNVERIFIED")
    assert not Evidence.objects.filter(source="IMPORT").exists()
    assert upload.conflicts == []
    event = AuditEvent.objects.get(action="enrichment.contacts.undo")
    assert (event.reason, event.after) == ("Wrong list.", {"undone": 2, "left": 0})
    with pytest.raises(UploadError, match="nothing to undo"):
        undo(upload)


def test_undo_leaves_what_was_edited_since_and_reports_it_but_takes_the_origin_back(lead):
    people = "".join(f"{UEN},Jo {n},,jo{n}@acme.sg,,given,\n" for n in range(50))
    kept = make_contact(lead, name="Mei Tan", title="Manager", email="mei@acme.sg")
    upload = imported(f"{HEAD}{people}{UEN},Mei Tan,CEO,mei@acme.sg,,given,\n")
    Contact.objects.filter(email__in=[f"jo{n}@acme.sg" for n in range(10)]).update(title="Edited")
    Contact.objects.filter(pk=kept.pk).update(title="Chairwoman")

    assert undo(upload) == 40

    assert len(upload.conflicts) == 11
    assert [2, "The contact was edited since; it stays."] in upload.conflicts
    assert [52, "The title was edited since; it stays."] in upload.conflicts
    assert Contact.objects.filter(title="Edited").count() == 10
    assert Contact.objects.count() == 11
    assert not Evidence.objects.filter(method="import.given").exists()


def test_undo_leaves_a_contact_others_speak_of_by_now(lead):
    upload = imported(f"{HEAD}{UEN},Jo Ng,,jo@acme.sg,,given,\n")
    contact = Contact.objects.get()
    Evidence.objects.create(lead=lead, contact=contact, field="emails", value="jo@acme.sg",
                            source="PAGE", reference="x", method="m", confidence=1)  # fmt: skip

    assert undo(upload) == 0

    assert upload.conflicts == [[2, "The contact is known from elsewhere as well; it stays."]]
    assert Contact.objects.exists()


# --- shapes and size ----------------------------------------------------------------------------
@pytest.mark.parametrize("name", SHAPES)
def test_a_list_of_any_shape_comes_in_by_the_row_or_not_at_all(lead, name):
    content, accepted = SHAPES[name]
    if accepted is None:
        with pytest.raises(UnreadableFileError, match=r"\.$"):
            preview(content)
        assert not ContactImport.objects.exists()
        return

    upload = preview(content)

    assert upload.new + upload.present == accepted
    assert confirm_contacts(upload, actor="o", now=NOW) == upload.new == Contact.objects.count()
    assert preview(content).new == 0, "a second import adds nobody"


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_of_another_kind_is_refused_as_a_whole(acme, name):
    with pytest.raises(UnreadableFileError, match=r"\.$"):
        preview(FILES[name][0])

    assert not ContactImport.objects.exists()


def test_thousands_of_people_cost_statements_by_the_batch_and_none_by_the_row(
    acme, django_assert_max_num_queries
):
    leads = Lead.objects.bulk_create(
        Lead(source_ref=f"{200000000 + n}A", uen=f"{200000000 + n}A", name=f"L {n}")
        for n in range(500)
    )
    people = "".join(
        f"{leads[n % 500].uen},Jo {n},Buyer,jo{n}@x{n % 500}.sg,,given,\n" for n in range(3_000)
    )
    with django_assert_max_num_queries(25):
        upload = preview(HEAD + people)
    with django_assert_max_num_queries(250):
        assert confirm_contacts(upload, actor="olga", now=NOW) == 3_000
    with django_assert_max_num_queries(250):
        assert undo(upload) == 3_000
    assert not Contact.objects.exists()


def test_another_tenant_sees_neither_list_nor_person_and_its_leads_are_not_found(lead):
    upload = imported(f"{HEAD}{UEN},Jo,,jo@acme.sg,,given,\n")

    with in_tenant("beta"):
        assert not ContactImport.objects.filter(pk=upload.pk).exists()
        assert preview(f"{HEAD}{UEN},Jo,,jo@acme.sg,,given,\n").refused == 1


# --- pages --------------------------------------------------------------------------------------
def test_an_operator_previews_imports_and_undoes_a_list(db):
    operator = sign_in("OPERATOR")
    inside(lambda: make_lead(name="Acme", uen=UEN, source_ref=UEN))
    content = f"{HEAD}{UEN},Jo Ng,Buyer,jo@acme.sg,,given,\n{UEN},Bo,,bo@acme.sg,,,<script>\n"
    assert "Import contacts" in page(operator, "enrichment_contact_changelist")

    file = SimpleUploadedFile("people.csv", content.encode())
    shown = operator.post("/admin/enrichment/contact/import/", {"file": file}, follow=True)
    assert b"Import 1 contact of Acme" in shown.content
    upload = shown.context_data["upload"]
    assert "how the address was obtained" in page(operator, "enrichment_contacts_errors", upload.pk)
    path = f"/admin/enrichment/contact/import/{upload.pk}/decide/"
    assert b"Imported: 1 contacts" in operator.post(path, follow=True).content
    assert b"decided before" in operator.post(path, follow=True).content
    inside(lambda: Contact.objects.update(title="Edited"))
    undone = operator.post(path, {"verdict": "undo", "_reason": "wrong"}, follow=True)
    assert b"The contact was edited since" in undone.content


def test_who_may_not_work_on_leads_looks_and_imports_nothing(db):
    reviewer = sign_in("REVIEWER")
    upload = inside(lambda: preview(f"{HEAD}{UEN},Jo,,jo@acme.sg,,given,\n"))

    assert "There is no lead" in page(reviewer, "enrichment_contacts_show", upload.pk)
    path = "/admin/enrichment/contact/import/"
    assert reviewer.get(path).status_code == 403
    assert reviewer.post(f"{path}{upload.pk}/decide/").status_code == 403
