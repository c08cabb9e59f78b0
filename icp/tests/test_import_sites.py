"""Lists of web sites come in with every row accounted for, and can be taken back."""

from __future__ import annotations

import io

import pytest
from openpyxl import Workbook

from icp.decide import reject_leads
from icp.give_site import give_site
from icp.import_sites import confirm_sites, preview_sites, undo_sites
from icp.models import GivenSite, Lead, SiteImport
from icp.read_table import UnreadableFileError
from icp.select import select_candidates
from icp.suppressions import add
from icp.tests.factories import NOW, make_company, make_lead, make_rule
from icp.tests.hostile_files import FILES
from icp.uploads import UploadError, discard, error_file, rows_of
from tenants.context import in_tenant
from tenants.models import AuditEvent


def preview(content: bytes | str) -> SiteImport:
    content = content.encode() if isinstance(content, str) else content
    return preview_sites(content, file_name="sites.csv", actor="ann", now=NOW)


def reasons(upload: SiteImport) -> dict[int, str]:
    return {row.number: " ".join(row.reasons) for row in rows_of(upload) if row.reasons}


@pytest.fixture
def lead(acme):
    company = make_company()
    return make_lead(uen=company.uen, source_ref=company.uen, stage=Lead.Stage.SCORED)


def test_the_preview_changes_nothing_and_tells_what_becomes_of_each_row(lead):
    other = make_company()
    same = make_lead(website="www.same.sg")

    upload = preview(
        f"uen,site\n{lead.uen},www.acme.sg\n{other.uen},other.sg\n{same.uen},www.same.sg\n"
    )

    found = {row.number: (row.outcome, row.values[0][4]) for row in rows_of(upload)}
    assert found == {2: ("new", "lead"), 3: ("new", "later"), 4: ("present", "lead")}
    assert (upload.new, upload.present, upload.refused) == (2, 1, 0)
    assert not Lead.objects.filter(website="www.acme.sg").exists()
    assert not GivenSite.objects.exists()


def test_all_mistakes_are_told_at_once_each_with_a_line_of_its_own(lead):
    gone = make_company(status="Struck Off", status_class="CEASED")
    hidden, refused = make_lead(), make_lead()
    add("UEN", hidden.uen, reason="asked", actor="ann")
    add("DOMAIN", "closed.sg", reason="asked", actor="ann")
    reject_leads(Lead.objects.filter(pk=refused.pk), reason="no fit")
    twice, again = make_company(), make_company()

    upload = preview(
        "uen,site\n"
        "200000001Z,unknown.sg\n"
        "12345,not a site\n"
        f"{lead.uen},ftp://acme.sg\n"
        f"{gone.uen},gone.sg\n"
        f"{hidden.uen},hidden.sg\n"
        f"{lead.uen},www.closed.sg\n"
        f"{refused.uen},refused.sg\n"
        f"{twice.uen},one.sg\n"
        f"{twice.uen},two.sg\n"
        f"{again.uen},again.sg\n"
        f"{again.uen},again.sg\n"
        f"{lead.uen},\n"
        f"{twice.uen},www.closed.sg\n"
        ",\n"
    )

    assert reasons(upload) == {
        2: "The register knows no company with the UEN 200000001Z.",
        3: "This is no UEN; it looks like 201912345A, 53012345X or T19LL1234A."
        " 'not a site' is not a web address such as www.company.com.sg.",
        4: "'ftp://acme.sg': only http and https addresses can be read.",
        5: "The company is no more; the register says: Struck Off.",
        6: f"{hidden.uen} is on the suppression list.",
        7: "www.closed.sg is on the suppression list.",
        8: "The lead was turned down (no fit). Send it back first.",
        9: "Rows 9, 10 give different sites for this UEN.",
        10: "Rows 9, 10 give different sites for this UEN.",
        12: "Row 11 says the same.",
        13: "There is no site.",
        14: "www.closed.sg is on the suppression list.",
    }
    assert (upload.new, upload.present, upload.refused) == (1, 1, 11)


@pytest.mark.parametrize("name", [name for name in FILES if FILES[name][1] is None])
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(acme, name):
    with pytest.raises(UnreadableFileError, match=r"\.$"):
        preview(FILES[name][0])

    assert not SiteImport.objects.exists()


def test_a_header_without_both_columns_is_refused_as_a_whole(acme):
    with pytest.raises(UnreadableFileError, match="no column site"):
        preview("uen,name\n201912345A,Acme\n")


def test_a_workbook_without_a_header_is_read_by_position(lead):
    book = Workbook()
    book.active.append([lead.uen.lower(), "https://Acme.sg/"])
    out = io.BytesIO()
    book.save(out)

    confirm_sites(preview(out.getvalue()), actor="ann", now=NOW)

    lead.refresh_from_db()
    assert lead.website == "https://acme.sg"


def test_leads_with_new_sites_are_read_anew_and_remember_who_gave_them(lead):
    done = confirm_sites(preview(f"{lead.uen},acme.sg\n"), actor="ann", now=NOW)

    lead.refresh_from_db()
    assert (done, lead.website, lead.stage) == (1, "acme.sg", "CANDIDATE")
    event = AuditEvent.objects.get(action="icp.lead.give_site")
    assert (event.subject, event.after) == (f"lead {lead.pk}", {"website": "acme.sg"})
    assert AuditEvent.objects.get(action="icp.site.import").after["leads"] == 1


def test_what_was_reviewed_or_rejected_keeps_its_place_but_gets_its_site(acme):
    accepted = make_lead(stage=Lead.Stage.SHORTLISTED, review=Lead.Review.ACCEPTED)
    left = make_lead()
    left.reject("left_rule", "No longer meets it.")

    confirm_sites(preview(f"{accepted.uen},a.sg\n{left.uen},l.sg\n"), actor="ann", now=NOW)

    assert set(Lead.objects.values_list("website", "stage")) == {
        ("a.sg", "SHORTLISTED"),
        ("l.sg", "REJECTED"),
    }


def test_a_worker_that_is_reading_the_old_site_loses_the_lead(acme):
    make_lead()
    [held] = Lead.objects.claim(1)

    confirm_sites(preview(f"{held.uen},new.sg\n"), actor="ann", now=NOW)

    assert held.move_to(Lead.Stage.ENRICHED) is False
    assert Lead.objects.get().held_until is None


def test_a_company_that_is_no_lead_yet_brings_its_site_along_when_selected(acme):
    company = make_company()
    rule = make_rule({"status": ["live"]})
    confirm_sites(preview(f"{company.uen},later.sg\n"), actor="ann", now=NOW)

    select_candidates(None, rule=rule, cap=10, now=NOW)

    assert Lead.objects.get(uen=company.uen).website == "later.sg"


def test_a_site_that_is_suppressed_while_it_waits_is_forgotten(acme):
    company = make_company()
    confirm_sites(preview(f"{company.uen},later.sg\n"), actor="ann", now=NOW)

    add("DOMAIN", "later.sg", reason="asked", actor="ann")

    assert not GivenSite.objects.exists()


def test_what_was_suppressed_since_the_preview_is_refused_when_it_is_confirmed(lead):
    upload = preview(f"{lead.uen},acme.sg\n")
    add("DOMAIN", "acme.sg", reason="asked", actor="ann")

    assert confirm_sites(upload, actor="ann", now=NOW) == 0

    upload.refresh_from_db()
    assert (upload.new, upload.refused) == (0, 1)
    assert "acme.sg is on the suppression list." in error_file(upload)
    assert Lead.objects.get().website == ""


def test_undo_gives_back_what_stood_before_and_leaves_what_came_since(acme):
    changed = make_lead(website="old.sg")
    touched = make_lead(website="old.sg")
    waiting, selected = make_company(), make_company(district=2)
    rule = make_rule({"districts": [2]})
    upload = preview(
        f"{changed.uen},new.sg\n{touched.uen},new.sg\n{waiting.uen},w.sg\n{selected.uen},s.sg\n"
    )
    confirm_sites(upload, actor="ann", now=NOW)
    give_site(touched, "mine.sg", actor="ben")
    select_candidates(None, rule=rule, cap=10, now=NOW)

    with pytest.raises(UploadError, match="Say why"):
        undo_sites(upload, reason=" ", actor="ann")
    undo_sites(upload, reason="wrong list", actor="ann", now=NOW)

    sites = dict(Lead.objects.values_list("uen", "website"))
    assert sites == {changed.uen: "old.sg", touched.uen: "mine.sg", selected.uen: ""}
    assert not GivenSite.objects.exists()
    assert AuditEvent.objects.get(action="icp.site.undo").reason == "wrong list"
    with pytest.raises(UploadError, match="nothing to undo"):
        undo_sites(upload, reason="again", actor="ann")


def test_undo_gives_a_waiting_company_the_site_of_the_list_before(acme):
    company = make_company()
    confirm_sites(preview(f"{company.uen},first.sg\n"), actor="ann", now=NOW)
    second = preview(f"{company.uen},second.sg\n")
    confirm_sites(second, actor="ann", now=NOW)

    undo_sites(second, reason="wrong", actor="ann", now=NOW)

    assert GivenSite.objects.get().site == "first.sg"


def test_an_upload_is_decided_once(lead):
    upload = preview(f"{lead.uen},acme.sg\n")
    discard(upload, actor="ann", now=NOW)

    with pytest.raises(UploadError, match="decided before: discarded"):
        confirm_sites(upload, actor="ann", now=NOW)
    assert Lead.objects.get().website == ""


def test_the_refused_rows_come_back_as_a_file_that_can_be_mended(lead):
    upload = preview(f"uen,site,team\n{lead.uen},acme sg,a\n")

    content = error_file(upload)

    assert content.splitlines()[0] == "uen,site,team,why_refused"
    mended = preview(content.replace("acme sg", "acme.sg"))
    assert (mended.new, mended.refused) == (1, 0)


def test_twenty_thousand_sites_come_in_together(acme):
    Lead.objects.bulk_create(
        Lead(source_ref=str(n), uen=f"{200000000 + n}A", name=f"L {n}") for n in range(20_000)
    )
    content = "\n".join(f"{200000000 + n}A,www.company{n}.sg" for n in range(20_000))

    assert confirm_sites(preview(content), actor="ann", now=NOW) == 20_000

    assert AuditEvent.objects.filter(action="icp.lead.give_site").count() == 20_000


def test_another_tenant_sees_neither_upload_nor_site(lead):
    company = make_company()
    confirm_sites(preview(f"{company.uen},later.sg\n"), actor="ann", now=NOW)

    with in_tenant("beta"):
        assert not SiteImport.objects.exists()
        assert not GivenSite.objects.exists()
