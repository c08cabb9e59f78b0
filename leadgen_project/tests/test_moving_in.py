"""B-D1 to B-D5, N20, U04 to U06: the former program's files move in, twice the same, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from enrichment.models import Contact, Evidence, HarvestRequest, HarvestSource
from icp import suppressions
from icp.models import Lead, Move, MovedRow
from leadgen_project.moving_in.move import look, move_in
from leadgen_project.moving_in.undo import undo
from leadgen_project.tests import former_program as former
from outreach.models import EmailTemplate, Message, TemplateVersion

OPTIONS: dict[str, Any] = {"region": "", "mailbox": None, "with_variations": False}


@pytest.fixture
def files(tmp_path) -> Callable[..., list[Path]]:
    def make(contacts: former.Rows = (), **engine: former.Rows) -> list[Path]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        found = []
        if contacts:
            found.append(former.write_contacts(folder / "master_contacts.db", contacts))
        if engine:
            found.append(former.write_engine(folder / "email_engine.db", **engine))
        return found

    return make


def move(paths: list[Path], **options: Any) -> Move:
    now = timezone.now()
    return move_in(paths, options={**OPTIONS, **options}, actor="olga", now=now)


def counts(report: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Table -> outcomes that are not 0."""
    return {
        key.partition(" ")[2]: {name: value for name, value in kept.items()
                                if isinstance(value, int) and value and name != "kept"}
        for key, kept in report["tables"].items()
    }  # fmt: skip


def everything() -> dict[str, list[Any]]:
    """All rows a move may touch, but for the moves themselves."""
    models = (Lead, Contact, Evidence, HarvestRequest, HarvestSource, EmailTemplate,
              TemplateVersion, Message, MovedRow)  # fmt: skip
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def test_a_contact_becomes_a_lead_with_its_person_and_evidence_for_all_that_is_shown(acme, files):
    report = move(files([former.contact(1)])).report

    assert counts(report) == {"contacts": {"read": 1, "created": 1}}
    lead = Lead.objects.get()
    contact = Contact.objects.get()
    assert (lead.name, lead.source, lead.stage) == ("Shop 1", "IMPORT", "ENRICHED")
    assert lead.website == "http://shop1.example"
    assert (contact.name, contact.email, contact.phone) == (
        "Ann Lee1", "info1@shop1.example", "+15125550001"
    )  # fmt: skip
    shown = {name: entry["value"] for name, entry in lead.facts.items()}
    assert shown == {
        "name": "Shop 1", "phones": ["+15125550001"], "phone": "+15125550001",
        "emails": ["info1@shop1.example"], "email": "info1@shop1.example",
        "services": ["Training", "Consulting"], "category": "Consulting", "city": "austin",
        "website": "http://shop1.example", "source_url": "https://list.example/1",
        "image_hash": "0000000000000001", "last_sent": "2026-05-01T10:00:00+00:00",
        "last_updated": "2026-06-01T00:00:00+00:00",
    }  # fmt: skip
    for name, entry in lead.facts.items():
        said = Evidence.objects.get(pk=entry["evidence"])
        assert said.lead_id == lead.pk, name
        assert said.source == "IMPORT", name
    assert Evidence.objects.get(field="phones").quote == "(512) 555-0001"
    assert Evidence.objects.get(field="emails").contact == contact


def test_the_original_of_every_row_is_kept_to_the_byte(acme, files):
    odd = former.contact(1, leadDataJson='{"a" :  "日\u2028本",\n "b": 1}')
    broken = former.contact(2, category=b"Caf\xe9".decode("latin-1"), leadDataJson='{"x": "\x00"}')

    move(files([odd, broken]))

    kept = [json.loads(row.original) for row in MovedRow.objects.order_by("position")]
    assert [row["leadDataJson"] for row in kept] == [odd["leadDataJson"], broken["leadDataJson"]]


def test_a_look_gives_the_report_of_the_move_and_changes_nothing(acme, files):
    paths = files(
        [former.contact(1), former.contact(1, id=7), former.contact(2, phone="12"), {"city": "x"}],
        templates=[former.template(1)], requests=[former.request()],
        mails=[former.mail(1), former.mail(2, status="SENT", sent_at="2026-11-02 00:00:00")],
        variations=[{"template_id": 1, "subject": "s"}],
    )  # fmt: skip
    before = everything()

    looked = look(paths, options=OPTIONS, actor="olga", now=timezone.now())

    assert everything() == before
    assert not Move.objects.exists()
    assert looked == move(paths).report
    assert counts(looked) == {
        "contacts": {"read": 4, "created": 1, "linked": 1, "refused": 2},
        "templates": {"read": 1, "created": 1}, "processor_queue": {"read": 1, "created": 1},
        "email_queue": {"read": 2, "created": 2}, "variation_storage": {"read": 1, "skipped": 1},
    }  # fmt: skip


def test_a_second_run_changes_nothing(acme, files):
    paths = files(
        [former.contact(1), former.contact(2), former.contact(1, id=9)],
        templates=[former.template(1)], requests=[former.request()], mails=[former.mail(1)],
    )  # fmt: skip
    move(paths)
    before = everything()

    again = move(paths).report

    assert everything() == before
    assert counts(again) == {
        "contacts": {"read": 3, "unchanged": 3}, "templates": {"read": 1, "unchanged": 1},
        "processor_queue": {"read": 1, "unchanged": 1}, "email_queue": {"read": 1, "unchanged": 1},
        "variation_storage": {},
    }  # fmt: skip


def test_two_spellings_of_a_number_are_one_business(acme, files):
    move(files([
        former.contact(1), former.contact(1, id=5, phone="+1 512.555.0001", email="", name=""),
        former.contact(2, phone="6123 4567", city="Singapore"),
        former.contact(3, phone="+65 61234567", email="x@y.example", city="nowhere"),
    ]))  # fmt: skip

    assert Lead.objects.count() == 2
    assert sorted(Contact.objects.values_list("phone", "email")) == [
        ("+15125550001", "info1@shop1.example"), ("+6561234567", "info2@shop2.example"),
        ("+6561234567", "x@y.example"),
    ]  # fmt: skip


def test_whoever_is_suppressed_becomes_no_lead_and_nothing_of_them_is_kept(acme, files):
    suppressions.add("EMAIL", "info1@shop1.example", reason="asked", actor="olga")
    suppressions.add("PHONE", "+15125550002", reason="asked", actor="olga")
    suppressions.add("DOMAIN", "shop3.example", reason="asked", actor="olga")

    report = move(files([former.contact(number) for number in range(1, 5)])).report

    assert counts(report) == {"contacts": {"read": 4, "suppressed": 3, "created": 1}}
    assert Lead.objects.get().name == "Shop 4"
    assert MovedRow.objects.count() == 1


def test_templates_keep_number_text_date_and_archive(acme, files):
    wild = '<p onclick="x()">Hi</p><script>x</script>\r\n  '
    move(files(templates=[
        former.template(7), former.template(8, is_archived=1, base_body_html=wild,
                                            base_subject="  two  spaces "),
    ]))  # fmt: skip

    plain, cleaned = TemplateVersion.objects.order_by("template_id").select_related("template")
    assert [plain.template_id, cleaned.template_id] == [7, 8]
    assert (plain.subject, plain.body_html) == (
        former.template(7)["base_subject"], former.template(7)["base_body_html"]
    )  # fmt: skip
    assert (plain.moved_subject, plain.moved_body) == ("", "")
    assert plain.template.created_at.isoformat() == "2025-01-02T03:04:05+00:00"
    assert cleaned.template.is_archived
    assert "script" not in cleaned.body_html
    assert (cleaned.moved_subject, cleaned.moved_body) == ("  two  spaces ", wild)
    assert EmailTemplate.objects.create(name="next").pk > 8


def test_sent_mail_is_history_and_queued_mail_waits_for_approval(acme, files):
    move(files(
        templates=[former.template(1)],
        mails=[
            former.mail(1, status="SENT", sent_at="2026-11-20T09:00:00+08:00"), former.mail(2),
            former.mail(3, status="ERROR_API_FAILURE", error_message="503 from Graph"),
            former.mail(4, status="ERROR_NO_EMAIL", lead_data='{"name": "No One"}'),
        ],
    ))  # fmt: skip

    sent, queued, failed, nobody = Message.objects.order_by("pk")
    assert sent.status == "SENT"
    assert sent.sent_at == sent.asked_at
    assert sent.sent_at.isoformat() == "2026-11-20T01:00:00+00:00"
    assert (queued.status, queued.code, queued.not_before) == ("HELD", "moved_in", None)
    assert "503 from Graph" in failed.sentence
    assert (nobody.status, nobody.recipient) == ("ERROR_NO_EMAIL", "")
    lead = Lead.objects.get(messages=sent)
    assert lead.facts["last_sent"]["value"] == "2026-11-20T01:00:00+00:00"


def test_harvests_that_were_asked_for_wait_until_a_person_resumes_them(acme, files):
    move(files(requests=[
        former.request(status="PROCESSING"), former.request(status="COMPLETED", city="Dallas"),
    ]))  # fmt: skip

    waiting, done = HarvestRequest.objects.order_by("pk")
    assert (waiting.status, waiting.wanted, waiting.paused_at is None) == ("PENDING", 50, False)
    assert not waiting.source.is_enabled
    assert (done.status, done.city) == ("COMPLETED", "Dallas")


def test_an_undo_takes_everything_back_but_what_was_edited_since(acme, files):
    paths = files(
        [former.contact(number) for number in range(1, 8)],
        templates=[former.template(1)], requests=[former.request()],
        mails=[former.mail(1), former.mail(9, status="SENT", sent_at="2026-11-02 00:00:00")],
    )  # fmt: skip
    before = everything()
    first = move(paths)
    edited = Lead.objects.get(name="Shop 3")
    edited.name = "Shop Three"
    edited.save()
    Contact.objects.filter(lead__name="Shop 5").update(title="Owner")

    report = undo(first.pk, actor="olga", now=timezone.now())

    assert report["kept"] == 2
    assert sorted(Lead.objects.values_list("name", flat=True)) == ["Shop 5", "Shop Three"]
    assert len(report["conflicts"]) == 2
    Lead.objects.all().delete()
    MovedRow.objects.all().delete()
    assert everything() == before
