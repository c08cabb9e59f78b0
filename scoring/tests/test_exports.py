"""The files: opened again with csv and openpyxl, harmless, complete, and of this tenant alone."""

from __future__ import annotations

import csv
import hashlib
import io
import tracemalloc
from itertools import islice

import openpyxl
import pytest

from icp import suppressions, taken_out
from icp.models import FileRecall, Lead, TakenOut
from scoring.export_rows import COLUMNS
from scoring.exports import NoFinishedRunError, csv_lines, export_run, finished_run
from scoring.models import LeadScore
from scoring.publish import current_card
from scoring.score import score_batch
from scoring.shortlist import make_shortlist
from scoring.tests.factories import (
    NOW,
    finish,
    make_contact,
    make_evidence,
    make_good_lead,
    make_lead,
    make_run,
)
from scoring.tests.test_shortlist import suppress
from tenants.context import in_public, in_tenant
from tenants.files.neutralise import plain
from tenants.models import AuditEvent, PipelineRun
from tenants.tests.test_neutralise import HOSTILE

CSV, XLSX = "/export/latest_scores.csv", "/export/latest_scores.xlsx"


def finished_night(*, cap=50):
    run = make_run()
    while score_batch(run, now=NOW).taken:
        pass
    make_shortlist(run, cap=cap, now=NOW)
    finish(PipelineRun.objects.filter(pk=run.pk))
    run.refresh_from_db()
    return run


def read_csv(body: bytes) -> list[dict[str, str]]:
    lines = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    return [{key: plain(value) for key, value in row.items()} for row in lines]


def read_xlsx(body: bytes) -> list[dict[str, object]]:
    sheet = openpyxl.load_workbook(io.BytesIO(body))["Scores"]
    header, *rest = sheet.iter_rows()
    names = [cell.value for cell in header]
    assert all(cell.data_type in "sn" for row in rest for cell in row)
    return [dict(zip(names, (cell.value for cell in row), strict=True)) for row in rest]


def test_a_row_says_what_where_from_and_why(acme):
    lead = make_good_lead("GOOD PTE. LTD.")
    make_evidence(lead, "technologies", "WordPress", source="PAGE", reference="https://good/")
    make_evidence(lead, "technologies", "Shopify", source="PAGE", reference="https://good/")
    run = finished_night()

    [row] = read_csv("".join(csv_lines(run)).encode())

    assert tuple(row) == COLUMNS
    assert {key: row[key] for key in ("rank", "name", "score", "bucket", "website", "phone")} == {
        "rank": "1", "name": "GOOD PTE. LTD.", "score": "96", "bucket": "HIGH",
        "website": "https://www.good.example/", "phone": "+6561234567",
    }  # fmt: skip
    assert row["website_source"] == "Page, by rule: https://www.good.example/"
    assert row["contact_email"] == "sales@good.example"
    assert row["contact_source"] == "https://site.example/contact"
    assert row["technologies"] == "Shopify, WordPress"
    points = [int(line.split(" ")[0]) for line in row["score_lines"].split("; ")]
    assert sum(points) == 96
    assert "Singapore Open Data Licence" in row["attribution"]
    assert "not checked against the Do Not Call register" in row["do_not_call"]
    assert row["rationale"] == LeadScore.objects.get().rationale


def test_hostile_texts_come_back_equal_and_none_is_a_formula(acme, sign_in):
    for text in HOSTILE:
        lead = make_good_lead(text[:500])
        make_contact(lead, "PERSON", name=text[:200], title=text[:200], email=f"a@{lead.pk}.sg")
        make_evidence(lead, "address", text, source="PAGE", reference=text[:2000])
    finished_night()
    client = sign_in()

    body = b"".join(client.get(CSV).streaming_content)
    sheet = read_xlsx(b"".join(client.get(XLSX).streaming_content))

    raw = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert not any(
        cell.lstrip("\ufeff\u200b\x01 \t\r\n\u00a0").startswith(tuple("=@\uff1d\uff0b\uff0d\uff20"))
        for row in raw
        for cell in row
    )
    rows = read_csv(body)
    assert sorted(row["name"] for row in rows) == sorted(text[:500] for text in HOSTILE)
    assert sorted(row["address"] for row in rows) == sorted(HOSTILE)
    assert len(sheet) == len(HOSTILE)
    by_name = {row["name"]: row for row in sheet}
    assert by_name["@SUM(1+1)"]["contact_title"] == "@SUM(1+1)"
    assert by_name["@SUM(1+1)"]["phone"] == "+6561234567"


def test_rows_are_ranked_and_counted_as_on_screen(acme):
    for _ in range(3):
        make_good_lead()
    make_lead(fit="UNKNOWN")
    run = finished_night(cap=2)

    everything = read_csv("".join(csv_lines(run)).encode())
    shortlist = read_csv("".join(csv_lines(run, only_shortlist=True)).encode())

    assert [row["rank"] for row in everything] == ["1", "2", "", ""]
    assert [row["rank"] for row in shortlist] == ["1", "2"]
    assert len(everything) == Lead.objects.filter(stage__in=["SCORED", "SHORTLISTED"]).count()


def test_suppressed_rejected_and_unmailable_never_leave(acme):
    leads = {name: make_good_lead(name, uen=f"20190000{n}K") for n, name in enumerate(
        ["UEN", "EMAIL", "PHONE", "DOMAIN", "REJECTED", "KEPT"])}  # fmt: skip
    make_contact(leads["EMAIL"], email="never@quiet.sg")
    make_contact(leads["PHONE"], "PERSON", name="Bob", phone="+6588887777")
    make_evidence(leads["DOMAIN"], "website", "https://www.silent.sg/x", source="PAGE")
    make_contact(leads["KEPT"], "PERSON", name="Secret", email="no@kept.sg", is_mailable=False,
                 not_mailable_reason="asked not to")  # fmt: skip
    make_contact(leads["KEPT"], "PERSONAL", name="Private Person", email="private@gmail.com")
    run = finished_night()
    assert len(read_csv("".join(csv_lines(run)).encode())) == 6
    suppress("UEN", "201900000K")
    suppress("EMAIL", "never@quiet.sg")
    suppress("PHONE", "+6588887777")
    suppress("DOMAIN", "silent.sg")
    leads["REJECTED"].refresh_from_db()
    leads["REJECTED"].reject("REVIEW", "no")

    for only in (False, True):
        text = "".join(csv_lines(run, only_shortlist=only))

        assert [row["name"] for row in read_csv(text.encode())] == ["KEPT"]
        for secret in ("quiet.sg", "silent.sg", "no@kept.sg", "private@gmail.com", "Secret"):
            assert secret not in text


def test_the_newest_finished_run_counts_not_one_under_way(acme, sign_in):
    lead = make_good_lead()
    first = finished_night()
    second = make_run()
    LeadScore.objects.create(lead=lead, run_id=second.pk, card=current_card(), total=1,
                             bucket="LOW", rationale="", features={})  # fmt: skip
    client = sign_in()

    [row] = read_csv(b"".join(client.get(CSV).streaming_content))
    assert (row["run"], row["score"]) == (str(first.pk), "95")

    finish(PipelineRun.objects.filter(pk=second.pk))
    [row] = read_csv(b"".join(client.get(CSV).streaming_content))
    assert (row["run"], row["score"]) == (str(second.pk), "1")

    [row] = read_csv(b"".join(client.get(CSV, {"run": first.pk}).streaming_content))
    assert (row["run"], row["score"]) == (str(first.pk), "95")


def test_leads_of_an_earlier_run_stay_in_the_export(acme):
    make_good_lead("OLD")
    finished_night()
    make_good_lead("NEW")
    run = finished_night()

    rows = read_csv("".join(csv_lines(run)).encode())

    assert sorted(row["name"] for row in rows) == ["NEW", "OLD"]


def test_another_tenants_leads_are_absent(acme, sign_in):
    make_good_lead("ACME'S LEAD")
    finished_night()
    with in_tenant("beta"):
        make_good_lead("BETA'S LEAD")
        run = make_run("beta")
        score_batch(run, now=NOW)
        finish(PipelineRun.objects.filter(tenant_id="beta"))
        beta_run = run.pk
    client = sign_in()

    names = [row["name"] for row in read_csv(b"".join(client.get(CSV).streaming_content))]
    other = client.get(CSV, {"run": beta_run})
    header = client.get(CSV, headers={"X-Tenant-ID": "beta"})

    assert names == ["ACME'S LEAD"]
    assert other.status_code == 404
    assert header.status_code == 403


def test_the_stream_stays_in_the_tenant_after_the_middleware_has_left_it(acme, sign_in):
    for _ in range(3):
        make_good_lead()
    finished_night()
    response = sign_in().get(CSV)

    with in_public():
        body = b"".join(response.streaming_content)

    assert len(read_csv(body)) == 3


@pytest.mark.parametrize(
    ("role", "query", "status"),
    [("OPERATOR", {}, 404), ("AUDITOR", {}, 403), ("REVIEWER", {"only": "all"}, 400),
     ("OWNER", {"run": "1; DROP"}, 400), ("OWNER", {"run": "9" * 18}, 404)],
)  # fmt: skip
def test_what_cannot_be_given_is_refused_with_a_sentence(sign_in, role, query, status):
    for path in (CSV, XLSX):
        answer = sign_in(role).get(path, query) if path == CSV else None
        if answer is not None:
            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["detail"].endswith(".")


def test_without_a_finished_run_the_sentence_says_what_to_do(acme):
    make_run()

    with pytest.raises(NoFinishedRunError) as caught:
        finished_run()

    assert str(caught.value) == (
        "acme has no finished run. Start a night under Runs; its scores can be exported when it"
        " has finished."
    )


def test_a_stranger_gets_nothing(client, acme):
    finished_night()

    assert client.get(CSV).status_code == 401
    assert client.post(CSV).status_code == 405


def test_an_export_is_audited(acme, sign_in):
    make_good_lead()
    run = finished_night()
    sign_in().get(CSV, {"only": "shortlist"})

    event = AuditEvent.objects.get(action="scoring.export")
    assert (event.actor, event.subject) == ("operator-acme", str(run))
    assert event.after == {"file": "csv", "only": "shortlist", "noted": True}


# --- who has it -----------------------------------------------------------------------------------
@pytest.mark.parametrize("path", [CSV, XLSX])
def test_whoever_opts_out_after_a_download_puts_the_file_on_the_recall_list(acme, sign_in, path):
    lead = make_good_lead()
    make_contact(lead, "PERSON", name="Mei Tan", email="mei@good.example", phone="+6561230000")
    make_good_lead()
    run = finished_night()
    answer = sign_in().get(path, {"only": "shortlist"})
    body = b"".join(answer.streaming_content)

    for kind, value in (("EMAIL", "mei@good.example"), ("EMAIL", "other@elsewhere.example"),
                        ("PHONE", "6123 0000"), ("UEN", lead.uen),
                        ("PERSON", f"{lead.uen} mei tan")):  # fmt: skip
        suppressions.add(kind, value, reason="asked us", actor="x")

    file = TakenOut.objects.get()
    assert (file.title, file.actor, file.rows) == (
        f"Shortlist of run {run.pk}", "operator-acme", 2
    )  # fmt: skip
    assert file.sha256 == hashlib.sha256(body).hexdigest()
    assert {line.suppression.kind for line in file.recalls.all()} == {
        "EMAIL", "PHONE", "UEN", "PERSON"
    }  # fmt: skip
    assert file.recalls.count() == 4


def test_a_download_that_breaks_off_is_noted_with_whom_it_held(acme):
    for _ in range(3):
        make_good_lead()
    leaving = taken_out.Leaving("Scores", file_name="f.csv", actor="x")
    going = leaving.following(csv_lines(finished_night(), leaving=leaving))
    for _ in islice(going, 2):  # the header and one row
        pass

    going.close()

    assert TakenOut.objects.get().rows == 1


def test_the_same_file_taken_again_by_the_same_person_is_noted_once(acme, sign_in):
    make_good_lead()
    finished_night()
    operator, owner = sign_in(), sign_in("OWNER")

    for client in (operator, operator, owner):
        b"".join(client.get(CSV).streaming_content)

    assert sorted(TakenOut.objects.values_list("actor", flat=True)) == [
        "operator-acme", "owner-acme"
    ]  # fmt: skip
    assert AuditEvent.objects.filter(action="scoring.export").count() == 3


def test_a_long_file_has_several_notes_that_say_where_they_begin(acme, sign_in, monkeypatch):
    monkeypatch.setattr(taken_out, "ROWS_A_NOTE", 2)
    leads = [make_good_lead() for _ in range(5)]
    run = finished_night()
    b"".join(sign_in().get(CSV).streaming_content)

    notes = TakenOut.objects.order_by("pk")

    title = f"Scores of run {run.pk}"
    assert [(note.title, note.rows) for note in notes] == [
        (title, 2), (f"{title}, from row 3", 2), (f"{title}, from row 5", 1)
    ]  # fmt: skip
    assert len({note.sha256 for note in notes}) == 1
    suppressions.add("UEN", leads[0].uen, reason="asked us", actor="x")
    assert FileRecall.objects.count() == 1


def test_the_nights_files_appear_whole_and_the_same_again(acme, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    make_good_lead()
    run = finished_night()

    paths = export_run(run)
    first = [path.read_bytes() for path in paths if path.suffix == ".csv"]
    export_run(run)

    folder = tmp_path / "acme" / "exports" / f"run-{run.pk:06}"
    assert paths == [folder / "shortlist.csv", folder / "shortlist.xlsx",
                     folder / "latest_scores.csv"]  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == [
        "latest_scores.csv", "shortlist.csv", "shortlist.xlsx",
    ]  # fmt: skip
    assert [path.read_bytes() for path in paths if path.suffix == ".csv"] == first
    assert len(read_xlsx(paths[1].read_bytes())) == 1


def many_leads(count):
    run, card = make_run(), current_card()
    leads = Lead.objects.bulk_create(
        Lead(name=f"LEAD {n}", uen=f"{200000000 + n}K", source_ref=str(n), stage="SCORED", score=50)
        for n in range(count)
    )
    LeadScore.objects.bulk_create(
        LeadScore(lead=lead, run_id=run.pk, card=card, total=50, bucket="MEDIUM",
                  rationale="r" * 200, features={})
        for lead in leads
    )  # fmt: skip
    return run


@pytest.mark.slow
def test_memory_stays_flat_while_a_large_file_is_streamed(acme):
    leaving = taken_out.Leaving("Scores", file_name="f.csv", actor="x")
    lines = csv_lines(many_leads(2500), leaving=leaving)
    for _ in islice(lines, 1001):  # warm: caches are filled, two chunks are read
        pass
    tracemalloc.start()

    rest = sum(1 for _ in lines)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert rest == 1500
    assert peak < 5_000_000
