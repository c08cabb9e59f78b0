"""The door to paid vendors: what is reserved, what is charged, and who is turned away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent
from tenants.paid import balances, breaker, governor
from tenants.paid.credentials import key_for, remove_key, set_key
from tenants.paid.governor import Purpose
from tenants.paid.turn_at_vendor import account_of, lane_of
from tenants.permits import (
    BudgetExhaustedError,
    Charge,
    Halt,
    Permit,
    PermitMisusedError,
    RateLimitError,
    Vendor,
    VendorDownError,
    VendorError,
    VendorOffError,
)
from tenants.vendor_models import (
    CircuitBreaker,
    RateLimit,
    VendorBalance,
    VendorBudget,
    VendorUsage,
)

TEST = Purpose("a test", run_id=7)


@pytest.fixture
def keyed(acme, settings):
    """Acme with a deployment's key for every vendor and 10 Tavily credits a day."""
    settings.VENDOR_KEYS = {vendor: f"key-of-{vendor}" for vendor in Vendor}
    VendorBudget.objects.create(tenant_id="acme", vendor=Vendor.TAVILY, daily_units=10)
    return acme


def call(units: int = 1, *, settle: int | None = 1, error: VendorError | None = None) -> None:
    with governor.permit(Vendor.TAVILY, units=units, purpose=TEST) as permit:
        permit.use(Vendor.TAVILY)
        if error:
            raise error
        if settle is not None:
            permit.settle(settle)


def spent() -> dict[str, tuple[int, int, int]]:
    rows = VendorBalance.objects.values_list("period", "units", "micros", "calls")
    return {period.split()[0]: tuple(rest) for period, *rest in rows}


def test_a_settled_call_is_charged_what_the_vendor_says(keyed):
    call(units=2, settle=1)

    entry = VendorUsage.objects.get()
    assert (entry.outcome, entry.reserved_units, entry.units, entry.micros) == (
        "SETTLED",
        2,
        1,
        8000,
    )
    assert spent() == {"day": (1, 8000, 1), "month": (1, 8000, 1), "run": (1, 8000, 1)}


def test_an_unsettled_call_stays_charged_at_its_reservation(keyed):
    call(units=2, settle=None)

    assert VendorUsage.objects.get().outcome == "UNKNOWN"
    assert spent()["day"] == (2, 16000, 1)


@pytest.mark.parametrize(
    ("charge", "outcome", "units"), [(Charge.NONE, "REFUNDED", 0), (Charge.UNKNOWN, "UNKNOWN", 1)]
)
def test_a_failed_call_is_charged_unless_the_vendor_certainly_did_not(
    keyed, charge, outcome, units
):
    with pytest.raises(VendorError):
        call(error=VendorError("did not answer", charge=charge))

    entry = VendorUsage.objects.get()
    assert (entry.outcome, entry.units, entry.note) == (outcome, units, "did not answer")


def test_a_budget_is_never_exceeded_by_a_unit(keyed):
    for _ in range(3):
        call(units=3, settle=3)

    with pytest.raises(BudgetExhaustedError, match=r"acme: the Tavily budget is used up \(9 of 10"):
        call(units=2)
    call(units=1)

    assert spent()["day"][0] == 10


@pytest.mark.parametrize("limit", ["monthly_units", "run_units"])
def test_months_and_runs_have_budgets_of_their_own(keyed, limit):
    VendorBudget.objects.update(**{limit: 1})
    call()

    with pytest.raises(BudgetExhaustedError):
        call()


def test_money_is_a_budget_too(keyed):
    VendorBudget.objects.update(monthly_micros=8_000)
    call()

    with pytest.raises(BudgetExhaustedError, match=r"0\.0080 of 0\.0080 US dollars"):
        call()


def test_without_a_key_nothing_is_reserved(acme, settings):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, "")

    with pytest.raises(VendorOffError, match="there is no Tavily key") as caught:
        call()

    assert caught.value.code == "no_key"
    assert not VendorUsage.objects.exists()


def test_the_tenants_own_key_goes_first_and_is_kept_encrypted(keyed):
    set_key(Vendor.TAVILY, secret="tvly-own", actor="olga")

    assert (key_for(Vendor.TAVILY).secret, key_for(Vendor.TAVILY).is_own) == ("tvly-own", True)
    with in_public():
        from tenants.vendor_models import VendorCredential

        assert b"tvly-own" not in bytes(VendorCredential.objects.get().secret)
    assert remove_key(Vendor.TAVILY, actor="olga")
    assert not key_for(Vendor.TAVILY).is_own


def test_the_kill_switch_stops_one_vendor(keyed):
    VendorBudget.objects.update(is_on=False)

    with pytest.raises(VendorOffError, match="switched off"):
        call()


def test_a_refused_key_stops_the_vendor_until_another_key_comes(keyed):
    with pytest.raises(VendorError):
        call(error=VendorError("Tavily refused the key", halt=Halt.KEY, charge=Charge.NONE))
    with pytest.raises(VendorOffError, match="Tavily refused the key"):
        call()

    set_key(Vendor.TAVILY, secret="tvly-new", actor="olga")
    call()


def test_an_empty_account_is_asked_again_the_next_day(keyed):
    with pytest.raises(VendorError):
        call(error=VendorError("no credits left", halt=Halt.CREDITS, charge=Charge.NONE))
    with pytest.raises(VendorOffError, match="no credits left"):
        call()

    VendorBudget.objects.update(stopped_until=datetime(2026, 1, 1, tzinfo=UTC))
    call()


def test_a_permit_is_used_by_one_of_many_threads(keyed):
    with governor.permit(Vendor.TAVILY, units=1, purpose=TEST) as permit:

        def use(_number: int) -> bool:
            try:
                return bool(permit.use(Vendor.TAVILY))
            except PermitMisusedError:
                return False

        with ThreadPoolExecutor(8) as pool:
            took = list(pool.map(use, range(64)))

    assert sum(took) == 1


def test_looking_whether_a_vendor_may_be_asked_takes_nobodys_trial(keyed):
    trip_breaker()

    assert governor.is_ready(Vendor.TAVILY)
    assert governor.is_ready(Vendor.TAVILY)
    call()

    assert failures() == 0


def test_after_the_pause_one_caller_tries_and_the_others_wait(keyed):
    trip_breaker()

    with governor.permit(Vendor.TAVILY, units=1, purpose=TEST) as trial:
        with (
            pytest.raises(VendorDownError),
            governor.permit(Vendor.TAVILY, units=1, purpose=TEST),
        ):
            pass
        trial.use(Vendor.TAVILY)
        trial.settle(1)

    call()


def test_a_call_no_budget_covers_takes_no_trial(keyed):
    trip_breaker()
    with pytest.raises(BudgetExhaustedError):
        call(units=99)

    call()


def failures() -> int:
    with in_public():
        return CircuitBreaker.objects.get().failures


def trip_breaker() -> None:
    """Failures enough, and a pause that is over."""
    with in_public():
        CircuitBreaker.objects.create(
            lane=account_of(Vendor.TAVILY, key_for_acme()),
            failures=breaker.FAILURES_TO_OPEN,
            open_until=datetime(2026, 1, 1, tzinfo=UTC),
            last_error="502",
        )


def test_an_answer_that_refuses_one_question_closes_the_breaker(keyed):
    trip_breaker()
    with pytest.raises(VendorError):
        call(error=VendorError("a malformed question", status=400, charge=Charge.NONE))

    assert failures() == 0


def test_a_defect_of_ours_says_nothing_about_the_vendor_and_stays_charged(keyed):
    trip_breaker()

    def question(granted: Permit) -> float:
        granted.use(Vendor.TAVILY)
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        governor.ask(Vendor.TAVILY, question, units=1, purpose=TEST)

    assert VendorUsage.objects.get().outcome == "UNKNOWN"
    assert failures() == breaker.FAILURES_TO_OPEN


def test_a_vendor_that_says_when_to_come_again_is_not_asked_before(keyed, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(
        governor, "_wait_out", lambda wait, _wish: waits.append(wait.total_seconds())
    )
    with pytest.raises(VendorError):
        call(error=VendorError("too many", retryable=True, charge=Charge.NONE, status=429,
                               retry_after=20.0))  # fmt: skip

    call()

    assert 0 < waits[0] <= 20


def test_a_worker_that_shall_end_waits_for_no_turn_and_pays_nothing(keyed, monkeypatch):
    limit_calls(1)
    call()
    monkeypatch.setattr(governor, "is_stopping", lambda: True)

    with pytest.raises(RateLimitError, match="the worker ends before its turn"):
        call()

    assert spent()["day"][0] == 1


def test_what_is_switched_off_during_a_long_wait_is_not_called(keyed, monkeypatch):
    limit_calls(1)
    call()
    monkeypatch.setattr(governor.time, "monotonic", iter(range(0, 100_000, 100)).__next__)
    VendorBudget.objects.update(is_on=True)

    def off(_vendor: Vendor) -> None:
        raise VendorOffError("switched off meanwhile")

    monkeypatch.setattr(governor, "ready", off)
    with pytest.raises(VendorOffError, match="meanwhile"):
        call()

    assert spent()["day"][0] == 1


def test_a_price_above_the_reservation_is_booked_and_named(keyed):
    call(units=1, settle=3)

    entry = VendorUsage.objects.get()
    assert (entry.units, entry.outcome) == (3, "SETTLED")
    assert "Charged more than the 1 credits" in entry.note
    assert spent()["day"][0] == 3


def test_what_costs_nothing_is_allowed_when_a_budget_is_used_up(keyed):
    call(units=10, settle=10)

    call(units=0, settle=0)

    assert spent()["day"][0] == 10


def test_a_night_never_costs_more_than_was_told_before_it(keyed):
    balances.promise(7, {Vendor.TAVILY: (2, 16_000)})
    call()
    call()

    with pytest.raises(BudgetExhaustedError, match=r"told for Tavily is used up \(2 of 2"):
        call()

    with governor.permit(Vendor.TAVILY, units=1, purpose=Purpose("by hand")) as permit:
        permit.use(Vendor.TAVILY)
    assert spent()["run"][0] == 2


def test_80_90_and_100_percent_of_a_budget_are_told_once_each(keyed):
    for _ in range(10):
        call()
    with pytest.raises(BudgetExhaustedError):
        call()

    with in_public():
        told = AuditEvent.objects.filter(action="tenants.budget.notice", tenant_id="acme")
        assert [event.after["percent"] for event in told.order_by("pk")] == [80, 90, 100]


def test_a_refusal_before_the_last_unit_is_told_as_used_up(keyed):
    call(units=9, settle=9)
    for _ in range(2):
        with pytest.raises(BudgetExhaustedError):
            call(units=2)

    with in_public():
        told = AuditEvent.objects.filter(action="tenants.budget.notice", tenant_id="acme")
        assert [event.after["percent"] for event in told.order_by("pk")] == [90, 100]


def test_failures_in_a_row_open_the_breaker_and_a_success_closes_it(keyed):
    for _ in range(5):
        with pytest.raises(VendorError):
            call(error=VendorError("502", retryable=True, charge=Charge.NONE))

    with pytest.raises(VendorDownError, match="did not answer several times in a row"):
        call()
    assert VendorUsage.objects.count() == 5


def test_the_call_after_the_last_of_a_window_waits(keyed, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(
        governor, "_wait_out", lambda wait, _wish: waits.append(wait.total_seconds())
    )
    limit_calls(2)

    for _ in range(3):
        call()

    assert len(waits) == 1
    assert 0 < waits[0] <= 60.5


def test_a_limit_of_calls_changed_meanwhile_holds_with_the_next_call(keyed, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(
        governor, "_wait_out", lambda wait, _wish: waits.append(wait.total_seconds())
    )
    limit_calls(1)
    call()
    call()
    with in_public():
        RateLimit.objects.update(calls=3)

    call()

    assert len(waits) == 1


def limit_calls(calls: int) -> None:
    with in_public():
        lane = lane_of(Vendor.TAVILY, key_for_acme())
        RateLimit.objects.create(lane=lane, calls=calls, seconds=60)


def test_who_would_wait_too_long_is_turned_away_and_pays_nothing(keyed):
    limit_calls(1)
    call()

    with (
        pytest.raises(RateLimitError),
        governor.permit(Vendor.TAVILY, units=1, purpose=TEST, patience=timedelta(seconds=1)),
    ):
        pass

    assert spent()["day"][0] == 1


def key_for_acme():
    with in_tenant("acme"):
        return key_for(Vendor.TAVILY)


def test_passing_errors_are_asked_again_each_on_a_permit_of_its_own(keyed, monkeypatch):
    monkeypatch.setattr(governor.time, "sleep", lambda _seconds: None)
    errors = [VendorError("502", retryable=True, charge=Charge.UNKNOWN)]

    def question(permit: Permit) -> str:
        permit.use(Vendor.TAVILY)
        if errors:
            raise errors.pop()
        permit.settle(1)
        return "answer"

    assert governor.ask(Vendor.TAVILY, question, units=1, purpose=TEST) == "answer"
    assert sorted(VendorUsage.objects.values_list("outcome", flat=True)) == ["SETTLED", "UNKNOWN"]


def test_a_permit_is_for_one_call_to_its_vendor_while_it_is_open(keyed):
    with governor.permit(Vendor.TAVILY, units=1, purpose=TEST) as permit:
        with pytest.raises(PermitMisusedError):
            permit.use(Vendor.LUSHA)
        permit.use(Vendor.TAVILY)
        with pytest.raises(PermitMisusedError):
            permit.use(Vendor.TAVILY)
    with governor.permit(Vendor.TAVILY, units=1, purpose=TEST) as late:
        pass
    with pytest.raises(PermitMisusedError):
        late.use(Vendor.TAVILY)
    with pytest.raises(PermitMisusedError):
        Permit(Vendor.TAVILY, 1, 0, 0, "", object())


def test_a_tenant_cannot_write_its_ledger_or_see_keys_and_lanes(keyed):
    from django.db import ProgrammingError, connection, transaction

    call()
    for statement in (
        "UPDATE tenants_vendorusage SET units = 0",
        "DELETE FROM tenants_vendorbalance",
        "SELECT * FROM tenants_vendorcredential",
        "SELECT * FROM tenants_ratelimit",
        "SELECT * FROM tenants_circuitbreaker",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_days_are_those_of_the_nightly_zone():
    at = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)

    assert governor.local_day(at - timedelta(seconds=1)) == date(2026, 11, 21)
    assert governor.local_day(at) == date(2026, 11, 22)
