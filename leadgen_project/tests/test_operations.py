"""What an operator of the installation sees: metrics, log lines, and who may see them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from leadgen_project.logs import JSONFormatter, LineFormatter, mask
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import fill, make_people
from tenants import trace
from tenants.context import in_tenant
from tenants.instruments import CRAWL_ERRORS


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(**headers: str) -> str:
    answer = Client().get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_metrics_parse_and_their_counters_move(db):
    key = ("crawl_errors_total", (("code", "TIMEOUT"),))
    before = samples(scrape()).get(key, 0)

    CRAWL_ERRORS.labels("TIMEOUT").inc()
    now = samples(scrape())

    assert now[key] == before + 1
    names = {name for name, _ in now}
    assert {"leadgen_queue_tasks", "leadgen_queue_oldest_seconds", "leadgen_workers_alive",
            "leadgen_disk_free_bytes", "leadgen_request_seconds_count"} <= names  # fmt: skip


def test_metrics_hold_the_work_and_name_tenants_only_with_the_token(db, settings):
    make_people()
    fill("acme", mark="Acmemark", leads=6)

    without = scrape()
    settings.METRICS_TOKEN = "a-long-token"
    with_token = samples(scrape(Authorization="Bearer a-long-token"))

    assert "acme" not in without.lower()
    assert samples(without)[("leadgen_stage_taken_in_total", (("stage", "enrich"),))] == 6
    labels = (("stage", "enrich"), ("tenant", "acme"))
    assert with_token[("leadgen_stage_taken_in_total", labels)] == 6


def test_strangers_get_no_metrics(db, settings):
    remote = Client().get("/metrics", REMOTE_ADDR="203.0.113.7")
    passed_on = Client().get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    settings.METRICS_TOKEN = "a-long-token"
    local = Client().get("/metrics")
    wrong = Client().get("/metrics", headers={"Authorization": "Bearer \u00e9"})

    codes = [answer.status_code for answer in (remote, passed_on, local, wrong)]
    assert codes == [403, 403, 401, 401]


def test_processes_count_together_and_a_dead_ones_counts_stay(tmp_path):
    script = textwrap.dedent("""
        import os, sys
        import django
        django.setup()
        from tenants.instruments import CRAWL_ERRORS, counted, slot
        CRAWL_ERRORS.labels("TIMEOUT").inc(3)
        if child := os.fork():
            os.waitpid(child, 0)
        else:
            CRAWL_ERRORS.labels("TIMEOUT").inc(4)
            os._exit(9)
        print(slot(), counted().get_sample_value("crawl_errors_total", {"code": "TIMEOUT"}))
    """)
    import os

    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "leadgen_project.settings",
           "LEADGEN_DATA_DIR": str(tmp_path)}  # fmt: skip

    said = [
        subprocess.run(
            [sys.executable, "-c", script], env=env, check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(2)
    ]

    assert said == [["0", "7.0"], ["0", "14.0"]]
    assert len(list((tmp_path / "metrics").glob("counter_*.db"))) == 2


MARKED = {
    "mei.lin@marked-person.example": "m***@m***",
    "MEI.LIN+x@sub.marked.com.sg": "M***@s***",
    "mei%40marked.example": "m***@m***",
    "+65 6123 4567": "+***",
    "sk-marked12345678": "sk-***",
    "Bearer eyJhbGciOi.marked.x": "Bearer eyJ***",
    "api_key=marked123": "api_key=***",
    "'password': 'marked secret'": "'password': ***",
}


@pytest.mark.parametrize(("said", "written"), MARKED.items())
def test_people_and_secrets_are_masked(said, written):
    assert mask(f"<{said}>").startswith(f"<{written}")
    assert "marked" not in mask(said).lower().replace("marked secret", "")


def test_ordinary_words_are_not_masked():
    text = "acme: run 12 took 201812345A at 2026-11-22 01:00:05, 6123 leads in 1.5 s (v1.2+3)"

    assert mask(text) == text


@pytest.mark.parametrize("formatter", [JSONFormatter(), LineFormatter("%(message)s")])
def test_a_line_says_request_run_and_tenant_and_hides_what_an_error_quotes(acme, formatter):
    tokens = trace.request_id.set("r-12345678"), trace.run_id.set(41)
    try:
        raise ValueError("no such address: mei@marked.example")  # noqa: TRY301 -- to be logged
    except ValueError:
        record = logging.LogRecord("x", 40, "f", 1, "sent to %s", ("mei@marked.example",),
                                   sys.exc_info())  # fmt: skip
    text = formatter.format(record)
    trace.request_id.reset(tokens[0])
    trace.run_id.reset(tokens[1])

    assert "marked" not in text
    for word in ("r-12345678", "41", "acme", "ValueError", "m***@m***"):
        assert word in text
    if isinstance(formatter, JSONFormatter):
        assert json.loads(text)["run_id"] == 41


def test_a_request_is_logged_by_its_route_and_answers_its_id(db, caplog):
    make_people()
    fill("acme", mark="Acmemark", leads=6)
    owner = Caller("owner")
    caplog.set_level(logging.INFO, "leadgen.request")

    given = owner.get("leads", {"q": "mei@marked.example"}, **{"X-Request-ID": "caller-12345678"})
    odd = owner.get("leads", **{"X-Request-ID": "a\tb"})

    assert given.headers["X-Request-ID"] == "caller-12345678"
    assert len(odd.headers["X-Request-ID"]) == 36
    assert "marked" not in caplog.text
    assert "GET /api/leads 200" in caplog.text.replace("^", "").replace("$", "")


def test_the_audit_carries_the_id_of_the_request(db):
    from tenants.models import AuditEvent

    make_people()
    body = {"kind": "DOMAIN", "value": "example.com.sg", "reason": "They asked."}
    Caller("owner").post("suppressions", body, **{"X-Request-ID": "caller-12345678"})

    with in_tenant("acme"):
        assert AuditEvent.objects.get(request_id="caller-12345678").action == "icp.suppression.add"
