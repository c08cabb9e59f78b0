"""Tavily: web search.

Contract: POST {base}/search, ``Authorization: Bearer``, JSON; a basic search costs 1 credit, an
advanced one 2; a query has at most 400 characters. GET {base}/usage, 10 calls in 10 minutes.
Errors carry ``{"detail": {"error"}}``, a list of the validator, or plain text. 432 and 433 are an
empty account, no rate limit. Whether a failed search is charged is not stated: we assume it is.
Sources: docs.tavily.com (search, usage, rate limits), tavily-python 0.8.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from enrichment.clients.exchange import (
    READ_SECONDS,
    Answer,
    ClientError,
    Exchange,
    Shape,
    of_status,
)
from enrichment.clients.quoting import words_of
from tenants.permits import Charge, Halt, Permit, Vendor

MAX_QUERY = 400  # characters
MAX_EXCLUDED = 150  # domains
SEARCH_CREDITS = 1  # of a basic search
MAX_CONTENT = 300  # characters of an excerpt that are kept
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")


class TavilyError(ClientError):
    """Tavily did not answer as asked."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One page found. ``score`` is Tavily's own, 0 to 1."""

    url: str
    title: str
    excerpt: str
    score: float


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """Pages found, best first. ``credits`` is what it cost, where Tavily says so."""

    hits: tuple[Hit, ...]
    credits: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Credits used in the current billing cycle, and the limit (``None``: none).

    ``search`` counts searches alone; the key's may be less than the account's.
    """

    key: int
    key_limit: int | None
    search: int
    plan: int
    plan_limit: int | None


class TavilyClient:
    """One account per call: the key comes with the permit."""

    def __init__(self, base_url: str, *, seconds: float = READ_SECONDS) -> None:
        self._exchange = Exchange("Tavily", base_url, "TAVILY_BASE_URL", TavilyError, seconds)

    def search(
        self,
        permit: Permit,
        query: str,
        *,
        country: str = "",
        most: int = 10,
        without: Sequence[str] = (),
    ) -> SearchAnswer:
        """Search the web; costs 1 credit. ``without`` are domains that are not wanted.

        ``country`` is a lower-case English name that is preferred. Raises ``TavilyError``; also
        when the answer lacks a needed field.
        """
        body: dict[str, Any] = {
            "query": query[:MAX_QUERY],
            # Said although they are defaults: an account or ``auto_parameters`` may choose dearer.
            "search_depth": "basic",
            "auto_parameters": False,
            "topic": "general",
            "max_results": most,
            "include_answer": False,
            "include_raw_content": False,
            "include_usage": True,
        }
        if country:
            body["country"] = country
        if without:
            body["exclude_domains"] = list(without)[:MAX_EXCLUDED]
        answer = self._ask(permit, "POST", "/search", body=body, asked=[query])
        shape = Shape.of(answer.body, vendor="Tavily", error=TavilyError)
        charged = _credits(shape)
        if charged is not None:
            permit.settle(charged, reference=_reference(shape))
        hits = tuple(
            Hit(
                each.text("url"),
                each.text("title"),
                each.text("content")[:MAX_CONTENT],
                each.number("score"),
            )
            for each in shape.objects("results")
        )
        return SearchAnswer(hits, charged)

    def usage(self, permit: Permit) -> Usage:
        """What the account has used; free, but only 10 times in 10 minutes."""
        answer = self._ask(permit, "GET", "/usage", body=None, asked=[])
        permit.settle(0)
        shape = Shape.of(answer.body, vendor="Tavily", error=TavilyError)
        key, account = shape.object("key"), shape.object("account")
        return Usage(
            key=key.whole("usage"),
            key_limit=key.whole_if_any("limit"),
            search=key.whole_if_any("search_usage") or 0,
            plan=account.whole("plan_usage"),
            plan_limit=account.whole_if_any("plan_limit"),
        )

    def close(self) -> None:
        self._exchange.close()

    def _ask(
        self, permit: Permit, method: str, path: str, *, body: Any, asked: Iterable[str]
    ) -> Answer:
        key = permit.use(Vendor.TAVILY)
        headers = {"Authorization": f"Bearer {key}"}
        answer = self._exchange.send(method, path, headers=headers, body=body)
        if answer.status != 200:
            raise _error(answer, asked=[key, *asked])
        return answer


def _credits(shape: Shape) -> int | None:
    """What the answer says it cost; a price that cannot be read leaves the reservation charged."""
    usage = shape.values.get("usage")
    value = usage.get("credits") if isinstance(usage, dict) else None
    is_price = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_price else None


def _reference(shape: Shape) -> str:
    value = shape.values.get("request_id")
    return value if isinstance(value, str) else ""


def _error(answer: Answer, *, asked: list[str]) -> TavilyError:
    """The error that an answer other than 200 stands for."""
    said = words_of(_detail(answer.body), asked=asked)
    also = f" It says: {said}" if said else ""
    status = answer.status
    match status:
        case 401 | 403:
            return TavilyError(
                f"Tavily refuses the key ({status}). Enter another one under Vendors.{also}",
                code="key", charge=Charge.NONE, halt=Halt.KEY, status=status,
            )  # fmt: skip
        case 429:
            wait = _seconds(answer)
            asked_for = "" if wait is None else f" It asks us to wait {wait:g} s."
            return TavilyError(
                f"Tavily has had too many requests in a minute.{asked_for}",
                code="rate", retryable=True, charge=Charge.NONE, retry_after=wait, status=status,
            )  # fmt: skip
        case 432 | 433:
            what = "of the plan or key" if status == 432 else "of pay-as-you-go"
            return TavilyError(
                f"The Tavily credits {what} are used up ({status}). Raise the limit at Tavily, or"
                " wait for its next billing cycle; then allow it again under Vendors.",
                code="credits", charge=Charge.NONE, halt=Halt.CREDITS, status=status,
            )  # fmt: skip
        case 422:
            fields = _fields(answer.body)
            return TavilyError(
                f"Tavily could not read our question{fields} (422). This is a defect of ours.",
                code="rejected", status=status,
            )  # fmt: skip
        case 404 | 405 | 410:
            return TavilyError(
                f"There is no search at Tavily's address ({status}). Check TAVILY_BASE_URL.",
                code="rejected", charge=Charge.NONE, status=status,
            )  # fmt: skip
    return of_status(status, vendor="Tavily", error=TavilyError, also=also)


def _detail(body: Any) -> str:
    """The vendor's words in any of the shapes they come in."""
    if not isinstance(body, dict):
        return body if isinstance(body, str) else ""
    detail = body.get("detail", body.get("error"))
    if isinstance(detail, dict):
        detail = detail.get("error")
    return detail if isinstance(detail, str) else ""


def _fields(body: Any) -> str:
    """Names of the fields the validator complains of; never what stood in them."""
    detail = body.get("detail") if isinstance(body, dict) else None
    places = [each.get("loc") for each in detail if isinstance(each, dict)] if isinstance(
        detail, list) else []  # fmt: skip
    names = {place[-1] for place in places if isinstance(place, list) and place}
    known = sorted(name for name in names if isinstance(name, str) and _FIELD.fullmatch(name))
    return f": {', '.join(known)}" if known else ""


def _seconds(answer: Answer) -> float | None:
    wait = answer.count("retry-after")
    return None if wait is None else float(wait)
