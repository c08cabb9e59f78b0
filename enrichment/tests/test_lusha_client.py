"""Lusha's client against its stand-in and against every error the contract lists."""

from __future__ import annotations

import copy

import pytest

from enrichment.clients.lusha import LushaClient, LushaError
from enrichment.tests.permits import permit
from enrichment.tests.scripted import scripted
from leadgen_project.sandbox.server import Sandbox
from leadgen_project.sandbox.vendors import lusha
from leadgen_project.sandbox.vendors.lusha import people_at
from leadgen_project.sandbox.vendors.stand_in import Fault
from tenants.permits import Charge, Halt, Vendor

NO, UNKNOWN = Charge.NONE, Charge.UNKNOWN
DOMAIN = "kolina.com.sg"
PREVIEW = {
    "id": "v1.abc", "firstName": "Siti", "lastName": "Lee",
    "jobTitle": {"title": "Sales Manager", "departments": [], "seniority": "manager"},
    "company": {"id": 1, "name": "Kolina", "domain": "www.kolina.com.sg"}, "location": {},
    "has": ["emails"], "canReveal": [{"field": "emails", "credits": 1}],
}  # fmt: skip
FOUND = {
    "requestId": "q-1", "results": [PREVIEW],
    "billing": {"creditsCharged": 1, "resultsReturned": 1},
    "pagination": {"page": 0, "size": 25, "total": 1},
}  # fmt: skip
PERSON = {
    "id": "v1.abc", "firstName": "Siti", "lastName": "Lee", "fullName": "Siti Lee",
    "jobTitle": {"title": "Sales Manager"}, "location": {"isEuContact": False},
    "emails": [{"email": "siti@kolina.com.sg", "type": "work", "confidence": "A+",
                "updateDate": "2026-01-01"}],
}  # fmt: skip
REVEALED = {"requestId": "q-2", "results": [PERSON],
            "billing": {"creditsCharged": 1, "resultsReturned": 1}}  # fmt: skip


def prospect(url: str, *, domain: str = DOMAIN, titles=("Manager",), seconds=30.0, key=lusha.KEY):
    granted = permit(Vendor.LUSHA, key=key)
    client = LushaClient(url, seconds=seconds)
    try:
        return client.prospect(granted, domain=domain, titles=titles), granted
    finally:
        client.close()


def reveal(url: str, *, ids=("v1.abc",), with_phones=False):
    granted = permit(Vendor.LUSHA, key=lusha.KEY, units=len(ids))
    client = LushaClient(url, seconds=30.0)
    try:
        return client.reveal(granted, ids=ids, with_phones=with_phones), granted
    finally:
        client.close()


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(count=120, vendors=["lusha"], traps=()) as running:
        yield running


@pytest.fixture
def stand_in(sandbox):
    vendor = sandbox.vendors["lusha"]
    vendor.calls.clear()
    vendor.revealed.clear()
    vendor.hang_seconds, vendor.account, vendor.credits = 1.0, "active", None
    vendor.most = {"minute": 300, "hourly": 1_800, "daily": 18_000}
    return vendor


def a_company(sandbox):
    """One with somebody whose work address can be had."""
    return next(one for one in sandbox.companies if one.host and can_be_had(one))


def can_be_had(company):
    return [one for one in people_at(company) if not one.refusal
            and any(kind == "work" for _, kind, _ in one.emails)]  # fmt: skip


ANY_TITLE = ("manager", "director", "founder", "head", "chief")


def test_prospecting_finds_people_without_their_addresses_for_a_credit(sandbox, stand_in):
    company = a_company(sandbox)

    found, granted = prospect(stand_in.url, domain=company.host, titles=ANY_TITLE)

    assert found.people
    assert {one.domain for one in found.people} == {company.host}
    assert {one.email_credits for one in found.people} == {1}
    assert (found.credits, granted.settled_units, stand_in.charged) == (1, 1, 1)
    assert stand_in.calls[0].status == 200


def test_looking_where_nobody_is_costs_a_credit_too(stand_in):
    found, granted = prospect(stand_in.url, domain="nobody.test")

    assert found.people == ()
    assert granted.settled_units == 1


def test_revealing_says_what_it_wants_because_the_defaults_cost_more(sandbox, stand_in):
    company = a_company(sandbox)
    person = can_be_had(company)[0]

    found, granted = reveal(stand_in.url, ids=[person.id])

    asked = stand_in.calls[0].question
    assert (asked["reveal"], asked["waterfallEnabled"]) == (["emails"], False)
    assert [address.email for address in found.people[0].emails] == [
        email for email, _, _ in person.emails
    ]
    assert found.people[0].phones == ()
    assert (granted.settled_units, stand_in.charged) == (1, 1)


def test_what_was_revealed_once_is_free(sandbox, stand_in):
    company = a_company(sandbox)
    ids = [can_be_had(company)[0].id]
    reveal(stand_in.url, ids=ids)

    _, granted = reveal(stand_in.url, ids=ids)
    previews, _ = prospect(stand_in.url, domain=company.host, titles=ANY_TITLE)

    assert granted.settled_units == 0
    assert 0 in {one.email_credits for one in previews.people}


def test_a_row_may_be_an_error_though_the_answer_is_fine(sandbox, stand_in):
    found, granted = reveal(stand_in.url, ids=["nobody"])

    assert found.people == ()
    assert found.refused == (("nobody", "NOT_FOUND"),)
    assert granted.settled_units == 0


def test_the_account_says_what_was_used(stand_in):
    prospect(stand_in.url, domain="nobody.test")
    granted = permit(Vendor.LUSHA, key=lusha.KEY, units=0)

    usage = LushaClient(stand_in.url).usage(granted)

    assert (usage.used, usage.remaining, usage.plan) == (1, 10_000, "Sandbox")


def left(**windows: int) -> tuple[tuple[str, str], ...]:
    return tuple((f"x-{name}-requests-left", str(count)) for name, count in windows.items())


ERRORS = [
    (400, {"statusCode": 400, "message": "Validation failed", "errors": ["page is required"]}, (),
     "rejected", False, UNKNOWN, Halt.NO, None, ("Lusha rejected our question (400). This is a"
     " defect of ours. It says: Validation failed; page is required")),
    (400, {"message": f"unknown domain {DOMAIN}"}, (), "rejected", False, UNKNOWN, Halt.NO, None,
     "Lusha rejected our question (400). This is a defect of ours."),
    (401, {"message": "Invalid API key"}, (), "key", False, NO, Halt.KEY, None,
     "Lusha refuses the key (401). Enter another one under Vendors."),
    (402, {"message": "Insufficient credits for this operation"}, (), "credits", False, NO,
     Halt.CREDITS, None, ("The Lusha credits are used up (402). Top them up at Lusha, or wait for"
     " its next billing cycle; then allow it again under Vendors.")),
    (403, {"message": "Account is inactive"}, (), "key", False, NO, Halt.KEY, None,
     ("Lusha does not let this account ask for people (403). See the plan at Lusha; then allow it"
     " again under Vendors. It says: Account is inactive")),
    (403, {"message": "V3 API is not enabled for this account"}, (), "key", False, NO, Halt.KEY,
     None, ("Lusha does not let this account ask for people (403). See the plan at Lusha; then"
     " allow it again under Vendors. It says: V3 API is not enabled for this account")),
    (404, {"message": "Cannot POST"}, (), "rejected", False, NO, Halt.NO, None,
     "Lusha's address does not know our question (404). Check LUSHA_BASE_URL."),
    (410, {"message": "gone"}, (), "rejected", True, NO, Halt.NO, None,
     "Lusha has forgotten where we were (410); it is asked from the beginning."),
    (429, {"message": "Too many"}, left(minute=0, hourly=9, daily=9), "rate", True, NO, Halt.NO,
     60.0, "Lusha has had too many requests in this minute."),
    (429, {"message": "Too many"}, left(minute=0, hourly=0, daily=9), "rate", True, NO, Halt.NO,
     3600.0, "Lusha has had too many requests in this hour."),
    (429, {"message": "Too many"}, left(minute=5, hourly=5, daily=0), "rate", True, NO, Halt.NO,
     86_400.0, "Lusha has had too many requests today."),
    (429, {"message": "Too many"}, (), "rate", True, NO, Halt.NO, None,
     "Lusha has had too many requests."),
    (451, {"message": "legal"}, (), "private", False, NO, Halt.NO, None,
     "Lusha may not say anything here, by privacy law (451). It is not asked again."),
    (499, {"message": "closed"}, (), "server", True, UNKNOWN, Halt.NO, None,
     "Lusha has trouble of its own (499). It may have charged."),
    (500, {"message": "oops"}, (), "server", True, UNKNOWN, Halt.NO, None,
     "Lusha has trouble of its own (500). It may have charged."),
    (503, "<html>", (), "blocked", True, NO, Halt.NO, None,
     "A protective layer before Lusha turned us away (503)."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "headers", "code", "retryable", "charge", "halt", "wait", "words"), ERRORS
)
def test_every_error_says_what_to_do(
    status, body, headers, code, retryable, charge, halt, wait, words
):
    with scripted(status, body, headers=headers) as url, pytest.raises(LushaError) as caught:
        prospect(url)

    error = caught.value
    assert str(error) == words
    assert (error.code, error.retryable, error.charge, error.halt, error.retry_after) == (
        code, retryable, charge, halt, wait
    )  # fmt: skip


@pytest.mark.parametrize("account", ["inactive", "no v3", "plan"])
def test_the_stand_in_refuses_accounts_as_lusha_does(stand_in, account):
    stand_in.account = account

    with pytest.raises(LushaError) as caught:
        prospect(stand_in.url)

    assert (caught.value.halt, caught.value.status) == (Halt.KEY, 403)


def test_the_full_minute_is_read_from_the_headers(stand_in):
    stand_in.most = {**stand_in.most, "minute": 0}

    with pytest.raises(LushaError) as caught:
        prospect(stand_in.url)

    assert caught.value.retry_after == 60.0


def test_an_empty_account_is_not_charged(stand_in):
    stand_in.credits = 0

    with pytest.raises(LushaError) as caught:
        prospect(stand_in.url)

    assert (caught.value.halt, stand_in.charged) == (Halt.CREDITS, 0)


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault.ERROR, "server"), (Fault.RESET, "broken"), (Fault.RESET_AFTER, "broken"),
     (Fault.HANG, "timeout"), (Fault.MALFORMED, "broken"), (Fault.TRUNCATED, "broken"),
     (Fault.HTML, "blocked")],
)  # fmt: skip
def test_what_breaks_on_the_way_is_named_and_leaks_nothing(stand_in, fault, code, caplog):
    caplog.set_level("DEBUG")
    stand_in.fail_next(fault)

    with pytest.raises(LushaError) as caught:
        prospect(stand_in.url, seconds=0.4 if fault is Fault.HANG else 30)

    assert (caught.value.code, caught.value.retryable) == (code, True)
    for text in (str(caught.value), caplog.text):
        assert DOMAIN not in text
        assert lusha.KEY not in text


def changed(answer: dict, *path: str | int, value: object = None, drop: bool = False) -> dict:
    """``answer`` with one field taken out or set."""
    answer = copy.deepcopy(answer)
    place = answer
    for step in path[:-1]:
        place = place[step]  # type: ignore[index]
    if drop:
        del place[path[-1]]  # type: ignore[attr-defined]
    else:
        place[path[-1]] = value  # type: ignore[index]
    return answer


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (changed(FOUND, "results", drop=True), "answer.results is missing"),
        (changed(FOUND, "billing", drop=True), "answer.billing is missing"),
        (changed(FOUND, "billing", "creditsCharged", value="1"), "creditsCharged is a text"),
        (changed(FOUND, "pagination", drop=True), "answer.pagination is missing"),
        (changed(FOUND, "results", 0, "id", value=17), r"answer.results\[\].id is a number"),
        (changed(FOUND, "results", 0, "canReveal", drop=True), "canReveal is missing"),
        (changed(FOUND, "results", 0, "company", "domain", drop=True), "company.domain is missing"),
    ],
)
def test_a_changed_list_of_people_names_the_field_and_takes_nothing(body, words):
    with scripted(200, body) as url, pytest.raises(LushaError, match=words) as caught:
        prospect(url)

    assert (caught.value.code, caught.value.retryable) == ("drift", False)
    assert "Siti" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (changed(REVEALED, "results", 0, "emails", 0, "type", drop=True), r"emails\[\].type is"),
        (changed(REVEALED, "results", 0, "emails", 0, "email", value=1), r"emails\[\].email is"),
        (changed(REVEALED, "results", 0, "emails", value="x"), r"emails is a text"),
        (changed(REVEALED, "results", 0, "location", "isEuContact", value="no"), "isEuContact is"),
        (changed(REVEALED, "results", 0, "error", value="NOT_FOUND"), "error is a text"),
    ],
)
def test_a_changed_reveal_names_the_field_and_is_paid_all_the_same(body, words):
    granted = permit(Vendor.LUSHA, key=lusha.KEY)
    with scripted(200, body) as url, pytest.raises(LushaError, match=words):
        LushaClient(url).reveal(granted, ids=["v1.abc"])

    assert granted.settled_units == 1


def test_a_person_without_a_domain_is_no_drift():
    with scripted(200, changed(FOUND, "results", 0, "company", "domain")) as url:
        found, _ = prospect(url)

    assert found.people[0].domain == ""
