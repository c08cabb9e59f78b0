"""The console pages of this app: who may, what they change, and what they say."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from icp import lead_panels
from icp.decide import reject_leads, send_back
from icp.models import IcpRule, Lead, Selection, SiteImport, Suppression, SuppressionImport
from icp.rule_form import payload_of
from icp.save_rule import save_rule
from icp.select import select_candidates
from icp.suppressions import add, lift
from icp.tests.factories import NOW, PLAN_PAYLOAD, make_codes, make_company, make_lead, make_rule
from tenants.bulk import CONFIRMED
from tenants.context import in_tenant
from tenants.models import AuditEvent, Membership, User


def sign_in(role: str, tenant: str = "acme") -> Client:
    user = User.objects.create(username=f"{role.lower()}-{tenant}")
    Membership.objects.create(user=user, tenant_id=tenant, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(db):
    return sign_in("OWNER")


@pytest.fixture
def auditor(db):
    return sign_in("AUDITOR")


def inside(work):
    with in_tenant("acme"):
        return work()


def page(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(f"admin:{name}", args=args), query)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def post(client: Client, name: str, *args: object, follow: bool = True, **data: object) -> str:
    answer = client.post(reverse(f"admin:{name}", args=args), data, follow=follow)
    assert answer.status_code == 200, answer
    return answer.content.decode()


FIELDS = {  # as the editor posts the plan's payload
    "industries": "technology", "employee_range.min": "2", "employee_range.max": "100",
    "incorporation_year.min": "2000", "incorporation_year.max": "2025", "order": "newest",
    "ssic_in": "primary", "unknown.industries": "match_lower",
}  # fmt: skip


# --- the editor -----------------------------------------------------------------------------------
def test_an_empty_list_says_what_to_do_next(owner):
    assert "Write the rule" in page(owner, "icp_icprule_changelist")
    assert "ICP rules" in page(owner, "icp_lead_changelist")
    assert "Import a list" in page(owner, "icp_suppression_changelist")


def test_the_editor_saves_the_payload_of_the_plan_verbatim(owner):
    inside(make_codes)

    text = post(owner, "icp_rule_edit", "default", **FIELDS, based_on="", _reason="first rule")

    rule = inside(lambda: IcpRule.objects.get(name="default"))
    assert rule.payload == PLAN_PAYLOAD
    assert [code for code, _ in rule.codes["technology"]] == ["26802", "62", "72105"]
    assert (rule.version, rule.created_by, rule.reason) == (1, "owner-acme", "first rule")
    assert "Saved as default v1" in text


def test_a_rule_survives_the_way_through_its_fields(owner):
    payload = {
        "industries": ["technology", "restaurants"], "ssic": ["62011", "46"], "ssic_in": "either",
        "status": ["LIVE", "AT_RISK"], "districts": [1, 2], "postal_sectors": ["01"],
        "has_former_names": False, "registered_since": "2019-01-01", "officers": {"min": 2},
        "entity_types": ["Local Company"], "annual_return_within_months": 18,
        "exclude": {"uens": ["202099999Z"], "company_types": ["Public Company Limited by Shares"]},
        "unknown": {"districts": "no_match"}, "order": "oldest", "limit": 50,
    }  # fmt: skip
    inside(make_codes)
    inside(lambda: save_rule("default", payload, actor="t", now=NOW))
    shown = owner.get(reverse("admin:icp_rule_edit", args=["default"]))

    posted = shown.context["groups"], shown.context["rest"]

    assert payload_of(_as_posted(*posted)) == payload


def _as_posted(groups, rest):
    from django.http import QueryDict

    fields = QueryDict(mutable=True)
    for _, group in groups:
        for field in group:
            if field.spec.shape == "choices":
                fields.setlist(field.key, field.value)
            elif field.spec.shape == "range":
                for end, value in field.value.items():
                    fields[f"{field.key}.{end}"] = str(value)
            else:
                fields[field.key] = str(field.value)
            fields[f"unknown.{field.key}"] = field.policy
    for item in rest["exclusions"]:
        chosen = item["value"]
        fields.setlist(f"exclude.{item['name']}", chosen if item["choices"] else [chosen])
    for name in ("ssic_in", "order", "limit"):
        fields[name] = str(rest[name])
    return fields


def test_mistakes_stand_beside_their_fields_and_nothing_is_saved(owner):
    inside(make_codes)
    wrong = {**FIELDS, "industries": "tecnology", "employee_range.min": "many", "limit": "0"}

    text = post(owner, "icp_rule_edit", "default", **wrong, based_on="", _reason="x")

    assert not inside(IcpRule.objects.exists)
    assert "Not saved: 3 mistakes" in text
    for key, part in (("industries", "No SSIC title holds"), ("employee_range", "whole number"),
                      ("limit", "from 1 to 1000000")):  # fmt: skip
        place = text.index(f'data-errors-of="{key}"')
        assert part in text[place : place + 300]
    assert 'value="many"' in text, "what was typed is still there"


def test_the_preview_counts_splits_and_compares_without_saving(owner):
    inside(lambda: [make_company(), make_company(primary_ssic="46411")])
    inside(lambda: make_rule({"ssic": ["46"]}))

    answer = owner.post(reverse("admin:icp_rule_preview") + "?name=default", FIELDS).json()

    assert answer["fields"] == {}
    assert "COMPUTER PROGRAMMING" in answer["codes"]
    assert "1 enter" in answer["html"]
    assert "1 leave" in answer["html"]
    assert inside(IcpRule.objects.count) == 1


def test_the_preview_names_mistakes_by_field(owner):
    inside(make_codes)

    answer = owner.post(reverse("admin:icp_rule_preview"), {"districts": "99", "ssic": "0"}).json()

    assert set(answer["fields"]) == {"districts", "ssic"}


def test_saving_takes_a_reason(owner):
    inside(make_codes)

    assert "Say why" in post(owner, "icp_rule_edit", "default", **FIELDS, based_on="")
    assert not inside(IcpRule.objects.exists)


def test_somebody_elses_version_is_not_overwritten_unseen(owner):
    inside(lambda: make_rule({"ssic": ["62"]}))

    text = post(owner, "icp_rule_edit", "default", **FIELDS, based_on="", _reason="x")

    assert "default v1 was saved in the meantime" in text
    assert inside(IcpRule.objects.count) == 1


def test_json_fills_the_fields_and_saves_nothing(owner):
    inside(make_codes)

    text = post(owner, "icp_rule_edit", "default", payload_json='{"districts": [7]}', load_json="1")

    assert 'name="districts" value="7"' in text
    assert not inside(IcpRule.objects.exists)
    for bad in ("{", "[1]", "[" * 100_000, '{"a": NaN}'):
        post(owner, "icp_rule_edit", "default", payload_json=bad, load_json="1")


def test_history_shows_the_difference_and_an_old_version_can_be_used_again(owner):
    old = inside(lambda: make_rule({"ssic": ["62"]}))
    inside(lambda: make_rule({"ssic": ["46"]}))
    text = page(owner, "icp_rule_history", "default")
    assert "[&quot;62&quot;]" in text
    assert "[&quot;46&quot;]" in text

    assert "Say why" in post(owner, "icp_rule_use", old.pk)
    post(owner, "icp_rule_use", old.pk, _reason="the wider one was better")

    assert inside(lambda: IcpRule.objects.get(is_current=True)) == old
    assert AuditEvent.objects.get(action="icp.rule.use").reason == "the wider one was better"


def test_an_auditor_may_look_and_try_but_not_save(auditor):
    inside(make_codes)
    page(auditor, "icp_rule_edit", "default")
    assert auditor.post(reverse("admin:icp_rule_preview"), FIELDS).status_code == 200

    edit = reverse("admin:icp_rule_edit", args=["default"])
    assert auditor.post(edit, {**FIELDS, "based_on": "", "_reason": "x"}).status_code == 403
    assert not inside(IcpRule.objects.exists)


# --- leads ----------------------------------------------------------------------------------------
def test_the_list_is_searched_by_uen_and_name_and_filtered(owner):
    lead = inside(lambda: make_lead(name="Blue Whale", stage="SCORED", score=70, bucket="HIGH"))
    inside(lambda: make_lead(name="Red Fox"))

    for query in ({"q": lead.uen.lower()}, {"q": "whale"}, {"stage": "SCORED"}, {"bucket": "HIGH"}):
        text = page(owner, "icp_lead_changelist", **query)
        assert "Blue Whale" in text, query
        assert "Red Fox" not in text, query


def test_the_list_asks_the_same_number_of_queries_for_one_lead_and_for_three(
    owner, django_assert_max_num_queries
):
    counts = []
    for _ in range(2):
        inside(make_lead)
        with django_assert_max_num_queries(60) as asked:
            page(owner, "icp_lead_changelist")
        counts.append(len(asked.captured_queries))
        inside(make_lead)
    assert counts[0] == counts[1]


def test_bulk_rejects_everything_that_matches_with_reason_and_keeps_the_filter(owner):
    inside(lambda: [make_lead(name=f"Fox {number}") for number in range(3)])
    kept = inside(lambda: make_lead(name="Whale"))
    url = reverse("admin:icp_lead_changelist") + "?q=fox"
    chosen = inside(lambda: Lead.objects.filter(name__startswith="Fox").first())
    form = {"action": "reject", "select_across": "1", "_selected_action": chosen.pk}

    asked = owner.post(url, form).content.decode()
    assert "Reject 3 leads of Acme?" in " ".join(asked.split())
    done = owner.post(url, {**form, CONFIRMED: "3", "_reason": "competitors"})

    assert done["Location"].endswith("?q=fox")
    rejected = inside(lambda: list(Lead.objects.filter(rejection_code="operator")))
    assert len(rejected) == 3
    assert {lead.rejection_reason for lead in rejected} == {"competitors"}
    assert inside(lambda: Lead.objects.get(pk=kept.pk)).stage == "CANDIDATE"


def test_the_page_of_a_lead_shows_register_trace_and_panels(owner, monkeypatch):
    monkeypatch.setattr(lead_panels, "PANELS", [])
    lead_panels.register_panel(
        lambda lead: ("icp/trace.html", {"n": 1}) if lead.score else None, title="Score lines"
    )
    company = inside(lambda: make_company(former_names=["OLD HAT"]))
    inside(lambda: select_candidates(None, rule=make_rule({"ssic": ["62"]}), cap=9, now=NOW))
    lead = inside(Lead.objects.get)

    text = page(owner, "icp_lead_change", lead.pk)
    assert company.name in text
    assert "OLD HAT" in text
    assert "SSIC 62" in text
    assert "Score lines" not in text

    inside(lambda: Lead.objects.update(score=5))
    assert "Score lines" in page(owner, "icp_lead_change", lead.pk)


def test_one_lead_is_rejected_and_sent_back_with_a_trail(owner):
    lead = inside(make_lead)

    assert "Say why" in post(owner, "icp_lead_decide", lead.pk, verdict="reject")
    post(owner, "icp_lead_decide", lead.pk, verdict="reject", _reason="too small")
    assert inside(lambda: Lead.objects.get(pk=lead.pk)).rejection_reason == "too small"
    post(owner, "icp_lead_decide", lead.pk, verdict="send_back")

    assert inside(lambda: Lead.objects.get(pk=lead.pk)).stage == "CANDIDATE"
    text = page(owner, "icp_lead_change", lead.pk)
    assert "Lead rejected" in text
    assert "too small" in text


def test_never_contact_suppresses_the_company_and_rejects_the_lead(owner):
    lead = inside(make_lead)

    post(owner, "icp_lead_decide", lead.pk, verdict="suppress", _reason="asked by mail")

    assert inside(lambda: Suppression.objects.get().value) == lead.uen
    assert inside(lambda: Lead.objects.get(pk=lead.pk)).rejection_code == "suppressed"
    post(owner, "icp_lead_decide", lead.pk, verdict="send_back")
    assert inside(lambda: Lead.objects.get(pk=lead.pk)).stage == "REJECTED"


@pytest.mark.parametrize("verdict", ["suppress", "promote"])
def test_what_cannot_be_done_with_a_lead_changes_nothing(owner, verdict):
    lead = inside(lambda: make_lead(uen="", stage="ENRICHED"))

    text = post(owner, "icp_lead_decide", lead.pk, verdict=verdict, _reason="asked by mail")

    assert "This cannot be done with the lead." in text
    assert inside(lambda: Lead.objects.get(pk=lead.pk)).stage == "ENRICHED"
    assert "Nobody has changed it by hand." in page(owner, "icp_lead_change", lead.pk)


def test_a_decision_takes_a_held_lead_from_its_worker(acme):
    from datetime import timedelta

    lead = make_lead()
    [held] = Lead.objects.claim(1, lease=timedelta(minutes=5))

    assert reject_leads(Lead.objects.all(), reason="no") == 1
    assert held.move_to(Lead.Stage.ENRICHED) is False
    assert send_back(Lead.objects.all()) == 1
    lead.refresh_from_db()
    assert (lead.stage, lead.attempts) == ("CANDIDATE", 0)


def test_why_not_answers_by_uen(owner):
    company = inside(lambda: make_company(primary_ssic="46411"))
    inside(lambda: make_rule({"ssic": ["62"]}))

    text = page(owner, "icp_why_not", q=company.uen)

    assert "Wanted: SSIC 62. The register says: 46411." in text
    assert "Ask about any company" in page(owner, "icp_why_not")


def test_a_selection_can_be_looked_at_and_downloaded(owner):
    company = inside(make_company)
    inside(lambda: select_candidates(None, rule=make_rule({}), cap=9, now=NOW))
    kept = inside(Selection.objects.get)

    assert company.uen in page(owner, "icp_selection_change", kept.pk)
    assert page(owner, "icp_selection_csv", kept.pk) == f"uen\r\n{company.uen}\r\n"
    page(owner, "icp_selection_changelist")


# --- suppressions ---------------------------------------------------------------------------------
def test_several_are_suppressed_at_once_or_none_with_all_mistakes(owner):
    text = post(owner, "icp_suppression_add", values="jo@x.sg\nnobody\n!!", _reason="list")
    assert "Line 2" in text
    assert "Line 3" in text
    assert not inside(Suppression.objects.exists)

    post(owner, "icp_suppression_add", values="jo@x.sg\nacme.sg\n61234567", _reason="list")

    kinds = inside(lambda: set(Suppression.objects.values_list("kind", flat=True)))
    assert kinds == {"EMAIL", "DOMAIN", "PHONE"}


def test_an_owner_lifts_with_a_reason_and_others_may_not(owner, db):
    row, _ = inside(lambda: add("EMAIL", "jo@x.sg", reason="r", actor="a"))
    url = reverse("admin:icp_suppression_lift", args=[row.pk])

    assert sign_in("OPERATOR").post(url, {"_reason": "x"}).status_code == 403
    assert "Say why" in post(owner, "icp_suppression_lift", row.pk)
    asked = post(owner, "icp_suppression_lift", row.pk, _reason="wrote again")
    assert "A second person confirms it" in asked
    assert "another owner confirms it here" in asked
    assert "somebody else has to confirm" in post(
        owner, "icp_suppression_lift", row.pk, _reason="wrote again"
    )
    inside(lambda: lift(row, reason="read it", actor="omar"))

    assert inside(Suppression.objects.get).lift_reason == "read it"
    assert "Confirm" not in page(owner, "icp_suppression_change", row.pk)


def test_a_suppression_is_found_by_what_it_covers(owner):
    inside(lambda: add("DOMAIN", "acme.sg", reason="r", actor="a"))

    assert "acme.sg" in page(owner, "icp_suppression_changelist", q="jo@shop.acme.sg")


def test_an_import_is_previewed_confirmed_and_undone(owner):
    file = SimpleUploadedFile("list.csv", b"email,team\njo@x.sg,a\n<b>bad</b>,b\n")
    text = post(owner, "icp_import_new", file=file, _reason="spring")
    assert "Suppress 1 row of Acme" in text
    assert "&lt;b&gt;bad&lt;/b&gt;" in text
    assert not inside(Suppression.objects.exists)
    upload = inside(SuppressionImport.objects.get)

    assert "bad" in page(owner, "icp_import_errors", upload.pk)
    post(owner, "icp_import_decide", upload.pk, verdict="import")
    assert inside(lambda: Suppression.objects.get().source) == f"import {upload.pk}"
    assert "Say why" in post(owner, "icp_import_decide", upload.pk, verdict="undo")
    post(owner, "icp_import_decide", upload.pk, verdict="undo", _reason="wrong list")

    assert inside(lambda: Suppression.objects.get().lift_reason) == "wrong list"


def test_a_file_that_cannot_be_read_is_refused_on_the_page(owner):
    assert "Choose a file" in post(owner, "icp_import_new", _reason="x")
    file = SimpleUploadedFile("x.csv", b"\x89PNG\0\0")
    assert "binary data" in post(owner, "icp_import_new", file=file, _reason="x")


def test_sites_are_previewed_imported_and_undone(owner):
    lead = inside(make_lead)
    content = f"uen,site\n{lead.uen},acme.sg\n{lead.uen[:-2]},<b>x\n".encode()
    text = post(owner, "icp_sites_new", file=SimpleUploadedFile("sites.csv", content))
    assert "Set 1 site of Acme" in text
    assert "&lt;b&gt;x" in text
    upload = inside(SiteImport.objects.get)

    assert "acme.sg" not in page(owner, "icp_sites_errors", upload.pk)
    assert "Set 1 sites." in post(owner, "icp_sites_decide", upload.pk, verdict="import")
    assert inside(lambda: Lead.objects.get().website) == "acme.sg"
    assert "decided before" in post(owner, "icp_sites_decide", upload.pk, verdict="import")
    assert "Say why" in post(owner, "icp_sites_decide", upload.pk, verdict="undo")
    post(owner, "icp_sites_decide", upload.pk, verdict="undo", _reason="wrong list")

    assert inside(lambda: Lead.objects.get().website) == ""
    assert "sites.csv" in page(owner, "icp_sites_new")


def test_a_reviewer_may_look_at_a_site_import_but_not_make_one(owner):
    post(owner, "icp_sites_new", file=SimpleUploadedFile("s.csv", b"200000001Z,acme.sg\n"))
    upload = inside(SiteImport.objects.get)
    reviewer = sign_in("REVIEWER")

    assert "knows no company" in page(reviewer, "icp_sites_show", upload.pk)
    assert reviewer.get(reverse("admin:icp_sites_new")).status_code == 403
    decide = reverse("admin:icp_sites_decide", args=[upload.pk])
    assert reviewer.post(decide, {"verdict": "import"}).status_code == 403


# --- for all --------------------------------------------------------------------------------------
POSTS = [
    ("icp_lead_decide", 1), ("icp_rule_use", 1), ("icp_rule_preview", None),
    ("icp_suppression_lift", 1), ("icp_import_decide", 1), ("icp_sites_decide", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "key"), POSTS)
def test_what_changes_something_is_refused_on_get(owner, name, key):
    url = reverse(f"admin:{name}", args=[key] if key else [])

    assert owner.get(url).status_code == 405


@pytest.mark.parametrize("role", ["AUDITOR", "REVIEWER"])
def test_a_role_that_may_not_work_leads_is_refused(db, role):
    lead = inside(make_lead)
    url = reverse("admin:icp_lead_decide", args=[lead.pk])

    answer = sign_in(role).post(url, {"verdict": "reject", "_reason": "x"})

    assert answer.status_code == 403
    assert inside(lambda: Lead.objects.get(pk=lead.pk)).stage == "CANDIDATE"


def test_another_tenants_rows_are_not_found(db):
    lead = inside(make_lead)
    row, _ = inside(lambda: add("EMAIL", "jo@x.sg", reason="r", actor="a"))
    rule = inside(lambda: make_rule({}))
    stranger = sign_in("OWNER", "beta")

    for name, key in (("icp_lead_change", lead.pk), ("icp_suppression_change", row.pk),
                      ("icp_icprule_change", rule.pk)):  # fmt: skip
        assert stranger.get(reverse(f"admin:{name}", args=[key])).status_code == 404
    assert "jo@x.sg" not in page(stranger, "icp_suppression_changelist")


def test_no_page_of_this_app_has_a_script_or_style_of_its_own():
    from django.conf import settings

    pages = (settings.BASE_DIR / "templates" / "icp").glob("*.html")
    texts = {path.name: path.read_text() for path in pages}
    assert len(texts) > 10
    for name, text in texts.items():
        assert " style=" not in text, name
        assert " onclick=" not in text, name
        assert "<script>" not in text, name


def test_every_model_of_this_app_has_a_page():
    shown = {model.__name__ for model in admin.site._registry if model._meta.app_label == "icp"}
    assert shown == {"Lead", "IcpRule", "PersonRequest", "Selection", "Suppression"}
