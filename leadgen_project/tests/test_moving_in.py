"""B-D1 to B-D5, N20, U04 to U06: the former program's files move in, twice the same, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.captcha_models import CaptchaChallenge
from enrichment.models import Contact, Evidence, HarvestRequest, HarvestSource
from icp import suppressions
from icp.models import Lead, Move, MovedRow
from leadgen_project.moving_in import source
from leadgen_project.moving_in.csv_file import write_refused
from leadgen_project.moving_in.move import look, move_in
from leadgen_project.moving_in.refused import refused_of
from leadgen_project.moving_in.undo import undo
from leadgen_project.tests import former_program as former
from outreach.admission.ask_again import ask_again
from outreach.admission.facts import Known, facts_of
from outreach.audience import resolve
from outreach.decide import release
from outreach.models import EmailTemplate, Message, OriginPolicy, Signature, TemplateVersion
from outreach.tests.factories import make_mailbox, make_policy
from outreach.wording.lint import lint
from outreach.wording.templates import text_of_version

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


def test_a_number_is_of_the_country_its_city_is_in_and_may_come_from_a_spreadsheet(acme, files):
    report = move(files([
        former.contact(1, phone="5125550001.0"),
        former.contact(2, phone="205 555 0145", city="Birmingham, Alabama"),
        former.contact(3, phone="09 8123 4567", city="Espoo, Finland"),
        former.contact(4, phone="205 555 0146", city="Birmingham, AL"),
    ])).report  # fmt: skip

    assert counts(report)["contacts"] == {"read": 4, "created": 3, "refused": 1}
    assert sorted(Contact.objects.values_list("phone", flat=True)) == [
        "+12055550145", "+15125550001", "+358981234567",
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


def test_variables_in_single_braces_are_told_and_keep_the_template_from_being_sent(acme, files):
    report = move(files(templates=[former.template(1, base_subject="Hi {name}")])).report

    note = "variables in single braces; nothing goes out by it until they have two"
    assert [kept["notes"] for kept in report["tables"].values() if kept["notes"]] == [{note: 1}]
    remarks = lint(text_of_version(TemplateVersion.objects.get()))
    assert "single_braces" in {remark.code for remark in remarks if remark.blocks}


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


def test_an_undo_gives_leads_there_were_back_as_they_were(acme, files):
    first = move(files([former.contact(1)]))
    lead = Lead.objects.get()
    before = lead.facts
    second = move(files([former.contact(1, email="other@shop1.example", category="Tea",
                                        lastSent="2026-09-09 00:00:00")]))  # fmt: skip

    assert counts(second.report) == {"contacts": {"read": 1, "updated": 1}}
    lead.refresh_from_db()
    assert lead.facts["last_sent"]["value"] == "2026-09-09T00:00:00+00:00"
    assert Contact.objects.count() == 2

    undo(second.pk, actor="olga", now=timezone.now())

    lead.refresh_from_db()
    assert lead.facts == before
    assert Contact.objects.count() == 1
    undo(first.pk, actor="olga", now=timezone.now())
    assert not Lead.objects.exists()
    assert not Evidence.objects.exists()


def test_a_lead_that_waits_for_a_captcha_comes_to_the_desk_and_goes_with_an_undo(acme, files):
    first = move(files([former.contact(1, status="PENDING_CAPTCHA")]))

    challenge = CaptchaChallenge.objects.get()
    assert challenge.lead.stage == "NEEDS_OPERATOR"
    assert (challenge.url, challenge.host) == ("https://list.example/1", "list.example")
    report = undo(first.pk, actor="olga", now=timezone.now())
    assert (report["kept"], CaptchaChallenge.objects.count()) == (0, 0)


def test_refused_rows_come_as_a_file_that_can_be_mended_and_given_again(acme, files, tmp_path):
    paths = files(
        [former.contact(1), former.contact(2, phone="12", email="=no"),
         former.contact(3, phone="x")],
        templates=[former.template(1, base_subject="{{ broken")],
        mails=[former.mail(1, city="Oslo")],
    )  # fmt: skip
    first = move(paths)
    out = tmp_path / "mend.csv"

    assert write_refused(lambda: refused_of(first), out) == 4
    text = out.read_text()
    assert "phone: '12' has too few or too many digits. email: '=no' is no e-mail address." in text
    assert "'=no" in text  # no spreadsheet runs it
    mended = text.replace("'=no", "two@shop2.example").replace(",12,", ",5125550002,")
    out.write_text(mended.replace("{{ broken", "{{ name }}"), newline="")
    again = counts(move([out]).report)

    assert again == {"templates": {"read": 1, "created": 1},
                     "email_queue": {"read": 1, "refused": 1},
                     "contacts": {"read": 2, "created": 1, "refused": 1}}  # fmt: skip
    assert Contact.objects.filter(email="two@shop2.example", phone="+15125550002").exists()


def test_an_unmended_file_keeps_every_byte(acme, files, tmp_path):
    odd = former.contact(1, phone="x", name="'=1", category="a\r\nb", leadDataJson="{\x00\"'")
    first = move(files([odd]))
    write_refused(lambda: refused_of(first), tmp_path / "mend.csv")

    second = move([tmp_path / "mend.csv"])

    was, now = (MovedRow.objects.get(move=each).original for each in (first, second))
    assert json.loads(was) == json.loads(now)


def test_history_counts_for_the_law_and_for_quiet_days(acme, files):
    move(files(templates=[former.template(1)], mails=[
        former.mail(number, status="SENT", sent_at=timezone.now().isoformat())
        for number in range(1, 4)
    ]))  # fmt: skip
    version = TemplateVersion.objects.get()
    message = Message(template_version=version, recipient="info1@shop1.example", timezone="UTC")
    mailbox = make_mailbox()
    make_policy(labels=False)

    facts = facts_of(message, known=Known([message], timezone.now()), mailbox=mailbox)

    assert facts.sent_alike == (3, 3, 3)
    leads = resolve({"filter": {}, "quiet_days": 30}, now=timezone.now())
    assert leads.left_out["written_to"] == 3


def test_mail_moved_in_goes_only_after_a_person_released_it_whatever_the_policy_says(acme, files):
    make_policy(accepts_risky=True)
    OriginPolicy.objects.create(origin="IMPORTED", answer="SEND", reason="list", set_by="olga")
    signature = Signature.objects.create(name="Olga", body_html="<p>Olga, 1 Road</p>")
    move(files(templates=[former.template(1)], mails=[former.mail(1, timezone="UTC", city="",
         lead_data='{"email": "a@b.example", "name": "Ann", "city": "Here"}')]))  # fmt: skip
    TemplateVersion.objects.update(signature=signature)
    Contact.objects.update(verdict="DELIVERABLE")
    message = Message.objects.get()

    assert ask_again(now=timezone.now()) == 0
    message.refresh_from_db()
    assert (message.status, message.code) == ("HELD", "moved_in")
    assert release([message.pk], actor="olga", reason="looked at it", now=timezone.now()) == 1
    message.refresh_from_db()
    assert message.status == "QUEUED"


def test_mail_that_went_out_since_is_history_on_the_second_move(acme, files):
    move(files(templates=[former.template(1)], mails=[former.mail(1)]))
    newer = move(files(mails=[former.mail(1, status="SENT", sent_at="2026-11-10 00:00:00")]))

    assert counts(newer.report)["email_queue"] == {"read": 1, "updated": 1}
    assert Message.objects.get().status == "SENT"
    undo(newer.pk, actor="olga", now=timezone.now())
    message = Message.objects.get()
    assert (message.status, message.sent_at) == ("HELD", None)


def test_of_a_mail_to_somebody_suppressed_only_the_fact_is_kept(acme, files):
    suppressions.add("EMAIL", "info1@shop1.example", reason="asked", actor="olga")
    paths = files(templates=[former.template(1)], mails=[
        former.mail(1, status="SENT", sent_at="2026-11-10 00:00:00"), former.mail(1),
    ])  # fmt: skip

    report = move(paths).report

    assert counts(report)["email_queue"] == {"read": 2, "created": 1, "suppressed": 1}
    message = Message.objects.get()
    assert (message.recipient, message.lead_data, message.lead) == ("", {}, None)
    assert not any("shop1" in row.original for row in MovedRow.objects.filter(table="email_queue"))
    assert counts(move(paths).report)["email_queue"] == {"read": 2, "suppressed": 2}


def test_a_move_broken_off_anywhere_is_finished_by_the_same_command(acme, files, monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 2)
    paths = files(
        [former.contact(number % 4, phone="" if number == 5 else f"512555000{number % 4}")
         for number in range(6)],
        templates=[former.template(1)], requests=[former.request()],
        mails=[former.mail(1), former.mail(2, status="SENT", sent_at="2026-11-02 00:00:00")],
    )  # fmt: skip
    wanted, statements = _tried(paths, fails_at=10**9)

    for number in range(1, statements, statements // 8):
        assert _tried(paths, fails_at=number)[0] == wanted, f"statement {number}"


def _tried(paths: list[Path], *, fails_at: int) -> tuple[dict[str, Any], int]:
    """What stands after a move that fails once at that statement; all is taken back."""
    seen = 0
    outside = len(connection.savepoint_ids) + 1  # a batch works in a transaction of its own

    def fail(execute, sql, params, many, context):
        nonlocal seen
        seen += len(connection.savepoint_ids) > outside
        if seen == fails_at:
            seen += 1
            raise InterruptedError
        return execute(sql, params, many, context)

    with transaction.atomic():
        with connection.execute_wrapper(fail), suppress(InterruptedError):
            move(paths)
        finished = Move.objects.filter(status="DONE").first() or move(paths)
        found = {
            "report": {**finished.report},
            "moves": Move.objects.count(),
            "leads": sorted(
                Lead.objects.values_list(
                    "name", "source_ref", "contacts__email", "evidence__value", "messages__status"
                )
            ),
            "rows": sorted(
                MovedRow.objects.values_list("table", "position", "outcome", "row_hash")
            ),
        }
        transaction.set_rollback(True)
    return found, seen


CELLS = st.one_of(
    st.none(), st.sampled_from(["", "n/a", "5125550001", "+65 6123 4567", "a@b.example", "austin",
                                "PROCESSED", "SENT", "2026-01-01", "{}", "[1, 2]", "'=x", "12"]),
    st.integers(-(2**63), 2**63 - 1), st.floats(), st.binary(max_size=8), st.text(max_size=12),
)  # fmt: skip
NAMES = ("phone", "name", "email", "lastSent", "sourceUrl", "businessName", "servicesRendered",
         "status", "city", "leadDataJson", "odd column")  # fmt: skip


@given(rows=st.lists(st.lists(CELLS, min_size=11, max_size=11), max_size=8))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_cells_hold_look_and_move_agree_and_a_second_move_adds_nothing(
    acme, tmp_path, rows
):
    path = tmp_path / "any.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as file:
        file.execute(
            f"CREATE TABLE contacts ({', '.join(f'{chr(34)}{n}{chr(34)}' for n in NAMES)})"
        )
        for row in rows:
            file.execute(f"INSERT INTO contacts VALUES ({', '.join('?' * 11)})", row)
    file.close()

    with transaction.atomic():
        looked = look([path], options=OPTIONS, actor="olga", now=timezone.now())
        first = move([path])
        before = everything()
        second = move([path]).report
        assert first.report == looked
        told = counts(second)["contacts"]
        assert told.get("read", 0) == len(rows)
        assert not {"created", "updated", "linked"} & set(told)
        before["MovedRow"] = everything()["MovedRow"]  # refused again, and kept with this move
        assert everything() == before
        undo(first.pk, actor="olga", now=timezone.now())
        assert not Lead.objects.exists()
        transaction.set_rollback(True)
