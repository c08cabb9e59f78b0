"""PROMISES E8 in short: who floods is told to wait; who does not, notices nothing."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from django.utils import timezone

from leadgen_project.tests.browser import server  # noqa: F401 -- a fixture
from leadgen_project.tests.console_data import PASSWORD, make_people
from outreach.opt_out_page import MOST_GUESSES
from tenants.context import in_public
from tenants.models import Tenant, User
from tenants.sign_in import api_tokens

CALLS_A_MINUTE = 5
AT_ONCE = 4
ENOUGH = 3  # refusals, until a flood gives up
MOST = 300  # calls of one who floods, should nobody refuse


@pytest.fixture
def tokens(committed) -> dict[str, str]:
    """Of an owner of acme and one of beta. Stands before ``server``, whose limit is low."""
    committed.env["API_CALLS_PER_MINUTE"] = str(CALLS_A_MINUTE)
    make_people()
    with in_public():
        return {
            name: api_tokens.create(
                Tenant.objects.get(pk=tenant), User.objects.get(username=name), name="flood",
                scopes=["read"], days=1, now=timezone.now(),
            )[1]
            for name, tenant in (("owner", "acme"), ("bee", "beta"))
        }  # fmt: skip


def flood(ask) -> list[requests.Response]:
    """Ask until told to wait often enough."""
    answers: list[requests.Response] = []
    while len(answers) < MOST and sum(one.status_code == 429 for one in answers) < ENOUGH:
        answers.append(ask())
    return answers


def test_a_flood_of_calls_is_refused_to_its_caller_alone(tokens, server):  # noqa: F811 -- fixture
    def call(name: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {tokens[name]}"}
        return requests.get(f"{server}/api/leads", headers=headers, timeout=60)

    began = time.time()
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        floods = [pool.submit(flood, lambda: call("owner")) for _ in range(AT_ONCE)]
        honest = pool.submit(lambda: [call("bee").status_code for _ in range(3)])
    minutes = time.time() // 60 - began // 60 + 1  # of the clock, as calls are counted

    answers = [answer for done in floods for answer in done.result()]
    codes = Counter(answer.status_code for answer in answers)
    assert honest.result() == [200, 200, 200]
    assert set(codes) == {200, 429}
    assert codes[429] >= AT_ONCE * ENOUGH
    assert codes[200] <= CALLS_A_MINUTE * minutes
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_guessed_passwords_and_links_are_refused_and_others_sign_in_meanwhile(
    tokens,
    server,  # noqa: F811 -- the fixture
):
    def sign_in(name: str, password: str) -> requests.Response:
        session = requests.Session()
        session.get(f"{server}/admin/login/", timeout=60)
        sent = {"username": name, "password": password, "next": "/admin/",
                "csrfmiddlewaretoken": session.cookies["csrftoken"]}  # fmt: skip
        page = f"{server}/admin/login/"
        return session.post(
            page, sent, allow_redirects=False, timeout=60, headers={"Referer": page}
        )

    def guess_link() -> requests.Response:
        return requests.get(f"{server}/u/acme/{'x' * 32}", timeout=60)

    began = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        guesses = pool.submit(flood, lambda: sign_in("owner", "a guess"))
        links = pool.submit(flood, guess_link)
        honest = pool.submit(sign_in, "bee", PASSWORD)

    assert honest.result().status_code == 302
    assert {answer.status_code for answer in guesses.result()} == {200, 429}
    assert [answer.status_code for answer in guesses.result()][:4] == [200] * 4
    known = Counter(answer.status_code for answer in links.result())
    assert set(known) <= {404, 429}
    seconds = time.monotonic() - began
    assert known[429] == ENOUGH or known.total() / seconds < 2 * MOST_GUESSES / 60  # too slow to be
    assert sign_in("owner", PASSWORD).status_code == 429  # from this address, for a while
    assert sign_in("bee", PASSWORD).status_code == 302
