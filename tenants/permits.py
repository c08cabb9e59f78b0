"""What a paid call needs and how it can go wrong. Plain values: clients know no database.

A permit is the proof that a paid or rate-limited call was allowed. Paid methods of vendor clients
take one as their first argument, so an unmetered call does not type-check; and they ``use`` it
before they send anything, so that none is sent twice on one permit. Only ``tenants.paid.governor``
makes permits.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum


class Vendor(StrEnum):
    """Whom money goes to. The unit is what stands on the vendor's invoice."""

    LLM = "LLM"
    TAVILY = "TAVILY"
    LUSHA = "LUSHA"
    ZEROBOUNCE = "ZEROBOUNCE"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def unit(self) -> str:
        return "tokens" if self is Vendor.LLM else "credits"


_LABELS = {
    Vendor.LLM: "Language model",
    Vendor.TAVILY: "Tavily",
    Vendor.LUSHA: "Lusha",
    Vendor.ZEROBOUNCE: "ZeroBounce",
}


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a call is for: stands in the ledger and in messages."""

    name: str
    run_id: int | None = None
    lead_id: int | None = None


class Halt(StrEnum):
    """What an error means for the calls after it."""

    NO = "no"  # this call alone
    KEY = "key"  # the key is refused: until an operator puts it right
    CREDITS = "credits"  # the vendor's own quota is gone: until it turns, or is topped up


class Charge(StrEnum):
    """Whether the vendor may have charged for a call that failed."""

    NONE = "none"  # certainly not: it never left, or the contract says so
    UNKNOWN = "unknown"  # stays charged until the ledger is reconciled


class VendorError(Exception):
    """A vendor did not answer as asked. The text holds no key, no address and no page text.

    ``retryable``: whether the same call may succeed later. ``retry_after``: seconds the vendor
    asked to wait. ``status``: of HTTP, where there was an answer.
    """

    def __init__(
        self,
        sentence: str,
        *,
        retryable: bool = False,
        charge: Charge = Charge.UNKNOWN,
        halt: Halt = Halt.NO,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.retryable = retryable
        self.charge = charge
        self.halt = halt
        self.retry_after = retry_after
        self.status = status


class NoPermitError(Exception):
    """The call may not be made now. The text says who, what, how much and what to do next.

    ``code`` is for counting: no_key, off, stopped, down, budget, rate.
    """

    code = "refused"


class VendorOffError(NoPermitError):
    """No key, or switched off for this tenant or everywhere."""

    def __init__(self, sentence: str, *, code: str = "off") -> None:
        super().__init__(sentence)
        self.code = code


class VendorDownError(NoPermitError):
    """Too many calls in a row failed; nobody asks until the circuit breaker's pause is over."""

    code = "down"


class BudgetExhaustedError(NoPermitError):
    """A budget of the tenant does not cover this call: ``period``'s; empty for a told price."""

    code = "budget"

    def __init__(self, sentence: str, *, period: str = "") -> None:
        super().__init__(sentence)
        self.period = period


class RateLimitError(NoPermitError):
    """The vendor's turn would come later than the caller is ready to wait."""

    code = "rate"


class PermitMisusedError(Exception):
    """A defect of ours: a permit of another vendor, used twice, after its end, or beyond itself."""


_SEAL = object()


@dataclass(slots=True)
class Permit:
    """Leave to make one call to ``vendor`` that costs at most ``units``."""

    vendor: Vendor
    units: int  # reserved
    micros: int  # reserved, in millionths of a US dollar
    call_id: int  # the row of the ledger
    _api_key: str = field(repr=False)
    seal: object = field(repr=False)
    used: bool = False
    is_open: bool = True
    settled_units: int | None = None  # known once the vendor has answered
    settled_micros: int | None = None
    reference: str = ""  # the vendor's own id of the call
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise PermitMisusedError("Only tenants.paid.governor makes permits.")

    def use(self, vendor: Vendor) -> str:
        """Take the permit for the one call it allows; returns the key to call with."""
        if vendor is not self.vendor:
            raise PermitMisusedError(f"A permit for {self.vendor} was shown to {vendor}.")
        with self._lock:
            if self.used or not self.is_open:
                raise PermitMisusedError(f"The permit for {self.vendor} was used before.")
            self.used = True
        return self._api_key

    def settle(self, units: int, *, micros: int | None = None, reference: str = "") -> None:
        """Book what the vendor says the call cost; 0 is a refund.

        Without it the reservation stays charged: an unknown price is never counted as free.
        """
        if not self.used or units < 0 or (micros is not None and micros < 0):
            raise PermitMisusedError(f"A call to {self.vendor} cannot have cost {units} units.")
        self.settled_units = units
        self.settled_micros = micros
        self.reference = reference[:100]
