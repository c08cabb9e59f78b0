"""Every command of docs/client.md, as it is written there, against a real server."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.conf import settings

from enrichment.captcha.open import open_challenge
from enrichment.tests.harvest.rig import make_source
from icp.models import Lead
from icp.tests.factories import make_lead
from leadgen_project.client.app import main
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.browser import server  # noqa: F401 -- a fixture
from leadgen_project.tests.client_rig import Terminal
from leadgen_project.tests.console_data import fill, make_people, make_register
from outreach.models import Campaign, EmailTemplate, Mailbox
from outreach.tests.factories import make_mailbox, make_policy
from outreach.tests.test_campaigns import people, plan
from tenants.context import in_tenant

CAMPAIGN = "Spring"
GUIDE = Path(settings.BASE_DIR) / "docs" / "client.md"


def commands() -> list[str]:
    """The lines of the guide, with what is said beside them."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return [line for line in "\n".join(blocks).splitlines() if line.startswith("leadgen ")]


@pytest.fixture
def terminal(tmp_path, monkeypatch) -> Terminal:
    made = Terminal(tmp_path)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def microsoft(committed):
    """Something of everything the guide's commands work on, and a made-up Microsoft."""
    with MicrosoftStandIn(signs_in="olga@us.example") as stand_in:
        committed.env.update(stand_in.environment)
        make_people()
        make_register()
        fill("acme", mark="Acmemark", leads=12)
        with in_tenant("acme"):
            make_policy(hours={})
            make_source(name="OpenStreetMap")
            make_mailbox(state="NEW", address="olga@us.example")
            people(2)
            plan(make_mailbox(), name=CAMPAIGN)
            for _ in range(2):
                lead = make_lead(stage="NEEDS_OPERATOR")
                open_challenge(lead=lead, url="https://w.example/", host="w.example",
                               make="hCaptcha")  # fmt: skip
        yield stand_in


def test_every_command_of_the_guide_works(microsoft, terminal, server, capsys):  # noqa: F811
    known = {"SERVER": server, **_ids()}
    found = commands()
    assert len(found) > 40

    for line in found:
        text, _, beside = line.partition("  #")
        for name, value in known.items():
            text = text.replace(f"${name}", value)
        words = shlex.split(text)[1:]
        if words[0] == "login":
            terminal.log_in(server, "owner", *words[2:])
        elif "until Ctrl-C" in beside:
            assert "leadgen" in terminal.interrupt(*words)
        else:
            known |= _run(words, capsys)

    with in_tenant("acme"):
        assert Mailbox.objects.get(address="olga@us.example").state == "READY"
        assert Campaign.objects.get(name=CAMPAIGN).status == "STOPPED"
    assert Path("scores.csv").stat().st_size > 0
    assert Path("shortlist.xlsx").read_bytes()[:2] == b"PK"


def _ids() -> dict[str, str]:
    with in_tenant("acme"):
        return {"CAMPAIGN": str(Campaign.objects.get(name=CAMPAIGN).pk),
                "LEAD": str(Lead.objects.order_by("pk").first().public_id),
                "TEMPLATE": str(EmailTemplate.objects.order_by("pk").first().pk)}  # fmt: skip


def _run(words: list[str], capsys) -> dict[str, str]:
    """Run one command in this process; the id of what it began."""
    target = ""
    if ">" in words:
        words, target = words[: words.index(">")], words[-1]
    code = main(words)
    out, err = capsys.readouterr()
    assert code == 0, f"{words}: {code} {err}"
    assert "lg_" not in out + err, "a token was shown"
    if target:
        Path(target).write_text(out)
    begun = re.search(r"leadgen (harvest|runs) watch (\S+)", out)
    return {{"harvest": "HARVEST", "runs": "RUN"}[begun[1]]: begun[2]} if begun else {}
