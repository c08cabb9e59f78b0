"""The API over a real server: the guide's own commands, a stream that is watched, the docs page."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from django.conf import settings
from django.utils import timezone

from chat.tests.live_rig import serving
from enrichment.captcha.figures import queue_now
from enrichment.captcha.open import open_challenge
from icp.models import Lead
from icp.tests.factories import make_lead
from leadgen_project.tests.browser import console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import fill, make_odoo, make_people, make_register
from odoo_sync.models import OdooConflict, OdooConnection
from tenants.context import connection, in_public, in_tenant
from tenants.models import Tenant, User
from tenants.roles import scopes_of_role
from tenants.sign_in import api_tokens

GUIDE = Path(settings.BASE_DIR) / "docs" / "api.md"


@pytest.fixture
def token(committed) -> str:
    make_people()
    make_register()
    fill("acme", mark="Acmemark", leads=12)
    with in_public():
        user, tenant = User.objects.get(username="owner"), Tenant.objects.get(pk="acme")
    return api_tokens.create(
        tenant, user, name="live", scopes=sorted(scopes_of_role("OWNER")), days=1,
        now=timezone.now(),
    )[1]  # fmt: skip


def commands() -> list[str]:
    """Every curl command of the guide."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.partition("   # ")[0] for line in lines if line.startswith("curl ")]


def test_every_command_of_the_guide_works(token, server):  # noqa: F811 -- the fixture
    found = commands()
    assert len(found) >= 6
    run = requests.get(f"{server}/api/runs", headers=_bearer(token), timeout=60).json()
    number = run["results"][0]["id"]
    with in_tenant("acme"):
        push = make_odoo("Acmemark", lead=Lead.objects.earliest("pk"))
        OdooConnection.objects.update(is_on=True)
        lead, conflict = push.lead.public_id, OdooConflict.objects.get(record__push=push).pk

    for command in found:
        shown = command.replace("/runs/12", f"/runs/{number}")
        shown = shown.replace("/conflicts/2/", f"/conflicts/{conflict}/")
        done = subprocess.run(
            ["bash", "-c", f"{shown} -f --max-time 60"], capture_output=True, text=True,
            check=False, env={"URL": server, "TOKEN": token, "LEAD": str(lead),
                              "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr} {done.stdout[:300]}"
        assert done.stdout.strip(), command


def test_a_stream_follows_a_run_and_holds_no_connection_meanwhile(token, server):  # noqa: F811
    call = {"headers": _bearer(token), "timeout": 60}
    number = requests.post(f"{server}/api/runs", json={}, **call).json()["id"]
    events: list[tuple[str, str]] = []

    def listen() -> None:
        with requests.get(f"{server}/api/runs/{number}/events", stream=True, **call) as answer:
            kind = ""
            for line in answer.iter_lines(decode_unicode=True):
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                if line.startswith("data: "):
                    events.append((kind, json.loads(line.removeprefix("data: "))["status"]))

    listener = threading.Thread(target=listen)
    listener.start()
    wait_until(lambda: len(events) == 1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state LIKE 'idle in transaction%%' AND pid <> pg_backend_pid()"
        )
        held = cursor.fetchone()[0]
    for seen, (verb, status) in enumerate([("pause", "PAUSED"), ("cancel", "CANCELLED")], start=2):
        done = requests.post(f"{server}/api/runs/{number}/{verb}", json={"reason": "x"}, **call)
        assert done.json()["status"] == status
        wait_until(lambda seen=seen: len(events) >= seen)
    listener.join(60)

    assert held == 0
    assert [status for _, status in events] == ["RUNNING", "PAUSED", "CANCELLED", "CANCELLED"]
    assert events[-1][0] == "end"


def test_a_stream_that_was_left_makes_room_for_another(token, server):  # noqa: F811
    call = {"headers": _bearer(token), "timeout": 60, "stream": True}
    address = f"{server}/api/challenges/waiting/events"

    def is_heard() -> bool:
        with requests.get(address, **call) as answer:
            return answer.ok and next(answer.iter_lines()) == b"retry: 2000"

    # The server of the tests has four threads, and a person at most four streams.
    for _ in range(8):
        wait_until(is_heard)


def test_a_server_that_stops_waits_for_no_stream(token, committed):
    with serving(committed.env) as ending:
        call = {"headers": _bearer(token), "timeout": 60, "stream": True}
        with requests.get(f"{ending.root}/api/challenges/waiting/events", **call) as answer:
            lines = answer.iter_lines(chunk_size=1)
            next(lines)
            ending.process.terminate()
            told = list(lines)
        ending.process.wait(60)

    assert b"event: again" in told
    assert ending.process.returncode == 0


def test_the_desks_numbers_come_as_they_change(token, server):  # noqa: F811
    call = {"headers": _bearer(token), "timeout": 60, "stream": True}
    with in_tenant("acme"):
        before = queue_now(now=timezone.now())["waiting"]

    with requests.get(f"{server}/api/challenges/waiting/events", **call) as answer:
        told = (json.loads(line.removeprefix(b"data: ")) for line in answer.iter_lines()
                if line.startswith(b"data: "))  # fmt: skip
        first = next(told)
        with in_tenant("acme"):
            lead = make_lead(stage="NEEDS_OPERATOR")
            open_challenge(lead=lead, url="https://w.example/", host="w.example", make="hCaptcha")
        second = next(told)

    assert first == {"waiting": before, "in_hand": 0}
    assert second == {"waiting": before + 1, "in_hand": 0}


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.05)


@pytest.mark.browser
def test_the_docs_page_shows_the_document_under_the_strict_policy(token, console):  # noqa: F811
    console.page.goto(f"{console.url}/api/docs/")
    console.page.wait_for_selector(".opblock", timeout=30_000)

    assert console.page.locator(".opblock").count() > 40
    assert console.problems == []


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
