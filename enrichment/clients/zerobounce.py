"""ZeroBounce API v2: may this address be written to?

Contract: a bad address is an answer, not an error. One credit per result, none for ``unknown``. The
key travels in the query of a GET and in the body of a POST, so no text of ``requests`` may leave
this module. Wrong key and no credits are one and the same error, perhaps with status 200: the body
is read before the status, and ``getcredits`` tells the two apart. Sources: zerobounce.net docs of
v2, zero-bounce-python-sdk-setup with its tests, zerobouncesdk 2.2.4 and 2.3.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from enrichment.clients.exchange import Answer, ClientError, Exchange
from tenants.permits import Charge, Halt, Permit, Vendor

MOST_IN_BATCH = 100  # the English page says 200, the others and the official client 100
SINGLE_SECONDS = 65.0  # the vendor itself gives up after 60
BATCH_SECONDS = 90.0  # "up to 70"
VENDOR_PATIENCE_SECONDS = "60"  # per batch, as text: a number is answered like a wrong key
UNKNOWN = "unknown"
# After too many calls validate is blocked for a minute. For batches it is ten, but single calls go
# on meanwhile, so there the account is not told to wait.
BLOCKED_SECONDS = 60.0
OK, NOT_FOUND, NOT_ALLOWED, TOO_MANY, SERVER = 200, 404, 405, 429, 500


class ZeroBounceError(ClientError):
    """The question was not answered. Holds no key and no address."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What ZeroBounce says of one address, in its own words; never a guess of ours.

    ``None`` where it says nothing, or nothing that can be read.
    """

    address: str
    status: str
    sub_status: str = ""
    free_email: bool | None = None
    did_you_mean: str = ""
    mx_found: bool | None = None
    mx_record: str = ""
    smtp_provider: str = ""
    domain_age_days: int | None = None

    @property
    def is_free(self) -> bool:
        """Whether the answer costs nothing."""
        return self.status == UNKNOWN


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """Answers by address as it was asked; ``refused`` and ``missing`` were not answered."""

    results: Mapping[str, Validation]
    refused: frozenset[str]  # the vendor says it could not check them; free
    missing: frozenset[str]  # it says nothing of them


@dataclass(frozen=True, slots=True)
class Usage:
    """How many addresses the account had checked in a span of days, by status and sub-status."""

    total: int
    by_status: Mapping[str, int] = field(default_factory=dict)
    by_sub_status: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class ZeroBounceClient:
    """``base_url`` ends in ``/v2``; its host decides where addresses are processed."""

    base_url: str
    single_seconds: float = SINGLE_SECONDS
    batch_seconds: float = BATCH_SECONDS

    def validate(self, permit: Permit, address: str) -> Validation:
        """Check one address for at most one credit. Raises ``ZeroBounceError``."""
        key = permit.use(Vendor.ZEROBOUNCE)
        query = {"api_key": key, "email": address, "ip_address": ""}
        answer = _validation(self._get("validate", query, units=1), asked=address)
        permit.settle(0 if answer.is_free else 1)
        return answer

    def validate_batch(self, permit: Permit, addresses: Iterable[str]) -> BatchAnswer:
        """Check up to 100 addresses, each once, for at most a credit each.

        Matched by address, because the order is not promised. An address the answer does not
        mention counts as charged. Raises ``ZeroBounceError`` when the call as a whole failed.
        """
        asked: dict[str, str] = {}
        for address in addresses:
            asked.setdefault(_folded(address), address)
        if not 1 <= len(asked) <= MOST_IN_BATCH:
            raise ValueError(f"A batch holds 1 to {MOST_IN_BATCH} addresses, not {len(asked)}.")
        key = permit.use(Vendor.ZEROBOUNCE)
        question = {
            "api_key": key,
            "email_batch": [{"email_address": each, "ip_address": None} for each in asked.values()],
            "timeout": VENDOR_PATIENCE_SECONDS,
        }
        sent = self._send("POST", "/validatebatch", seconds=self.batch_seconds, body=question)
        answer = _batch(self._good(sent, key, units=len(asked), blocked=None),
                        asked)  # fmt: skip
        unpaid = sum(each.is_free for each in answer.results.values()) + len(answer.refused)
        permit.settle(len(asked) - unpaid)
        return answer

    def credits(self, permit: Permit) -> int:
        """What the account has left. Free."""
        left = self._credits(permit.use(Vendor.ZEROBOUNCE))
        permit.settle(0)
        return left

    def usage(self, permit: Permit, *, start: date, end: date) -> Usage:
        """The vendor's own count of both days and those between. Free."""
        span = {"start_date": start.isoformat(), "end_date": end.isoformat()}
        query = {"api_key": permit.use(Vendor.ZEROBOUNCE), **span}
        told = _usage(self._get("getapiusage", query, units=0))
        permit.settle(0)
        return told

    # --- asking ---------------------------------------------------------------------------------
    def _send(self, method: str, path: str, *, seconds: float, body: Any = None) -> Answer:
        # Closed at once: a kept connection that the vendor has closed looks like a lost answer.
        with closing(Exchange("ZeroBounce", self.base_url, "ZEROBOUNCE_BASE_URL", ZeroBounceError,
                              seconds)) as exchange:  # fmt: skip
            return exchange.send(method, path, headers={}, body=body)

    def _get(self, path: str, query: Mapping[str, str], *, units: int) -> dict[str, Any]:
        sent = self._send("GET", f"/{path}?{urlencode(query)}", seconds=self.single_seconds)
        return self._good(sent, query["api_key"], units=units, blocked=BLOCKED_SECONDS)

    def _good(self, sent: Answer, key: str, *, units: int, blocked: float | None) -> dict[str, Any]:
        """The answer's object. The body is read first: the account's error may come with 200."""
        body = sent.body
        if isinstance(body, dict) and _is_account_error(body):
            raise self._why_refused(key, units=units)
        if sent.status != OK:
            raise _by_status(sent.status, blocked=blocked)
        if not isinstance(body, dict):
            raise _drift("is no object")
        if "error" in body:  # its text may quote the question
            raise ZeroBounceError("ZeroBounce refused the question as wrong.", code="rejected",
                                  charge=Charge.NONE)  # fmt: skip
        return body

    def _credits(self, key: str) -> int:
        sent = self._send("GET", f"/getcredits?{urlencode({'api_key': key})}",
                          seconds=self.single_seconds)  # fmt: skip
        body = sent.body if isinstance(sent.body, dict) else {}
        left = _whole(body.get("Credits"))
        if _is_account_error(body) or (left is not None and left < 0):
            raise _key_refused()
        if sent.status != OK:
            raise _by_status(sent.status, blocked=BLOCKED_SECONDS)
        if left is None:
            raise _drift("about credits holds no number", charge=Charge.NONE)
        return left

    def _why_refused(self, key: str, *, units: int) -> ZeroBounceError:
        """Wrong key, no credits, or too few for this call: ask for the credits, once."""
        try:
            left = self._credits(key)
        except ZeroBounceError as exc:
            if exc.halt is Halt.KEY:
                return exc
            return ZeroBounceError(
                "ZeroBounce refuses the key, or its account has no credits left; it did not say"
                " which. See to both, then continue under Vendors.",
                code="key", charge=Charge.NONE, halt=Halt.KEY,
            )  # fmt: skip
        if left == 0:
            return ZeroBounceError(
                "The ZeroBounce account has no credits left. Top it up, then continue under"
                " Vendors.",
                code="credits", charge=Charge.NONE, halt=Halt.CREDITS,
            )  # fmt: skip
        return ZeroBounceError(
            f"ZeroBounce refused {units} addresses at once; its account has {left} credits left.",
            code="credits", charge=Charge.NONE,
        )  # fmt: skip


# --- failures -----------------------------------------------------------------------------------
def _key_refused() -> ZeroBounceError:
    return ZeroBounceError(
        "ZeroBounce refuses the API key. Enter the right one under Vendors.",
        code="key", charge=Charge.NONE, halt=Halt.KEY,
    )  # fmt: skip


def _drift(what: str, *, charge: Charge = Charge.UNKNOWN) -> ZeroBounceError:
    return ZeroBounceError(
        f"ZeroBounce's answers have changed: one {what}. Nothing was taken from it. Tell whoever"
        " maintains this installation.",
        code="drift", charge=charge,
    )  # fmt: skip


def _by_status(status: int, *, blocked: float | None) -> ZeroBounceError:
    if status == TOO_MANY:
        return ZeroBounceError(
            "ZeroBounce was asked too often and blocks such calls for a while.", code="rate",
            retryable=True, charge=Charge.NONE, retry_after=blocked, status=status,
        )  # fmt: skip
    if status >= SERVER:
        return ZeroBounceError(
            f"ZeroBounce failed ({status}). It may have charged.", code="server",
            retryable=True, status=status,
        )  # fmt: skip
    if status in {NOT_FOUND, NOT_ALLOWED}:
        return ZeroBounceError(
            f"There is no ZeroBounce at this address ({status}). Check ZEROBOUNCE_BASE_URL.",
            code="rejected", charge=Charge.NONE, status=status,
        )  # fmt: skip
    return ZeroBounceError(
        f"ZeroBounce refused the question as wrong ({status}).", code="rejected",
        charge=Charge.NONE, status=status,
    )  # fmt: skip


def _is_account_error(body: Mapping[str, Any]) -> bool:
    """Whether the whole call was refused for the account's sake, in either of the two forms."""
    said = [body.get("error")] + [
        each.get("error") for each in _rows(body, "errors")
        if _folded(each.get("email_address")) == "all"
    ]  # fmt: skip
    return any(isinstance(text, str) and "api key" in text.lower() for text in said)


# --- reading ------------------------------------------------------------------------------------
def _rows(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = body.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _batch(body: Mapping[str, Any], asked: Mapping[str, str]) -> BatchAnswer:
    refused = {_folded(each.get("email_address")) for each in _rows(body, "errors")}
    if "all" in refused:
        raise ZeroBounceError(
            "ZeroBounce refused the whole batch without a reason we know.",
            code="rejected",
            charge=Charge.NONE,
        )
    if not isinstance(body.get("email_batch"), list):
        raise _drift("holds no results")
    results: dict[str, Validation] = {}
    for each in _rows(body, "email_batch"):
        address = asked.get(_folded(each.get("address")))
        if address is not None and _word(each.get("status")):
            results[address] = _validation(each, asked=address)
    declined = {asked[each] for each in refused & asked.keys()} - results.keys()
    missing = set(asked.values()) - results.keys() - declined
    return BatchAnswer(results, frozenset(declined), frozenset(missing))


def _validation(body: Mapping[str, Any], *, asked: str) -> Validation:
    status = _word(body.get("status"))
    if not status:
        raise _drift("holds no status")
    return Validation(
        address=asked,
        status=status,
        sub_status=_word(body.get("sub_status")),
        free_email=_yes_no(body.get("free_email")),
        did_you_mean=_text(body.get("did_you_mean")),
        mx_found=_yes_no(body.get("mx_found")),
        mx_record=_text(body.get("mx_record")),
        smtp_provider=_text(body.get("smtp_provider")),
        domain_age_days=_whole(body.get("domain_age_days")),
    )


def _usage(body: Mapping[str, Any]) -> Usage:
    total = _whole(body.get("total"))
    if total is None:
        raise _drift("about usage holds no total", charge=Charge.NONE)
    counts = {name: number for name, value in body.items() if (number := _whole(value)) is not None}

    def of(prefix: str) -> dict[str, int]:
        return {name.removeprefix(prefix): count for name, count in counts.items()
                if name.startswith(prefix)}  # fmt: skip

    return Usage(total, of("status_"), of("sub_status_"))


def _text(value: Any) -> str:
    return value.strip()[:300] if isinstance(value, str) else ""


def _word(value: Any) -> str:
    return _text(value).lower()[:40]


def _folded(value: Any) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _yes_no(value: Any) -> bool | None:
    """``mx_found`` comes as a boolean or as a text."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(_folded(value))


def _whole(value: Any) -> int | None:
    """Numbers come as numbers or as texts."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.removeprefix("-").isdecimal() else None
