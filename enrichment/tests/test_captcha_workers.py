"""Many at the desk at once, in threads and in processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Lock, Thread

import pytest
from django.db import connection, transaction

from enrichment.captcha.claim import claim_next
from enrichment.captcha.errors import ChallengeError
from enrichment.captcha.open import open_challenge
from enrichment.captcha.resolve import resolve
from enrichment.models import CaptchaChallenge, Contact, Evidence
from icp.models import Lead
from icp.tests.factories import make_lead
from tenants.clock import database_now
from tenants.context import in_tenant
from tenants.models import AuditEvent

BASE_DIR = Path(__file__).resolve().parents[2]
PAGES, PEOPLE = 24, 6
# Claims, says so, and waits with the transaction of its answer open until it is killed.
HELD = """
import django; django.setup()
from django.db import transaction
from enrichment.captcha import resolve as resolving
from enrichment.captcha.claim import claim_next
from tenants.context import in_tenant
def stop(*args, **kwargs):
    print("in the middle", flush=True)
    import sys
    sys.stdin.read()
resolving.move_on = stop
with in_tenant("acme"):
    challenge = claim_next(actor="ann")
    resolving.resolve(challenge, "ann@x.example", actor="ann")
"""


@pytest.fixture
def walls(committed, django_db_blocker):
    with django_db_blocker.unblock():
        with in_tenant("acme"):
            for number in range(PAGES):
                lead = make_lead(stage="NEEDS_OPERATOR")
                url = f"https://h{number}.example/"
                open_challenge(lead=lead, url=url, host=f"h{number}.example", make="hCaptcha")
        yield committed


def at_once(work, people: int) -> None:
    """Run ``work(number)`` in so many threads, each inside the tenant, begun together."""
    ready, errors = Barrier(people), []

    def run(number: int) -> None:
        try:
            with in_tenant("acme"):
                ready.wait(60)
                work(number)
        except Exception as exc:  # noqa: BLE001 -- asserted by the main thread
            errors.append(exc)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[number]) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []


def test_each_page_is_given_to_one_person_and_settled_once(walls):
    given: Counter[int] = Counter()
    lock = Lock()

    def work(number: int) -> None:
        name = f"person {number}"
        while (challenge := claim_next(actor=name)) is not None:
            with lock:
                given[challenge.pk] += 1
            assert resolve(challenge, f"p{challenge.pk}@x.example", actor=name)

    at_once(work, PEOPLE)

    with in_tenant("acme"):
        assert given == dict.fromkeys(CaptchaChallenge.objects.values_list("pk", flat=True), 1)
        assert not CaptchaChallenge.objects.exclude(state="SOLVED").exists()
        assert Contact.objects.count() == PAGES
        solved = AuditEvent.objects.filter(action="enrichment.challenge.solve")
        assert solved.count() == PAGES


def test_of_many_answers_to_one_page_at_the_same_moment_one_counts(walls):
    with in_tenant("acme"):
        challenge = CaptchaChallenge.objects.order_by("pk").first()
    came: list[str] = []

    def work(number: int) -> None:
        try:
            resolve(challenge, f"p{number}@x.example", actor=f"person {number}")
        except ChallengeError:
            came.append("refused")
        else:
            came.append("kept")

    at_once(work, PEOPLE)

    assert Counter(came) == {"kept": 1, "refused": PEOPLE - 1}
    with in_tenant("acme"):
        assert Evidence.objects.filter(source="CAPTCHA").count() == 1


def test_who_is_killed_in_the_middle_of_an_answer_leaves_the_page_to_others(walls):
    env = {**walls.env, "DJANGO_SETTINGS_MODULE": "leadgen_project.settings"}
    process = subprocess.Popen(
        [sys.executable, "-c", HELD], cwd=BASE_DIR, env=env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "in the middle\n"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
        process.stdin.close()
        process.stdout.close()

    with in_tenant("acme"):
        held = CaptchaChallenge.objects.get(claimed_by="ann")
        assert held.state == "CLAIMED"
        assert not Evidence.objects.filter(source="CAPTCHA").exists()
        with transaction.atomic():  # until the server has noticed the death
            CaptchaChallenge.objects.select_for_update().get(pk=held.pk)
        later = database_now() + timedelta(seconds=601)
        again = claim_next(actor="bob", now=later)
        assert again == held
        assert resolve(again, "bob@x.example", actor="bob", now=later)
        assert Lead.objects.get(pk=held.lead_id).stage == Lead.Stage.CANDIDATE
        assert Contact.objects.get().email == "bob@x.example"
