"""Ask a vendor a question nobody of this tenant has asked within 30 days; else take that answer.

Before anything is asked the question is claimed, so no two workers ask it at once. The number of
the paid call is written down before it is made: when its worker dies, the ledger tells whether it
may have been charged. If so it is not made again that day, for an answer lost is cheaper than two.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from enrichment.models import VendorAnswer
from tenants.clock import database_now
from tenants.outage import outlast
from tenants.paid import governor
from tenants.permits import NoPermitError, Permit, Purpose, Vendor
from tenants.process_name import process_name
from tenants.stopping import is_stopping
from tenants.vendor_models import VendorUsage

KEPT_FOR = timedelta(days=30)
HOLD = timedelta(minutes=10)  # above what three tries and their pauses can take
NIGHT = timedelta(hours=12)
DOUBT = timedelta(hours=20)  # the next night asks again
PATIENCE_SECONDS = 30.0  # for another worker that asks the same
LOOK_AGAIN_SECONDS = 0.2


class AnswerUnderWayError(NoPermitError):
    """Another worker is asking this very question, and is not done yet."""

    code = "rate"


class AnswerLostError(NoPermitError):
    """It was asked and perhaps paid, but whoever asked died before the answer was written."""

    code = "lost"


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, as JSON. ``is_new``: it was asked for just now."""

    answer: Any
    call_id: int
    is_new: bool


def ask_once(
    vendor: Vendor,
    question: Mapping[str, Any],
    *,
    ask: Callable[[Permit], Any],
    units: int,
    purpose: Purpose,
    now: Callable[[], datetime] = database_now,
) -> Told:
    """The answer to ``question`` (plain JSON, which names no person), from the cache or by ``ask``.

    ``ask`` makes the paid call, at most ``units``, and returns what is to be kept, as JSON; it is
    tried again as ``governor.ask`` does. Raises a ``NoPermitError`` when the question cannot be
    asked now, or the vendor's error; then the cache is as before. Not inside a transaction.
    """
    row = _claimed(vendor, question, lead_id=purpose.lead_id, now=now)
    if isinstance(row, Told):
        return row
    pk, is_answered = row, False

    def noted(permit: Permit) -> Any:
        VendorAnswer.objects.filter(pk=pk).update(call_id=permit.call_id)
        calls.append(permit.call_id)
        return ask(permit)

    calls: list[int] = []
    try:
        answer = governor.ask(vendor, noted, units=units, purpose=purpose)
        outlast(lambda: _keep(pk, answer, call_id=calls[-1], now=now()))
        is_answered = True
    finally:
        if not is_answered:
            outlast(lambda: _let_go(pk))
    return Told(answer, calls[-1], is_new=True)


def known_answers(vendor: Vendor, questions: Collection[str], *, now: datetime) -> dict[str, Told]:
    """Answers in the cache that will do for a whole night, by ``hash_of`` the question.

    One statement for each thousand.
    """
    asked = sorted(questions)
    known: dict[str, Told] = {}
    for start in range(0, len(asked), 1000):
        rows = VendorAnswer.objects.filter(
            vendor=vendor, question_hash__in=asked[start : start + 1000],
            asked_at__gt=now - KEPT_FOR + NIGHT,
        )  # fmt: skip
        known |= {row.question_hash: Told(row.answer, row.call_id or 0, False) for row in rows}
    return known


def hash_of(question: Mapping[str, Any]) -> str:
    text = json.dumps(question, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _claimed(
    vendor: Vendor,
    question: Mapping[str, Any],
    *,
    lead_id: int | None,
    now: Callable[[], datetime],
) -> Told | int:
    """The answer, or the id of the row that is now ours to fill. Waits for another worker."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = outlast(lambda: _claim(vendor, question, lead_id=lead_id, now=now()))
        if found is not None:
            return found
        if time.monotonic() > give_up_at or is_stopping():
            raise AnswerUnderWayError(
                f"Another worker is asking {vendor.label} the same. It is tried again later."
            )
        time.sleep(LOOK_AGAIN_SECONDS)


@transaction.atomic
def _claim(
    vendor: Vendor, question: Mapping[str, Any], *, lead_id: int | None, now: datetime
) -> Told | int | None:
    """The answer, our row, or ``None`` while another worker holds it."""
    digest = hash_of(question)
    rows = VendorAnswer.objects.filter(vendor=vendor, question_hash=digest)
    if told := _fresh(rows.first(), now=now):
        return told
    made = VendorAnswer(vendor=vendor, question_hash=digest, question=dict(question))
    VendorAnswer.objects.bulk_create([made], ignore_conflicts=True)
    row = rows.select_for_update().first()
    if row is None:
        return None  # whoever held it got no answer and let go just now
    if told := _fresh(row, now=now):
        return told
    if row.held_until is not None:
        # Who asks for the same lead has taken it over: the first worker is dead or asleep.
        is_taken_over = lead_id is not None and row.lead_id == lead_id
        if row.held_until > now and not is_taken_over:
            return None
        _refuse_doubt(row, now=now)
    row.held_until, row.held_by, row.call_id = now + HOLD, process_name(), None
    row.lead_id = lead_id
    row.save(update_fields=["held_until", "held_by", "call_id", "lead_id"])
    return row.pk


def _fresh(row: VendorAnswer | None, *, now: datetime) -> Told | None:
    if row is None or row.asked_at is None or row.asked_at < now - KEPT_FOR:
        return None
    return Told(row.answer, row.call_id or 0, is_new=False)


def _refuse_doubt(row: VendorAnswer, *, now: datetime) -> None:
    """Raise when the worker that died over ``row`` may have paid for an answer today."""
    call = VendorUsage.objects.filter(pk=row.call_id or 0).first()
    if call is None or call.outcome == VendorUsage.Outcome.REFUNDED or call.at < now - DOUBT:
        return
    raise AnswerLostError(
        f"{Vendor(row.vendor).label} was asked this (call {call.pk}), but the worker ended before"
        " the answer was written. It may have been paid for, so it is not asked again today."
    )


def _keep(pk: int, answer: Any, *, call_id: int, now: datetime) -> None:
    VendorAnswer.objects.filter(pk=pk).update(
        answer=answer, asked_at=now, call_id=call_id, held_until=None, held_by="", lead_id=None
    )


def _let_go(pk: int) -> None:
    """Free a question that got no answer; a row that never had one goes."""
    mine = VendorAnswer.objects.filter(pk=pk, held_by=process_name())
    mine.filter(asked_at=None).delete()
    mine.update(held_until=None, held_by="", lead_id=None)
