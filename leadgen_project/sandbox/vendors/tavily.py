"""Tavily on loopback: a search over the made-up web, as strict as the contract.

A query that holds a company's name finds what a real search would: its own site at some place
among directories, social networks and other companies' sites, or only those where it has none.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.companies import Company
from leadgen_project.sandbox.loopback import Reply, Request
from leadgen_project.sandbox.names import without_legal_suffix
from leadgen_project.sandbox.vendors.stand_in import VendorCall, VendorStandIn, reply_json

KEY = "tvly-sandbox"
MAX_QUERY = 400
_DEPTHS = {"basic": 1, "fast": 1, "ultra-fast": 1, "advanced": 2}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "query": str, "search_depth": str, "topic": str, "max_results": int, "chunks_per_source": int,
    "time_range": str, "start_date": str, "end_date": str, "include_answer": (bool, str),
    "include_raw_content": (bool, str), "include_images": bool, "include_favicon": bool,
    "include_image_descriptions": bool, "include_usage": bool, "exact_match": bool,
    "include_domains": list, "exclude_domains": list, "country": str, "auto_parameters": bool,
    "safe_search": bool,
}  # fmt: skip
_ABOUT = (
    "https://www.sgpbusiness.com/company/{slug}",
    "https://www.facebook.com/{slug}",
    "https://sg.linkedin.com/company/{slug}",
    "https://recordowl.com/company/{slug}",
    "https://www.yellowpages.com.sg/listing/{slug}",
    "https://www.tripadvisor.com/{slug}",
    "https://www.bizfile.gov.sg/ngbbizfileinternet/{slug}",
    "https://shopee.sg/{slug}",
)
Shape = Callable[[str], Any]
SHAPES: dict[str, Shape] = {  # how an error's body has been seen to look
    "dict": lambda text: {"detail": {"error": text}},
    "error": lambda text: {"error": text},
    "text": lambda text: {"detail": text},
    "list": lambda text: {"detail": [{"type": "value_error", "loc": ["body", "query"],
                                      "msg": text, "input": "as it was asked"}]},
}  # fmt: skip


@dataclass(slots=True)
class TavilyStandIn(VendorStandIn):
    """``truth`` gives the companies. ``per_minute`` is a development key's limit.

    ``paygo``: an empty account answers 433 instead of 432. ``error_shape`` is one of ``SHAPES``.
    ``change`` spoils an answer's body, as a vendor does that changes without telling.
    """

    truth: Callable[[], Sequence[Company]] = tuple
    keys: set[str] = field(default_factory=lambda: {KEY})
    per_minute: int = 100
    usage_per_ten_minutes: int = 10
    paygo: bool = False
    error_shape: str = "dict"
    change: Callable[[dict[str, Any]], Any] | None = None
    _times: dict[str, deque[float]] = field(default_factory=dict, init=False)

    def _key(self, request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def _trouble(self, status: int) -> Reply:
        text = "Your request has been blocked due to excessive requests."
        headers = (("retry-after", "1"),) if status == 429 else ()
        said = {"error": text} if status == 429 else {"detail": {"error": "Internal Server Error"}}
        return reply_json(said, status, headers=headers)

    def _answer(self, request: Request, call: VendorCall) -> Reply:
        route = request.method, request.path
        if route not in (("POST", "/search"), ("GET", "/usage")):
            return reply_json({"detail": "Not Found"}, 404)
        if call.key not in self.keys:
            return self._refuse(401, "Unauthorized: missing or invalid API key.")
        if (wait := self._must_wait(request.path)) > 0:
            text = "Your request has been blocked due to excessive requests."
            headers = (("retry-after", str(int(wait) + 1)),)
            return reply_json({"error": text}, 429, headers=headers)
        if request.path == "/usage":
            return reply_json(self._usage())
        return self._search(call)

    def _refuse(self, status: int, text: str) -> Reply:
        return reply_json(SHAPES[self.error_shape](text), status)

    def _must_wait(self, path: str) -> float:
        """Seconds until this path may be asked again; takes a turn when it is 0."""
        most, window = (
            (self.usage_per_ten_minutes, 600.0) if path == "/usage" else (self.per_minute, 60.0)
        )
        times, now = self._times.setdefault(path, deque()), time.monotonic()
        while times and times[0] <= now - window:
            times.popleft()
        if len(times) >= most:
            return times[0] + window - now
        times.append(now)
        return 0.0

    def _search(self, call: VendorCall) -> Reply:
        asked = call.question
        if wrong := _mistyped(asked):
            detail = [{"type": kind, "loc": ["body", name], "msg": f"{name}: {kind}",
                       "input": asked.get(name) if isinstance(asked, dict) else asked}
                      for name, kind in wrong]  # fmt: skip
            return reply_json({"detail": detail}, 422)
        if text := _not_allowed(asked):
            return self._refuse(400, text)
        if not self._charge(call, _DEPTHS[asked.get("search_depth", "basic")]):
            text = "This request exceeds your plan's set usage limit. Please upgrade your plan."
            return self._refuse(433 if self.paygo else 432, text)
        answer: dict[str, Any] = {
            "query": asked["query"],
            "follow_up_questions": None,
            "answer": None,
            "images": [],
            "results": self._results(asked),
            "response_time": 0.01,
            "request_id": f"sandbox-{len(self.calls)}",
        }
        if asked.get("include_usage"):
            answer["usage"] = {"credits": call.units}
        return reply_json(self.change(answer) if self.change else answer)

    def _results(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        companies = self.truth()
        company = _named(asked["query"], companies)
        found = pages_about(company, companies) if company else []
        without = [domain.lower() for domain in asked.get("exclude_domains") or ()]
        kept = [url for url in found if not any(_is_at(url, domain) for domain in without)]
        name = company.trade_name if company else ""
        return [
            {
                "title": f"{name} (Sandbox)",
                "url": url,
                "content": f"{name}. A made-up page of the sandbox.",
                "score": round(0.97 - 0.06 * place, 2),
                "raw_content": None,
            }
            for place, url in enumerate(kept[: asked.get("max_results", 5)])
        ]

    def _usage(self) -> dict[str, Any]:
        used = self.charged
        split = {"search_usage": used, "extract_usage": 0, "crawl_usage": 0, "map_usage": 0,
                 "research_usage": 0}  # fmt: skip
        limit = None if self.credits is None else used + self.credits
        return {
            "key": {"usage": used, "limit": limit, **split},
            "account": {"current_plan": "Sandbox", "plan_usage": used, "plan_limit": limit,
                        "paygo_usage": 0, "paygo_limit": None, **split},
        }  # fmt: skip


def pages_about(company: Company, companies: Sequence[Company]) -> list[str]:
    """What a search finds for ``company``, best first: its site among what is not its own."""
    chance = dice("tavily", company.uen)
    slug = "-".join(without_legal_suffix(company.name).lower().split())
    found = [page.format(slug=slug) for page in chance.sample(_ABOUT, 4)]
    others = [one.host for one in companies if one.host and one is not company]
    strangers = [company.other_host] if company.other_host else []
    strangers += chance.sample(others, min(2, len(others)))
    found += [f"http://{host}/" for host in strangers]
    chance.shuffle(found)
    if company.host:
        found.insert(chance.randrange(3), f"http://{company.host}/about")
    return found


def _named(query: str, companies: Sequence[Company]) -> Company | None:
    """The company whose name the query holds; of several the longest name."""
    asked = _words(query)
    found = [one for one in companies if _words(without_legal_suffix(one.name)) in asked]
    return max(found, key=lambda one: len(one.name), default=None)


def _words(text: str) -> str:
    """Its words in capitals with a space about each."""
    return f" {' '.join(re.findall(r'[A-Z0-9]+', text.upper()))} "


def _is_at(url: str, domain: str) -> bool:
    host = url.partition("://")[2].partition("/")[0]
    return host == domain or host.endswith("." + domain)


def _mistyped(asked: Any) -> list[tuple[str, str]]:
    """Fields the validator answers 422 for: missing, unknown or of the wrong type."""
    if not isinstance(asked, dict) or "query" not in asked:
        return [("query", "missing")]
    wrong = []
    for name, value in asked.items():
        kinds = _TYPES.get(name)
        if kinds is None:
            wrong.append((name, "extra_forbidden"))
        elif not isinstance(value, kinds) or (isinstance(value, bool) and kinds is int):
            wrong.append((name, "type_error"))
    return wrong


def _not_allowed(asked: dict[str, Any]) -> str:
    """Why a value is refused with 400; empty when none is."""
    checks = (
        (not asked["query"].strip(), "Query is missing."),
        (len(asked["query"]) > MAX_QUERY,
         "Query is too long. Max query length is 400 characters."),
        (asked.get("search_depth", "basic") not in _DEPTHS, "Invalid search depth."),
        (asked.get("topic", "general") not in ("general", "news", "finance"), "Invalid topic."),
        (not 0 <= asked.get("max_results", 5) <= 20, "Max results must be between 0 and 20."),
        (len(asked.get("include_domains") or ()) > 300, "Max 300 domains can be included."),
        (len(asked.get("exclude_domains") or ()) > 150, "Max 150 domains can be excluded."),
        ("country" in asked and asked.get("topic", "general") != "general",
         "Country is only available with topic general."),
        (asked.get("country", "singapore") != asked.get("country", "singapore").lower(),
         "Invalid country."),
    )  # fmt: skip
    return next((text for is_wrong, text in checks if is_wrong), "")
