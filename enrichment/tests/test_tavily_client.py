"""Tavily's client against its stand-in and against every error the contract lists."""

from __future__ import annotations

import time

import pytest

from enrichment.clients.tavily import TavilyClient, TavilyError
from enrichment.tests.permits import permit
from enrichment.tests.scripted import scripted
from leadgen_project.sandbox.loopback import LoopbackServer
from leadgen_project.sandbox.server import Sandbox
from leadgen_project.sandbox.vendors import tavily
from leadgen_project.sandbox.vendors.stand_in import Fault
from tenants.permits import Charge, Halt, PermitMisusedError, Vendor

QUERY = "KOLINA WIDGETS software Singapore"
NO, UNKNOWN = Charge.NONE, Charge.UNKNOWN
GOOD = {
    "query": QUERY, "follow_up_questions": None, "answer": None, "images": [],
    "results": [{"title": "Kolina", "url": "https://kolina.example/", "content": "Widgets",
                 "score": 0.9, "raw_content": None}],
    "response_time": 0.5, "request_id": "r-1", "usage": {"credits": 1},
}  # fmt: skip


def ask(url: str, *, query: str = QUERY, seconds: float = 30.0, key: str = tavily.KEY):
    granted = permit(Vendor.TAVILY, key=key)
    client = TavilyClient(url, seconds=seconds)
    try:
        return client.search(granted, query, country="singapore", without=["facebook.com"]), granted
    finally:
        client.close()


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(count=60, vendors=["tavily"], traps=()) as running:
        yield running


@pytest.fixture
def stand_in(sandbox):
    vendor = sandbox.vendors["tavily"]
    vendor.calls.clear()
    vendor.hang_seconds, vendor.credits, vendor.change = 1.0, None, None
    return vendor


def a_company(sandbox):
    return next(one for one in sandbox.companies if one.given_host)


def test_a_search_finds_the_site_nobody_can_guess_and_costs_a_credit(sandbox, stand_in):
    company = a_company(sandbox)

    found, granted = ask(stand_in.url, query=f"{company.name.partition(' PTE')[0]} Singapore")

    assert f"http://{company.host}/about" in [hit.url for hit in found.hits]
    assert not any("facebook.com" in hit.url for hit in found.hits)
    assert (found.credits, granted.settled_units, stand_in.charged) == (1, 1, 1)
    assert granted.reference.startswith("sandbox-")


def test_what_could_cost_more_is_said_not_left_to_defaults(sandbox, stand_in):
    ask(stand_in.url)

    asked = stand_in.calls[0].question
    assert (asked["search_depth"], asked["auto_parameters"]) == ("basic", False)
    assert asked["country"] == "singapore"
    assert stand_in.calls[0].status == 200


def test_a_query_is_cut_at_400_characters(sandbox, stand_in):
    ask(stand_in.url, query="long " * 200)

    assert len(stand_in.calls[0].question["query"]) == 400
    assert stand_in.calls[0].status == 200


def test_a_permit_is_good_for_one_search(stand_in):
    client, granted = TavilyClient(stand_in.url), permit(Vendor.TAVILY, key=tavily.KEY)
    client.search(granted, QUERY)

    with pytest.raises(PermitMisusedError):
        client.search(granted, QUERY)

    assert len(stand_in.calls) == 1


def test_the_account_says_what_was_used(sandbox, stand_in):
    ask(stand_in.url)
    granted = permit(Vendor.TAVILY, key=tavily.KEY, units=0)

    usage = TavilyClient(stand_in.url).usage(granted)

    assert (usage.key, usage.search, usage.plan, usage.key_limit) == (1, 1, 1, None)
    assert granted.settled_units == 0


# status, body, headers -> code, retryable, charge, halt, wait, words the operator reads
TOO_LONG = "Query is too long. Max query length is 400 characters."
ERRORS = [
    (400, {"detail": {"error": TOO_LONG}}, (), "rejected", False, UNKNOWN, Halt.NO, None,
     f"Tavily rejected our question (400). This is a defect of ours. It says: {TOO_LONG}"),
    (400, {"detail": {"error": f"Cannot search {QUERY}"}}, (), "rejected", False, UNKNOWN, Halt.NO,
     None, "Tavily rejected our question (400). This is a defect of ours."),
    (401, {"detail": {"error": "Unauthorized: missing or invalid API key."}}, (), "key", False, NO,
     Halt.KEY, None, ("Tavily refuses the key (401). Enter another one under Vendors. It says:"
     " Unauthorized: missing or invalid API key.")),
    (401, {"detail": "Unauthorized"}, (), "key", False, NO, Halt.KEY, None,
     "Tavily refuses the key (401). Enter another one under Vendors. It says: Unauthorized"),
    (403, {"error": "This key may not search"}, (), "key", False, NO, Halt.KEY, None,
     ("Tavily refuses the key (403). Enter another one under Vendors. It says: This key may not"
     " search")),
    (404, {"detail": "Not Found"}, (), "rejected", False, NO, Halt.NO, None,
     "There is no search at Tavily's address (404). Check TAVILY_BASE_URL."),
    (422, {"detail": [{"type": "missing", "loc": ["body", "query"], "msg": "x", "input": QUERY}]},
     (), "rejected", False, UNKNOWN, Halt.NO, None,
     "Tavily could not read our question: query (422). This is a defect of ours."),
    (422, {"detail": "plain"}, (), "rejected", False, UNKNOWN, Halt.NO, None,
     "Tavily could not read our question (422). This is a defect of ours."),
    (429, {"error": "excessive requests"}, (("retry-after", "7"),), "rate", True, NO, Halt.NO, 7.0,
     "Tavily has had too many requests in a minute. It asks us to wait 7 s."),
    (429, {"detail": {"error": "excessive requests"}}, (("retry-after", "soon"),), "rate", True, NO,
     Halt.NO, None, "Tavily has had too many requests in a minute."),
    (432, {"detail": {"error": "plan limit"}}, (), "credits", False, NO, Halt.CREDITS, None,
     ("The Tavily credits of the plan or key are used up (432). Raise the limit at Tavily, or wait"
     " for its next billing cycle; then allow it again under Vendors.")),
    (433, {"detail": {"error": "paygo limit"}}, (), "credits", False, NO, Halt.CREDITS, None,
     ("The Tavily credits of pay-as-you-go are used up (433). Raise the limit at Tavily, or wait"
     " for its next billing cycle; then allow it again under Vendors.")),
    (500, {"detail": {"error": "Internal Server Error"}}, (), "server", True, UNKNOWN, Halt.NO,
     None, "Tavily has trouble of its own (500). It may have charged."),
    (503, "<html>one moment</html>", (), "blocked", True, NO, Halt.NO, None,
     "A protective layer before Tavily turned us away (503)."),
    (302, "", (("Location", "http://127.0.0.1:1/"),), "rejected", False, NO, Halt.NO, None,
     "Tavily's address only leads on to another (302). Check TAVILY_BASE_URL."),
    (200, "{", (), "broken", True, UNKNOWN, Halt.NO, None,
     "Tavily's answer cannot be read: it is no JSON. It may have charged."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "headers", "code", "retryable", "charge", "halt", "wait", "words"), ERRORS
)
def test_every_error_says_what_to_do(
    status, body, headers, code, retryable, charge, halt, wait, words
):
    with scripted(status, body, headers=headers) as url, pytest.raises(TavilyError) as caught:
        ask(url)

    error = caught.value
    assert str(error) == words
    assert (error.code, error.retryable, error.charge, error.halt, error.retry_after) == (
        code, retryable, charge, halt, wait
    )  # fmt: skip
    assert QUERY not in str(error)
    assert tavily.KEY not in str(error)


@pytest.mark.parametrize(
    ("fault", "code", "charge"),
    [
        (Fault.RATE_LIMITED, "rate", NO),
        (Fault.ERROR, "server", UNKNOWN),
        (Fault.UNAVAILABLE, "server", UNKNOWN),
        (Fault.RESET, "broken", UNKNOWN),
        (Fault.RESET_AFTER, "broken", UNKNOWN),
        (Fault.HANG, "timeout", UNKNOWN),
        (Fault.MALFORMED, "broken", UNKNOWN),
        (Fault.TRUNCATED, "broken", UNKNOWN),
        (Fault.HTML, "blocked", NO),
    ],
)
def test_what_breaks_on_the_way_is_named_and_can_be_asked_again(
    stand_in, fault, code, charge, caplog
):
    caplog.set_level("DEBUG")
    stand_in.fail_next(fault)

    with pytest.raises(TavilyError) as caught:
        ask(stand_in.url, seconds=0.4 if fault is Fault.HANG else 30)

    assert (caught.value.code, caught.value.charge) == (code, charge)
    assert caught.value.retryable
    assert caught.value.__cause__ is None
    for text in (str(caught.value), caplog.text):
        assert QUERY not in text
        assert tavily.KEY not in text


def test_a_vendor_nobody_reaches_has_charged_nothing():
    with scripted(200, GOOD) as url:
        pass  # nobody listens there any more

    with pytest.raises(TavilyError) as caught:
        ask(url)

    assert (caught.value.code, caught.value.charge) == ("unreachable", NO)


def test_an_address_that_is_none_names_the_setting():
    with pytest.raises(TavilyError, match="TAVILY_BASE_URL") as caught:
        ask("tavily")

    assert not caught.value.retryable


def without(path: str) -> dict:
    """The good answer with one field taken out."""
    if path in GOOD:
        return {name: value for name, value in GOOD.items() if name != path}
    row = {name: value for name, value in GOOD["results"][0].items() if name != path}
    return {**GOOD, "results": [row]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (without("results"), "answer.results is missing"),
        (without("url"), r"answer.results\[\].url is missing"),
        (without("score"), r"answer.results\[\].score is missing"),
        ({**GOOD, "results": {"url": "x"}}, "answer.results is an object"),
        ({**GOOD, "results": ["https://secret.example"]}, r"answer.results\[\] is a text"),
        ([GOOD], "answer is a list"),
    ],
)
def test_a_changed_answer_names_the_field_and_takes_nothing(body, words):
    with scripted(200, body) as url, pytest.raises(TavilyError, match=words) as caught:
        ask(url)

    assert (caught.value.code, caught.value.retryable) == ("drift", False)
    assert "secret" not in str(caught.value)


def test_an_answer_without_its_price_stays_charged_as_reserved():
    with scripted(200, without("usage")) as url:
        found, granted = ask(url)

    assert len(found.hits) == 1
    assert granted.settled_units is None


def drip(connection) -> None:
    """A byte now and then, never so late that a read times out."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(4000):
        connection.sendall(b" ")
        time.sleep(0.05)


def endless(connection) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n")
    while True:
        connection.sendall(b" " * 65_536)


@pytest.mark.parametrize(
    ("behave", "code", "seconds"), [(drip, "timeout", 0.5), (endless, "broken", 50)]
)
def test_an_answer_without_end_holds_nobody(behave, code, seconds):
    began = time.monotonic()
    with LoopbackServer(lambda _request: behave) as server, pytest.raises(TavilyError) as caught:
        ask(server.url, seconds=seconds)

    assert caught.value.code == code
    assert time.monotonic() - began < 60  # the drip alone takes 200
