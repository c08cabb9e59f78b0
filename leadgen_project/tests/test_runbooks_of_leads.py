"""What the runbooks of harvests, the desk and moving in say to type works as it is written."""

from __future__ import annotations

import json
import re
import shlex
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from enrichment.captcha.open import open_challenge
from enrichment.harvest_models import HarvestRequest
from enrichment.models import CaptchaChallenge
from enrichment.tests.harvest.rig import make_source
from icp.models import Lead, Move
from icp.tests.factories import make_lead
from leadgen_project.tests import former_program as former
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from outreach.models import EmailTemplate
from tenants.context import in_tenant

RUNBOOKS = Path(settings.BASE_DIR) / "docs" / "runbooks"
SET_UP = ("overturemaps",)  # another maker's program, which asks the network


@pytest.fixture
def operator(db) -> Caller:
    make_people()
    with in_tenant("acme"):
        EmailTemplate.objects.create(pk=1, name="First words")
        make_source(name="OpenStreetMap")
    return Caller("operator")


def blocks(name: str) -> list[str]:
    """The commands of a runbook's shell blocks, each on one line."""
    text = (RUNBOOKS / name).read_text()
    found = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    lines = "\n".join(found).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip()]


def curl(line: str, caller: Caller) -> Any:
    """Send what ``curl`` would; the answer."""
    words = iter(shlex.split(line)[1:])
    method, headers, data, url = "get", {}, None, ""
    for word in words:
        if word == "-X":
            method = next(words).lower()
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            data = json.loads(next(words))
        elif not word.startswith("-"):
            url = word
    assert headers.pop("Authorization") == "Bearer $TOKEN"
    headers.pop("Content-Type", "")
    path = url.removeprefix("$BASE/api/")
    if method == "get":
        return caller.get(path, **headers)
    return caller.send(method, path, data, **headers)


def test_the_calls_of_the_runbook_of_harvests_are_accepted(operator):
    asked = [line for line in blocks("harvests.md") if not line.startswith(SET_UP)]
    assert [line.split()[0] for line in asked] == ["curl", "curl"]

    first, second = (curl(line, operator) for line in asked)
    with in_tenant("acme"):
        HarvestRequest.objects.update(status="PROCESSING")
    made = first.json()["requestId"]

    assert (first.status_code, second.status_code) == (202, 200)
    for verb, body in (("pause", {"reason": "Lunch."}), ("resume", None),
                       ("cancel", {"reason": "Enough."})):  # fmt: skip
        assert operator.post(f"harvests/{made}/{verb}", body).status_code == 200
    assert operator.get(f"harvests/{made}/listings").json()["results"] == []


def test_the_calls_of_the_runbook_of_the_desk_are_accepted(operator):
    text = " ".join((RUNBOOKS / "captcha-desk.md").read_text().split())
    named = ("/{id}/claim", "/release", "/skip", "/resolve {", "/could-not-pass")
    assert all(f"`{path}" in text for path in named)
    with in_tenant("acme"):
        leads = [make_lead(stage="NEEDS_OPERATOR") for _ in range(3)]
        for lead in leads:
            open_challenge(lead=lead, url="https://w.example/", host="w.example", make="hCaptcha")

    plain = {"leadId": str(leads[0].public_id), "captchaSuccess": True,
             "extractedEmail": "owner@shop.example"}  # fmt: skip
    assert [operator.post("resolveCaptcha", plain).status_code for _ in range(2)] == [200, 200]
    assert len(operator.get("challenges").json()["results"]) == 2
    one = operator.post("challenges/claim").json()
    for verb in ("release", "claim", "skip", "claim", "could-not-pass", "claim"):
        done = operator.post(f"challenges/{one['id']}/{verb}")
        assert done.status_code == 200, (verb, done.content)
    lease = operator.get(f"challenges/{one['id']}").json()["lease"]
    said = {"found": "owner@other.example", "lease": lease}
    assert operator.post(f"challenges/{one['id']}/resolve", said).status_code == 200
    rest = operator.post("challenges/claim").json()
    operator.post(f"challenges/{rest['id']}/resolve", {"found": "a@b.example"})
    assert operator.post("challenges/claim").status_code == 204
    with in_tenant("acme"):
        assert set(CaptchaChallenge.objects.values_list("state", flat=True)) == {"SOLVED"}


def test_the_commands_of_moving_in_work_in_their_order(acme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [former.contact(1), former.contact(2), former.contact(3, phone="no number")]
    former.write_contacts(tmp_path / "master_contacts.db", rows)
    former.write_engine(tmp_path / "email_engine.db", templates=[former.template(1)])
    lines = re.findall(r"^ +python manage\.py (import_sqlite .+)$",
                       (RUNBOOKS / "moving-in.md").read_text(), re.MULTILINE)  # fmt: skip
    assert len(lines) == 4

    look, move, mend, undo = (shlex.split(line) for line in lines)
    call_command(*look, stdout=StringIO())
    assert not Lead.objects.exists()
    call_command(*move, stdout=StringIO())
    assert Lead.objects.count() == 2
    first = Move.objects.get()
    errors = tmp_path / "mend.csv"
    errors.write_text(errors.read_text().replace("no number", "(512) 555-0003"))
    call_command(*mend, stdout=StringIO())
    assert Lead.objects.count() == 3
    call_command(*[word.replace("1", str(first.pk)) for word in undo], stdout=StringIO())
    assert Lead.objects.count() == 1
