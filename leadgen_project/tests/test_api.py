"""The API's resources: what they show, what they change, whom they obey."""

from __future__ import annotations

import pytest

from icp.models import IcpRule, Lead, Suppression
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import fill, make_people, make_register
from scoring.models import Explanation, ShortlistEntry
from tenants.context import in_tenant
from tenants.models import AuditEvent, PipelineRun, User
from tenants.rest import events
from tenants.rest.places import Places

LISTS = ("leads", "runs", "shortlists", "suppressions", "icp-rules", "companies", "usage/calls",
         "audit", "exports", "views")  # fmt: skip


@pytest.fixture
def acme_filled(db):
    people = make_people()
    make_register()
    fill("acme", mark="Acmemark", leads=12)
    return people


@pytest.fixture
def owner(acme_filled) -> Caller:
    return Caller("owner")


def lead_in(stage: str) -> Lead:
    with in_tenant("acme"):
        return Lead.objects.filter(stage=stage).order_by("pk").first()


def last_event() -> AuditEvent:
    with in_tenant("acme"):
        return AuditEvent.objects.order_by("-pk").first()


@pytest.mark.parametrize("path", LISTS)
def test_every_list_answers_a_page(owner, path):
    answer = owner.get(path, {"limit": "3"})

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"results", "next"}
    assert len(body["results"]) <= 3


def test_leads_are_filtered_sorted_and_paged_without_loss(owner):
    with in_tenant("acme"):
        expected = {str(each) for each in Lead.objects.values_list("public_id", flat=True)}

    for ordering in ("-score", "score", "name", "-stage_since", "id"):
        seen: list[str] = []
        path, query = "leads", {"limit": "5", "ordering": ordering}
        while True:
            body = owner.get(path, query).json()
            seen += [row["id"] for row in body["results"]]
            if body["next"] is None:
                break
            path, query = body["next"].partition("/api/")[2], None
        assert len(seen) == len(expected)
        assert set(seen) == expected

    found = owner.get("leads", {"stage": ["SCORED", "SHORTLISTED"], "score_min": "80"}).json()
    assert all(row["score"] >= 80 for row in found["results"])
    assert found["results"]
    named = owner.get("leads", {"q": "acmemark comp"}).json()["results"]
    assert len(named) == 12


def test_a_lead_is_shown_with_evidence_contacts_and_score_lines(owner):
    lead = lead_in("SHORTLISTED")

    body = owner.get(f"leads/{lead.public_id}").json()

    assert body["evidence"][0]["quote"] == "Acmemark quote"
    assert body["contacts"][0]["email"].startswith("sales@")
    assert sum(line["points"] for line in body["score_lines"]["lines"]) == body["score"]
    assert body["trace"] == lead.trace
    for part in ("evidence", "contacts"):
        assert owner.get(f"leads/{lead.public_id}/{part}").json()["results"] == body[part]


def test_the_stage_is_also_told_in_the_words_of_the_plan(owner):
    waiting = lead_in("NEEDS_OPERATOR")

    assert owner.get(f"leads/{waiting.public_id}").json()["status"] == "PENDING_CAPTCHA"


def test_accepting_and_rejecting_on_the_shortlist_is_a_review(acme_filled):
    reviewer = Caller("reviewer")
    first, second = (place(rank).lead for rank in (1, 2))

    assert reviewer.post(f"leads/{first.public_id}/accept").status_code == 200
    rejected = reviewer.post(f"leads/{second.public_id}/reject", {"reason": "Too small."})

    assert rejected.json()["rejection_reason"] == "Too small."
    assert last_event().reason == "Too small."
    assert reviewer.post(f"leads/{first.public_id}/accept").status_code == 409


def test_a_reviewer_rejects_no_lead_off_the_list(acme_filled):
    lead = lead_in("NEEDS_OPERATOR")

    refused = Caller("reviewer").post(f"leads/{lead.public_id}/reject", {"reason": "No."})
    done = Caller("operator").post(f"leads/{lead.public_id}/reject", {"reason": "No."})

    assert (refused.status_code, done.status_code) == (403, 200)


def test_many_leads_are_decided_at_once_and_unknown_ids_are_named(owner):
    with in_tenant("acme"):
        ids = [str(each) for each in Lead.objects.values_list("public_id", flat=True)]
    stranger = "5b0f0a4e-6c1d-4f0e-9a55-6d7d0f8f5b3e"

    body = owner.post(
        "leads/decide", {"ids": [*ids, stranger], "verdict": "reject", "reason": "Spring clean."}
    ).json()

    assert body == {"changed": 8, "unchanged": 4, "unknown": [stranger]}
    with in_tenant("acme"):
        assert not Lead.objects.exclude(stage="REJECTED").exists()


def test_a_site_is_given_and_a_bad_one_is_refused_by_name(owner):
    lead = lead_in("NEEDS_OPERATOR")

    good = owner.post(f"leads/{lead.public_id}/give-site", {"address": "www.example.com.sg"})
    bad = owner.post(f"leads/{lead.public_id}/give-site", {"address": "ftp://x.example"})

    assert good.json()["website"] == "www.example.com.sg"
    assert bad.status_code == 400
    assert bad.json()["errors"][0]["field"] == "address"


def test_suppressing_a_lead_takes_it_out(owner):
    lead = lead_in("SCORED")

    body = owner.post(f"leads/{lead.public_id}/suppress", {"reason": "They asked."}).json()

    assert (body["stage"], body["rejection_code"]) == ("REJECTED", "suppressed")


def test_a_rule_is_previewed_saved_and_taken_back(owner):
    payload = {"ssic": ["62011"], "incorporation_year": {"min": 2010}}

    preview = owner.post("icp-rules/preview", {"payload": payload})
    saved = owner.post("icp-rules", {"payload": payload, "reason": "Younger ones."})
    first = owner.get("icp-rules", {"ordering": "id"}).json()["results"][0]
    used = owner.post(f"icp-rules/{first['id']}/use", {"reason": "Too young."})

    assert preview.json()["total"] == 30
    assert (saved.status_code, saved.json()["version"]) == (201, 2)
    assert used.json()["is_current"] is True
    with in_tenant("acme"):
        assert IcpRule.objects.get(is_current=True).version == 1


def test_mistakes_in_a_rule_are_named_by_their_path(owner):
    answer = owner.post("icp-rules/preview", {"payload": {"employee_range": {"min": "x"}}})

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [each["field"] for each in answer.json()["errors"]] == ["payload.employee_range.min"]


def test_a_suppression_is_added_once_and_lifted_by_owners_alone(acme_filled):
    body = {"kind": "DOMAIN", "value": "Example.COM.sg", "reason": "They asked us not to."}
    operator, owner = Caller("operator"), Caller("owner")

    first, again = operator.post("suppressions", body), operator.post("suppressions", body)
    number = first.json()["id"]
    refused = operator.post(f"suppressions/{number}/lift", {"reason": "Mistake."})
    asked = owner.post(f"suppressions/{number}/lift", {"reason": "Mistake."})
    again_asked = owner.post(f"suppressions/{number}/lift", {"reason": "Mistake."})
    lifted = Caller("root").post(f"suppressions/{number}/lift", {"reason": "It was."})

    assert (asked.status_code, again_asked.status_code) == (202, 409)
    assert asked.json()["lifted_at"] is None
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["value"] == "example.com.sg"
    assert (refused.status_code, lifted.status_code) == (403, 200)
    assert lifted.json()["lift_reason"] == "It was."
    found = owner.get("suppressions", {"q": "mail.example.com.sg", "state": "lifted"}).json()
    assert [row["id"] for row in found["results"]] == [number]


def test_a_run_is_started_paused_resumed_and_cancelled_with_reasons(owner):
    started = owner.post("runs")
    number = started.json()["id"]
    again = owner.post("runs")
    states = [
        owner.post(f"runs/{number}/{verb}", {"reason": f"To {verb}."}).json()["status"]
        for verb in ("pause", "resume", "cancel")
    ]

    assert (started.status_code, again.status_code) == (201, 409)
    assert started.headers["Location"].endswith(f"/api/runs/{number}")
    assert states == ["PAUSED", "RUNNING", "CANCELLED"]
    assert last_event().reason == "To cancel."
    assert owner.post(f"runs/{number}/resume", {"reason": "x"}).status_code == 409


def test_a_run_is_polled_and_its_numbers_add_up(owner):
    with in_tenant("acme"):
        run = PipelineRun.objects.get()

    first = owner.get(f"runs/{run.pk}")
    again = owner.get(f"runs/{run.pk}", **{"If-None-Match": first.headers["ETag"]})

    assert (first.json()["percent"], again.status_code, again.content) == (100, 304, b"")
    for stage in first.json()["stages"]:
        parts = (stage["done"] + sum(stage["rejected"].values()) + sum(stage["held"].values())
                 + stage["waiting"])  # fmt: skip
        assert stage["taken_in"] == parts, stage


def test_a_finished_run_streams_its_state_and_ends(owner):
    with in_tenant("acme"):
        run = PipelineRun.objects.get()

    answer = owner.get(f"runs/{run.pk}/events")
    text = b"".join(answer.streaming_content).decode()

    assert answer.headers["Content-Type"] == "text/event-stream"
    assert [line for line in text.splitlines() if line.startswith("event: ")] == [
        "event: progress", "event: end",
    ]  # fmt: skip


def test_who_opens_too_many_streams_is_told_when_to_come_again(owner, monkeypatch):
    with in_tenant("acme"):
        run = PipelineRun.objects.get().pk
    streams = Places("streams of progress", each=1, every=lambda: 16)
    monkeypatch.setattr(events, "streams", streams)
    streams.take(User.objects.get(username="owner").pk, "acme")

    refused = owner.get(f"runs/{run}/events")

    assert refused.status_code == 429
    assert "You have 1 streams of progress open" in refused.json()["detail"]
    assert int(refused.headers["Retry-After"]) > 0


def test_a_stream_nobody_has_read_gives_its_place_back(owner, monkeypatch):
    monkeypatch.setattr(events, "streams", Places("streams", each=1, every=lambda: 16))
    with in_tenant("acme"):
        run = PipelineRun.objects.get().pk

    answer = owner.get(f"runs/{run}/events")
    held = events.streams.held()
    answer.close()

    assert (held, events.streams.held()) == (1, 0)


def test_shortlists_are_read_by_run_and_as_the_latest(owner):
    with in_tenant("acme"):
        run = PipelineRun.objects.get().pk

    latest, by_run = owner.get("shortlists/latest").json(), owner.get(f"shortlists/{run}").json()
    entries = owner.get("shortlists/latest/entries").json()["results"]

    assert latest == by_run
    assert [entry["rank"] for entry in entries] == [1, 2]
    assert [entry["explanation"] for entry in entries] == [None, None]
    assert owner.get("shortlists/latest/diff").status_code == 404


def test_a_place_tells_what_a_model_said_of_it_beside_the_rules_words(owner):
    said = {
        "outcome": "WRITTEN",
        "text": "Meets the rule.",
        "model": "m-1",
        "prompt": "rationale v1",
    }
    with in_tenant("acme"):
        Explanation.objects.create(entry=place(1), **said)
        Explanation.objects.create(entry=place(2), outcome="SKIPPED", code="no_key", text="No key.")

    first, second = owner.get("shortlists/latest/entries").json()["results"]

    assert first["rationale"]
    assert {name: first["explanation"][name] for name in said} == said
    assert (second["explanation"]["outcome"], second["explanation"]["text"]) == (
        "SKIPPED",
        "No key.",
    )


def test_why_not_names_the_lead(owner):
    lead = lead_in("REJECTED")

    reason = owner.get("why-not", {"q": lead.uen}).json()["results"][0]

    assert reason["lead_id"] == str(lead.public_id)
    assert owner.get("why-not").json()["errors"][0]["field"] == "q"


def test_a_saved_view_filters_and_explicit_parameters_go_before_it(acme_filled):
    owner, reviewer = Caller("owner"), Caller("reviewer")
    query = {"stage": ["REJECTED"], "limit": "2"}

    mine = owner.post("views", {"page": "leads", "name": "Out", "query": query}).json()
    team = owner.post(
        "views", {"page": "leads", "name": "Out too", "query": query, "is_team": True}
    ).json()

    rows = owner.get("leads", {"view": str(mine["id"])}).json()["results"]
    assert [row["stage"] for row in rows] == ["REJECTED", "REJECTED"]
    other = owner.get("leads", {"view": str(mine["id"]), "stage": "SCORED"}).json()["results"]
    assert {row["stage"] for row in other} == {"SCORED"}
    assert reviewer.get("leads", {"view": str(mine["id"])}).status_code == 400
    assert reviewer.get("leads", {"view": str(team["id"])}).status_code == 200
    assert reviewer.send("patch", f"views/{team['id']}", {"name": "x"}).status_code == 409
    assert reviewer.send("delete", f"views/{mine['id']}").status_code == 404
    assert owner.send("delete", f"views/{mine['id']}").status_code == 204


def test_suppressions_are_never_deleted(owner):
    with in_tenant("acme"):
        number = Suppression.objects.first().pk

    assert owner.send("delete", f"suppressions/{number}").status_code == 405


def place(rank: int) -> ShortlistEntry:
    with in_tenant("acme"):
        return ShortlistEntry.objects.select_related("lead").get(rank=rank)
