"""Find out about addresses: for free what can be had for free, the rest from ZeroBounce.

A batch costs a credit an address like single calls, but one turn. Where a batch was certainly not
charged and did not work (too many in a minute, turned away), its addresses are asked one by one;
where it may have been charged, they wait for another night, because asking again would pay twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from enrichment.clients.zerobounce import (
    MOST_IN_BATCH,
    BatchAnswer,
    Validation,
    ZeroBounceClient,
    ZeroBounceError,
)
from enrichment.models import Verification
from enrichment.verification.mail_hosts import MailHosts
from enrichment.verification.precheck import Answer, precheck
from enrichment.verification.verifications import Claim, claim, conclude, hold, let_go, pass_by
from tenants.outage import outlast
from tenants.paid import governor
from tenants.paid.governor import PATIENCE
from tenants.permits import (
    BudgetExhaustedError,
    Charge,
    Halt,
    NoPermitError,
    Permit,
    Purpose,
    RateLimitError,
    Vendor,
    VendorDownError,
    VendorOffError,
)
from tenants.vendor_models import VendorUsage

logger = logging.getLogger(__name__)
Source = Verification.Source

FEW = 3  # up to here single calls: the five batches a minute are for those with many
MOST_FAILURES = 5  # in a row; malformed questions alone block an account after a hundred
LOST = Answer("unknown", "answer_lost")


def client_by_settings() -> ZeroBounceClient:
    return ZeroBounceClient(settings.ZEROBOUNCE_BASE_URL)


@dataclass(slots=True)
class Found:
    """What became of addresses that were handed in.

    ``refused``: why the vendor was not asked about ``passed_by``. ``left`` were neither asked about
    nor passed by: held by another worker, or time ran out.
    """

    asked: set[str] = field(default_factory=set)  # the vendor was, and may have charged
    failed: set[str] = field(default_factory=set)  # of those, no answer
    prechecked: set[str] = field(default_factory=set)  # answered here, for nothing
    known: set[str] = field(default_factory=set)  # an answer that is still good
    passed_by: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    refused: NoPermitError | None = None

    def add(self, other: Found) -> None:
        """Take in what became of further addresses."""
        self.asked |= other.asked
        self.failed |= other.failed
        self.prechecked |= other.prechecked
        self.known |= other.known
        self.passed_by |= other.passed_by
        self.left |= other.left
        self.refused = self.refused or other.refused


@dataclass(slots=True)
class Verifier:
    """Asks about addresses for one purpose, until ``until`` (of ``time.monotonic``).

    Keeps for its life what DNS said, that batches do not work, and that there is no permit.
    """

    purpose: Purpose
    until: float
    client: ZeroBounceClient = field(default_factory=client_by_settings)
    mail_hosts: MailHosts = field(default_factory=MailHosts.by_settings)
    now: Callable[[], datetime] = timezone.now
    may_batch: bool = True
    failures: int = 0  # in a row
    refused: NoPermitError | None = None

    def check(self, addresses: Iterable[str], *, even_known: bool = False) -> Found:
        """Find out about those of ``addresses`` that are new or due, in their order.

        At most a credit each. What another worker asks about right now is waited for. Not inside
        a transaction.
        """
        found = Found()
        order = {address: place for place, address in enumerate(addresses)}
        waiting = set(order)
        while waiting:
            mine = self._claim(waiting, even_known=even_known)
            self._find_out(sorted(mine, key=lambda each: order[each.address]), found)
            waiting -= {each.address for each in mine}
            held = _held(waiting)
            found.known |= waiting - held
            waiting, even_known = held, False  # what the other worker is told is new enough
            if waiting and time.monotonic() > self.until:
                found.left |= waiting
                break
            if waiting:
                time.sleep(0.3)
        found.refused = self.refused
        return found

    def _claim(self, addresses: set[str], *, even_known: bool) -> list[Claim]:
        now = self.now()
        return outlast(lambda: claim(sorted(addresses), now=now, even_known=even_known))

    # --- free -----------------------------------------------------------------------------------
    def _find_out(self, mine: Sequence[Claim], found: Found) -> None:
        lost = _perhaps_paid(mine)
        for each in mine:
            if each.lost_call in lost:
                self._conclude([each], {each.address: LOST}, call_id=each.lost_call)
                found.failed.add(each.address)
        rest = [each for each in mine if each.lost_call not in lost]
        answers = precheck((each.address for each in rest), mail_hosts=self.mail_hosts)
        self._conclude([each for each in rest if each.address in answers], answers,
                       source=Source.PRECHECK)  # fmt: skip
        found.prechecked |= answers.keys()
        self._ask(_in_rooms([each for each in rest if each.address not in answers]), found)

    # --- paid -----------------------------------------------------------------------------------
    def _ask(self, rooms: list[list[Claim]], found: Found) -> None:
        """Ask about all, in as few calls as the budget and the vendor allow."""
        if rooms and self.refused is None:
            try:
                governor.ready(Vendor.ZEROBOUNCE)
            except NoPermitError as exc:
                self.refused = exc
        while rooms:
            room = rooms.pop(0)
            if self.refused is not None:
                self._pass_by(room, found)
            elif found.asked and time.monotonic() > self.until:
                self._let_go(room, found)
            elif len(room) > FEW and not self.may_batch:
                rooms[:0] = [room[:FEW], room[FEW:]]
            else:
                rooms[:0] = self._ask_about(room, found)

    def _ask_about(self, room: list[Claim], found: Found) -> list[list[Claim]]:
        """Ask about ``room``; returns what of it is still to be asked about, in smaller parts."""
        is_batch = len(room) > FEW
        part = room if is_batch else room[:1]
        rest = [room[1:]] if room[len(part) :] else []
        try:
            with governor.permit(
                Vendor.ZEROBOUNCE, units=len(part), purpose=self.purpose,
                lane="batch" if is_batch else "", patience=self._patience(),
            ) as permit:  # fmt: skip
                outlast(lambda: hold(part, call_id=permit.call_id))
                answers = self._answers(permit, part)
                # Before the call is settled: a worker killed now has its answer and its price.
                self._conclude(part, answers, call_id=permit.call_id)
        except BudgetExhaustedError as exc:
            if len(part) > 1:  # fewer may still fit
                return [part[: len(part) // 2], part[len(part) // 2 :], *rest]
            self.refused = exc
            return [part, *rest]
        except RateLimitError as exc:
            if is_batch:
                self.may_batch = False
            else:
                self.refused = exc
            return [part, *rest]
        except NoPermitError as exc:
            self.refused = exc
            return [part, *rest]
        except ZeroBounceError as exc:
            return [*self._after(exc, part, found), *rest]
        self.failures = 0
        self._note(part, answers, found)
        return rest

    def _answers(self, permit: Permit, part: Sequence[Claim]) -> dict[str, Answer]:
        if len(part) == 1:
            address = part[0].address
            return {address: _answer(self.client.validate(permit, address))}
        return _answers(self.client.validate_batch(permit, [each.address for each in part]))

    def _after(self, error: ZeroBounceError, part: list[Claim], found: Found) -> list[list[Claim]]:
        """A call failed: stop, go on one by one, or leave its addresses for another night."""
        logger.warning("%d addresses were not verified: %s", len(part), error)
        self.failures += 1
        if error.halt is not Halt.NO:
            self.refused = VendorOffError(str(error), code="stopped")
        elif self.failures >= MOST_FAILURES:
            self.refused = VendorDownError(f"ZeroBounce failed {self.failures} times. {error}")
        if error.charge is Charge.NONE and (self.refused or len(part) > 1):
            outlast(lambda: hold(part, call_id=None))
            self.may_batch = False
            return [part]
        failed = {each.address: Answer("unknown", "vendor_error") for each in part}
        self._conclude(part, failed)
        self._note(part, failed, found)
        return []

    def _conclude(
        self,
        claims: Sequence[Claim],
        answers: dict[str, Answer],
        *,
        source: Source = Source.VENDOR,
        call_id: int | None = None,
    ) -> None:
        if claims:
            now = self.now()
            outlast(lambda: conclude(claims, answers, source=source, now=now, call_id=call_id))

    def _pass_by(self, room: Sequence[Claim], found: Found) -> None:
        code, now = self.refused.code if self.refused else "", self.now()
        outlast(lambda: pass_by(room, code=code, now=now))
        found.passed_by |= {each.address for each in room}

    def _let_go(self, room: Sequence[Claim], found: Found) -> None:
        outlast(lambda: let_go(room))
        found.left |= {each.address for each in room}

    def _note(self, part: Sequence[Claim], answers: dict[str, Answer], found: Found) -> None:
        found.asked |= {each.address for each in part}
        found.failed |= {address for address, answer in answers.items()
                         if answer.sub_status in OURS}  # fmt: skip

    def _patience(self) -> timedelta:
        left = timedelta(seconds=max(self.until - time.monotonic(), 1))
        return min(PATIENCE, left)


OURS = frozenset({"vendor_error", "no_answer", "declined", "answer_lost"})


def _perhaps_paid(claims: Iterable[Claim]) -> set[int]:
    """Calls whose worker died over them, unless the ledger says that they cost nothing."""
    calls = {each.lost_call for each in claims if each.lost_call is not None}
    if not calls:
        return set()
    free = VendorUsage.objects.filter(pk__in=calls, outcome=VendorUsage.Outcome.REFUNDED)
    return calls - set(free.values_list("pk", flat=True))


def _in_rooms(claims: list[Claim]) -> list[list[Claim]]:
    return [claims[start : start + MOST_IN_BATCH] for start in range(0, len(claims), MOST_IN_BATCH)]


def _held(addresses: set[str]) -> set[str]:
    """Those of ``addresses`` some worker is asking about."""
    held = Verification.objects.filter(address__in=addresses, held_until__gt=Now())
    return set(held.values_list("address", flat=True))


def _answers(answer: BatchAnswer) -> dict[str, Answer]:
    return {
        **{address: _answer(each) for address, each in answer.results.items()},
        **dict.fromkeys(answer.refused, Answer("unknown", "declined")),
        **dict.fromkeys(answer.missing, Answer("unknown", "no_answer")),
    }


def _answer(said: Validation) -> Answer:
    facts = {
        "free_email": said.free_email, "did_you_mean": said.did_you_mean,
        "mx_record": said.mx_record, "smtp_provider": said.smtp_provider,
        "domain_age_days": said.domain_age_days,
    }  # fmt: skip
    kept = {name: value for name, value in facts.items() if value not in {None, ""}}
    return Answer(said.status, said.sub_status, kept)
