"""The ZeroBounce client against its stand-in: answers, each error of the contract, no leaks."""

from __future__ import annotations

import logging
import traceback
from datetime import date

import pytest

from enrichment.clients.zerobounce import ZeroBounceClient, ZeroBounceError
from enrichment.tests.zerobounce import KEY, permit
from leadgen_project.sandbox.loopback import LoopbackServer, Reply
from leadgen_project.sandbox.vendors.stand_in import Fault, reply_json
from leadgen_project.sandbox.vendors.zerobounce import SHARES, ZeroBounceStandIn
from tenants.permits import Charge, Halt

ADDRESS = "tan.ah.kow@marked-company.test"
MANY = [f"person{n}@marked-company.test" for n in range(100)]


@pytest.fixture
def vendor():
    with ZeroBounceStandIn(keys={KEY}, hang_seconds=3, slow_seconds=0.1) as running:
        yield running


@pytest.fixture
def client(vendor):
    return client_of(vendor.url + "/v2")


def client_of(url: str, *, seconds: float = 30) -> ZeroBounceClient:
    return ZeroBounceClient(url, single_seconds=seconds, batch_seconds=seconds)


def failure(call) -> ZeroBounceError:
    with pytest.raises(ZeroBounceError) as caught:
        call()
    told = "".join(traceback.format_exception(caught.value))
    assert KEY not in told
    assert "marked-company" not in told
    return caught.value


# --- answers ------------------------------------------------------------------------------------
def test_an_address_costs_a_credit_and_keeps_the_vendors_words(vendor, client):
    vendor.verdicts[ADDRESS] = ("valid", "gold")
    allowed = permit()

    said = client.validate(allowed, ADDRESS)

    assert (said.address, said.status, said.sub_status) == (ADDRESS, "valid", "gold")
    assert allowed.settled_units == vendor.charged == 1


def test_unknown_is_free(vendor, client):
    vendor.verdicts[ADDRESS] = ("unknown", "greylisted")
    allowed = permit()

    assert client.validate(allowed, ADDRESS).status == "unknown"
    assert allowed.settled_units == vendor.charged == 0


def test_a_batch_is_matched_by_address_and_paid_by_result(vendor, client):
    vendor.verdicts |= {
        MANY[0]: ("invalid", "mailbox_not_found"),
        MANY[1]: ("unknown", "greylisted"),
    }
    vendor.declined = {MANY[2]}
    vendor.left_out = {MANY[3]}
    allowed = permit(100)

    answer = client.validate_batch(allowed, [*MANY, MANY[0].upper()])

    assert answer.results[MANY[0]].sub_status == "mailbox_not_found"
    assert (answer.refused, answer.missing) == ({MANY[2]}, {MANY[3]})
    assert len(answer.results) == 98
    assert len(vendor.calls[0].question["email_batch"]) == 100
    assert allowed.settled_units == vendor.charged + 1  # what is left out counts as paid


def test_a_batch_is_never_longer_than_a_hundred(client):
    with pytest.raises(ValueError, match="1 to 100"):
        client.validate_batch(permit(101), [*MANY, ADDRESS])


def test_every_verdict_is_read_in_both_ways_of_writing_its_values(vendor, client):
    addresses = {f"a{n}@marked-company.test": words for n, words in enumerate(SHARES)}
    vendor.verdicts = addresses

    answer = client.validate_batch(permit(100), addresses)

    assert {a: (r.status, r.sub_status) for a, r in answer.results.items()} == addresses
    assert {type(r.mx_found) for r in answer.results.values()} == {bool}
    assert {type(r.domain_age_days) for r in answer.results.values()} == {int, type(None)}


def test_the_free_test_addresses_cost_nothing(vendor, client):
    assert client.validate(permit(), "catch_all@example.com").status == "catch-all"
    assert vendor.charged == 0


def test_credits_and_usage_are_free(vendor, client):
    vendor.credits = 7
    client.validate(permit(), ADDRESS)
    allowed = permit(0)

    usage = client.usage(allowed, start=date(2026, 11, 1), end=date(2026, 11, 30))

    assert client.credits(permit(0)) == 6
    assert (usage.total, sum(usage.by_status.values())) == (1, 1)
    assert allowed.settled_units == 0


# --- the account --------------------------------------------------------------------------------
CALLS = {
    "single": lambda client, key=KEY: client.validate(permit(key=key), ADDRESS),
    "batch": lambda client, key=KEY: client.validate_batch(permit(100, key=key), MANY),
    "credits": lambda client, key=KEY: client.credits(permit(0, key=key)),
}


@pytest.mark.parametrize("way", CALLS)
def test_a_wrong_key_stops_everything_and_says_so(client, way):
    error = failure(lambda: CALLS[way](client, "wrong"))

    assert str(error) == "ZeroBounce refuses the API key. Enter the right one under Vendors."
    assert (error.halt, error.charge) == (Halt.KEY, Charge.NONE)


@pytest.mark.parametrize("way", ["single", "batch"])
def test_an_empty_account_is_told_from_a_wrong_key_by_one_more_question(vendor, client, way):
    vendor.credits = 0

    error = failure(lambda: CALLS[way](client))

    assert "no credits left. Top it up" in str(error)
    assert (error.halt, error.charge) == (Halt.CREDITS, Charge.NONE)
    assert len(vendor.asked("/v2/getcredits")) == 1


def test_too_few_credits_for_a_batch_do_not_stop_the_account(vendor, client):
    vendor.credits = 40

    error = failure(lambda: CALLS["batch"](client))

    assert str(error) == (
        "ZeroBounce refused 100 addresses at once; its account has 40 credits left."
    )
    assert (error.halt, error.charge) == (Halt.NO, Charge.NONE)


def test_when_even_the_credits_cannot_be_asked_both_are_named(vendor, client):
    vendor.credits = 0
    vendor.fail_next(Fault.SLOW, Fault.ERROR)

    error = failure(lambda: CALLS["single"](client))

    assert "it did not say which" in str(error)
    assert error.halt is Halt.KEY


# --- failures -----------------------------------------------------------------------------------
@pytest.mark.parametrize("way", ["single", "batch"])
@pytest.mark.parametrize(
    ("fault", "sentence", "charge"),
    [
        (Fault.RATE_LIMITED, "was asked too often", Charge.NONE),
        (Fault.HTML, "turned us away (403)", Charge.NONE),
        (Fault.ERROR, "ZeroBounce failed (500)", Charge.UNKNOWN),
        (Fault.UNAVAILABLE, "ZeroBounce failed (503)", Charge.UNKNOWN),
        (Fault.RESET, "broke off (ConnectionError)", Charge.UNKNOWN),
        (Fault.RESET_AFTER, "broke off (ConnectionError)", Charge.UNKNOWN),
        (Fault.HANG, "did not answer within 0.5 s", Charge.UNKNOWN),
        (Fault.MALFORMED, "cannot be read", Charge.UNKNOWN),
        (Fault.TRUNCATED, "broke off (ProtocolError)", Charge.UNKNOWN),
    ],
)
def test_each_failure_has_a_sentence_and_a_price(vendor, way, fault, sentence, charge):
    client = client_of(f"{vendor.url}/v2", seconds=0.5 if fault is Fault.HANG else 30)
    vendor.fail_next(fault)

    error = failure(lambda: CALLS[way](client))

    assert sentence in str(error)
    assert (error.charge, error.retryable, error.halt) == (charge, True, Halt.NO)


def test_blocked_batches_do_not_keep_the_account_from_single_calls(vendor, client):
    vendor.fail_next(Fault.RATE_LIMITED, Fault.RATE_LIMITED)

    assert failure(lambda: CALLS["batch"](client)).retry_after is None
    assert failure(lambda: CALLS["single"](client)).retry_after == 60


def test_a_vendor_nobody_reaches_was_not_paid():
    error = failure(lambda: CALLS["single"](client_of("http://127.0.0.1:1/v2")))

    assert "cannot be reached" in str(error)
    assert error.charge is Charge.NONE


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (reply_json({"error": "Bad request"}, 400), "refused the question as wrong (400)"),
        (reply_json({"error": "The address x@y is odd"}), "refused the question as wrong"),
        (reply_json({}, 404), "no ZeroBounce at this address (404). Check ZEROBOUNCE_BASE_URL"),
        (reply_json({}, 405), "no ZeroBounce at this address (405)"),
        (Reply(302, headers=(("Location", "/elsewhere"),)), "only leads on to another (302)"),
        (reply_json({}, 520), "ZeroBounce failed (520)"),
        (reply_json({}, 524), "ZeroBounce failed (524)"),
        (reply_json([1, 2]), "is no object"),
        (reply_json({"address": ADDRESS}), "holds no status"),
        (reply_json({"error": "Invalid API Key or your account ran out of credits"}, 401),
         "refuses the API key"),
    ],
)  # fmt: skip
def test_what_the_stand_in_never_says_is_understood_too(answer, sentence):
    with LoopbackServer(lambda _request: answer) as server:
        assert sentence in str(failure(lambda: CALLS["single"](client_of(server.url))))


def test_a_batch_without_results_is_a_change_of_form():
    with LoopbackServer(lambda _request: reply_json({"items": []})) as server:
        error = failure(lambda: CALLS["batch"](client_of(server.url)))

    assert "answers have changed" in str(error)
    assert error.charge is Charge.UNKNOWN


def test_neither_key_nor_address_reaches_a_log(vendor, caplog):
    client = client_of(f"{vendor.url}/v2", seconds=0.5)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # as the settings do
    vendor.fail_next(Fault.RESET, Fault.TRUNCATED, Fault.HANG)

    for way in ("single", "batch", "single"):
        failure(lambda way=way: CALLS[way](client))

    assert KEY not in caplog.text
    assert "marked-company" not in caplog.text
