"""ZeroBounce's stand-in: what its v2 documentation and its official client's tests say, strictly.

The verdict of an address depends on the address alone. Told apart from the live service by
``(Sandbox)`` in its mail hosts and by its free credits.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.loopback import Reply, Request
from leadgen_project.sandbox.vendors.stand_in import VendorCall, VendorStandIn, reply_json

REFUSED = "Invalid API key or your account ran out of credits"
KEY = "sandbox-key"
MOST_IN_BATCH = 100
HOUR, MINUTE = 3600.0, 60.0
METHODS = {"/v2/validate": "GET", "/v2/getcredits": "GET", "/v2/getapiusage": "GET",
           "/v2/validatebatch": "POST"}  # fmt: skip
# How often each verdict comes up among a thousand addresses that have no verdict of their own.
SHARES: dict[tuple[str, str], int] = {
    ("valid", ""): 640, ("valid", "alias_address"): 12, ("valid", "leading_period_removed"): 3,
    ("valid", "gold"): 12, ("valid", "role_based_accept_all"): 10, ("valid", "alternate"): 8,
    ("valid", "allowed"): 5,
    ("invalid", "mailbox_not_found"): 50, ("invalid", "mailbox_quota_exceeded"): 12,
    ("invalid", "no_dns_entries"): 8, ("invalid", "failed_syntax_check"): 3,
    ("invalid", "possible_typo"): 8, ("invalid", "unroutable_ip_address"): 4,
    ("invalid", "does_not_accept_mail"): 8,
    ("catch-all", ""): 40, ("catch-all", "accept_all"): 20,
    ("unknown", "antispam_system"): 8, ("unknown", "greylisted"): 10,
    ("unknown", "mail_server_temporary_error"): 8, ("unknown", "forcible_disconnect"): 4,
    ("unknown", "mail_server_did_not_respond"): 6, ("unknown", "timeout_exceeded"): 6,
    ("unknown", "failed_smtp_connection"): 4, ("unknown", "exception_occurred"): 4,
    ("spamtrap", ""): 5, ("abuse", ""): 7,
    ("do_not_mail", "disposable"): 6, ("do_not_mail", "toxic"): 5,
    ("do_not_mail", "role_based"): 50, ("do_not_mail", "role_based_catch_all"): 12,
    ("do_not_mail", "global_suppression"): 5, ("do_not_mail", "possible_trap"): 5,
    ("do_not_mail", "mx_forward"): 4, ("do_not_mail", "blocked"): 4,
    ("do_not_mail", "ai_agent_mailbox"): 4,
}  # fmt: skip
# The provider's free test set.
FREE = {
    "valid": ("valid", ""), "invalid": ("invalid", "mailbox_not_found"),
    "catch_all": ("catch-all", ""), "toxic": ("do_not_mail", "toxic"),
    "donotmail": ("do_not_mail", "role_based"), "spamtrap": ("spamtrap", ""),
    "disposable": ("do_not_mail", "disposable"), "abuse": ("abuse", ""),
    "unknown": ("unknown", "mail_server_temporary_error"),
}  # fmt: skip


@dataclass(slots=True)
class ZeroBounceStandIn(VendorStandIn):
    """``verdicts``: (status, sub-status) of single addresses; all others follow from their text.

    ``declined``: addresses a batch answers under ``errors`` alone, ``left_out``: not at all.
    """

    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    declined: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    batches_per_minute: int = 5
    blocked_seconds: float = 600.0
    _batches: deque[float] = field(default_factory=deque, init=False)
    _wrong_keys: deque[float] = field(default_factory=deque, init=False)
    _malformed: deque[float] = field(default_factory=deque, init=False)
    _blocked_until: dict[str, float] = field(default_factory=dict, init=False)

    def _key(self, request: Request) -> str:
        """In the query of a GET, in the body of a POST; anywhere else it does not count."""
        if request.method == "GET":
            return request.query.get("api_key", "")
        body = self._body(request)
        key = body.get("api_key") if body else None
        return key if isinstance(key, str) else ""

    def _answer(self, request: Request, call: VendorCall) -> Reply:
        known = METHODS.get(request.path)
        if known is None:
            return reply_json({"error": "Not found (Sandbox)"}, 404)
        if request.method != known:
            return reply_json({"error": "Method not allowed (Sandbox)"}, 405)
        now = time.monotonic()
        if now < max(self._blocked_until.get("all", 0), self._blocked_until.get(request.path, 0)):
            return self._trouble(429)
        if call.key not in self.keys:
            return self._wrong_key(request.path, now)
        match request.path:
            case "/v2/getcredits":
                left = 987_654 if self.credits is None else self.credits
                return reply_json({"Credits": str(left)})
            case "/v2/getapiusage":
                return self._usage(request, now)
            case "/v2/validate":
                return self._single(request, call, now)
        return self._batch(request, call, now)

    # --- refusals -------------------------------------------------------------------------------
    def _wrong_key(self, path: str, now: float) -> Reply:
        """The 200th within an hour blocks for an hour."""
        self._count(self._wrong_keys, now, most=200, seconds=HOUR, blocks=HOUR)
        if path == "/v2/getcredits":
            return reply_json({"Credits": "-1"})
        return self._refuse_account(path)

    def _refuse_account(self, path: str) -> Reply:
        """Wrong key and no credits look the same, with status 200."""
        if path == "/v2/validatebatch":
            return reply_json(
                {"email_batch": [], "errors": [{"error": REFUSED, "email_address": "all"}]}
            )
        return reply_json({"error": REFUSED})

    def _malformed_request(self, now: float) -> Reply:
        """The 100th within a minute blocks for an hour."""
        self._count(self._malformed, now, most=100, seconds=MINUTE, blocks=HOUR)
        return reply_json({"error": "Bad request (Sandbox)"}, 400)

    def _count(
        self, times: deque[float], now: float, *, most: int, seconds: float, blocks: float
    ) -> None:
        while times and times[0] <= now - seconds:
            times.popleft()
        times.append(now)
        if len(times) >= most:
            self._blocked_until["all"] = now + blocks

    # --- answers --------------------------------------------------------------------------------
    def _single(self, request: Request, call: VendorCall, now: float) -> Reply:
        query = request.query
        wait = query.get("timeout", "3")
        if not query.get("email") or not wait.isdecimal() or not 3 <= int(wait) <= 60:
            return self._malformed_request(now)
        address = query["email"].strip().lower()
        if not self._charge(call, self._price(address)):
            return self._refuse_account(request.path)
        return reply_json(self._result(address))

    def _batch(self, request: Request, call: VendorCall, now: float) -> Reply:
        while self._batches and self._batches[0] <= now - MINUTE:
            self._batches.popleft()
        if len(self._batches) >= self.batches_per_minute:
            self._blocked_until[request.path] = now + self.blocked_seconds
            return self._trouble(429)
        self._batches.append(now)
        body = self._body(request)
        rows = body.get("email_batch") if body else None
        if body is None or not isinstance(rows, list) or not 1 <= len(rows) <= MOST_IN_BATCH:
            return self._malformed_request(now)
        wait = body.get("timeout", "30")
        if not isinstance(wait, str):
            return self._refuse_account(request.path)
        if not wait.isdecimal() or not 10 <= int(wait) <= 120:
            return self._malformed_request(now)
        errors, found = [], []
        for address in self._addresses(rows):
            if "@" not in address or address in self.declined:
                errors.append({"error": "Invalid email address", "email_address": address})
            elif address not in self.left_out:
                found.append(address)
        if not self._charge(call, sum(self._price(address) for address in found)):
            return self._refuse_account(request.path)
        results = [self._result(address) for address in reversed(found)]  # no order is promised
        return reply_json({"email_batch": results, "errors": errors})

    def _usage(self, request: Request, now: float) -> Reply:
        try:
            start, end = (date.fromisoformat(request.query.get(name, ""))
                          for name in ("start_date", "end_date"))  # fmt: skip
        except ValueError:
            return self._malformed_request(now)
        counts: dict[str, int] = {}
        for status, sub_status in SHARES:
            counts |= {f"status_{_name(status)}": 0}
            counts |= {f"sub_status_{sub_status}": 0} if sub_status else {}
        for address in self._checked():
            status, sub_status = self._verdict(address)
            for name in (f"status_{_name(status)}", f"sub_status_{sub_status}"):
                if name in counts:
                    counts[name] += 1
        days = {"start_date": f"{start.month}/{start.day}/{start.year}",
                "end_date": f"{end.month}/{end.day}/{end.year}"}  # fmt: skip
        return reply_json({"total": self.charged, **counts, **days})

    def _checked(self) -> Iterator[str]:
        """Every address that was charged for."""
        for call in tuple(self.calls):
            if not call.units:
                continue
            rows = [call.question.get("email", "")] if call.method == "GET" else None
            for address in rows or self._addresses(call.question.get("email_batch", [])):
                if self._price(address.strip().lower()):
                    yield address.strip().lower()

    # --- verdicts -------------------------------------------------------------------------------
    def _verdict(self, address: str) -> tuple[str, str]:
        if address in self.verdicts:
            return self.verdicts[address]
        local, _, domain = address.partition("@")
        if domain == "example.com" and local in FREE:
            return FREE[local]
        if not local or "." not in domain:
            return "invalid", "failed_syntax_check"
        chance = dice("zerobounce", address)
        return chance.choices(list(SHARES), weights=list(SHARES.values()))[0]

    def _price(self, address: str) -> int:
        free = address.endswith("@example.com") or self._verdict(address)[0] == "unknown"
        return 0 if free else 1

    def _result(self, address: str) -> dict[str, Any]:
        status, sub_status = self._verdict(address)
        local, _, domain = address.partition("@")
        chance = dice("zerobounce answer", address)
        has_mail = sub_status not in {"no_dns_entries", "failed_syntax_check"}
        age = chance.randint(20, 9000)
        return {
            "address": address,
            "status": status,
            "sub_status": sub_status,
            "free_email": domain in {"gmail.com", "hotmail.com", "yahoo.com.sg"},
            "did_you_mean": f"{local}@gmail.com" if sub_status == "possible_typo" else None,
            "account": local,
            "domain": domain,
            "domain_age_days": str(age) if chance.random() < 0.7 else None,
            "smtp_provider": chance.choice(["google", "microsoft", None]),
            "mx_found": chance.choice([has_mail, str(has_mail).lower()]),
            "mx_record": f"mx.{domain}" if has_mail else None,
            "firstname": None, "lastname": None, "gender": None, "country": None, "region": None,
            "city": None, "zipcode": None, "processed_at": "2026-11-21 16:33:51.059",
        }  # fmt: skip

    def _addresses(self, rows: Any) -> list[str]:
        found = [row.get("email_address") for row in rows if isinstance(row, dict)]
        return [each.strip().lower() for each in found if isinstance(each, str)]

    def _body(self, request: Request) -> dict[str, Any] | None:
        try:
            body = json.loads(request.body)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None


def _name(status: str) -> str:
    return status.replace("-", "_")
