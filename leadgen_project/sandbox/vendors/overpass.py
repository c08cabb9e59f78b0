"""Overpass API: strict about the query, and a few made-up cities behind it.

Contract: contracts for harvest sources, section 3. Only queries of the form the product writes are
understood; anything else is refused as the real one refuses a fault, by 400 and an HTML page.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.companies import Company
from leadgen_project.sandbox.loopback import Raw, Reply, Request
from leadgen_project.sandbox.vendors.stand_in import Fault, VendorCall, VendorStandIn, reply_json

COPYRIGHT = "Sandbox: made-up places, not from OpenStreetMap."
AREA_OF_RELATION = 3_600_000_000
#: City -> relation, country or state, bounds (south, west, north, east); OpenStreetMap's relations.
CITIES = {
    "austin": (113314, "US-TX", (30.1, -97.9, 30.5, -97.6)),
    "helsinki": (34914, "FI", (60.1, 24.8, 60.3, 25.2)),
    "singapore": (536780, "SG", (1.2, 103.6, 1.5, 104.1)),
}
#: Two places of one name, which only a person can tell apart.
AMBIGUOUS = {"portland": ((186579, "US-OR", (45.4, -122.8, 45.6, -122.5)),
                          (132502, "US-ME", (43.6, -70.4, 43.7, -70.2)))}  # fmt: skip
TAGS = (("shop", "hairdresser"), ("office", "consulting"), ("office", "accountant"),
        ("amenity", "restaurant"), ("craft", "plumber"), ("shop", "car_repair"))  # fmt: skip
A_TAG = 12  # made-up places of each tag and city
_NUMBER = r"-?\d+(?:\.\d+)?"
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_WANTED = re.compile(
    rf'nwr\[{_TEXT}(?:={_TEXT})?\]\["name"\]'
    rf"\(area\.a\)(?:\(({_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER})\))?;"
)
_QUERY = re.compile(
    r"\[out:json\]\[timeout:\d+\]\[maxsize:\d+\];\s*area\((\d+)\)->\.a;\s*"
    r"\((?P<wanted>.+)\);\s*out center tags (?P<limit>\d+);",
    re.DOTALL,
)
_CITY = re.compile(
    rf'\[out:json\]\[timeout:\d+\];\s*area\["ISO3166-[12]"={_TEXT}\]->\.c;\s*'
    rf'rel\["boundary"="administrative"\]\[~"\^name\(:en\)\?\$"~{_TEXT},i\]\(area\.c\);\s*'
    r"out tags bb \d+;",
    re.DOTALL,
)
_BOUNDS = re.compile(r"\[out:json\]\[timeout:\d+\];\s*rel\((\d+)\);\s*out tags bb \d+;")
Element = dict[str, Any]


class Trouble(StrEnum):
    """What may become of the next query."""

    SLOTS = "429"
    BUSY = "504"
    FAULT = "400"
    REMARK = "remark"
    SLOW = "slow"
    CUT = "cut"


@dataclass(slots=True)
class OverpassStandIn(VendorStandIn):
    """Serves ``/api/interpreter`` and ``/api/status``. ``places``: city -> elements, to be served
    instead of made-up ones. ``wait_seconds``: how long ``/api/status`` says there is no slot."""

    places: dict[str, list[Element]] = field(default_factory=dict)
    truth: Callable[[], Sequence[Company]] = tuple
    wait_seconds: int = 0
    _troubles: deque[Trouble] = field(default_factory=deque, init=False)

    @property
    def environment(self) -> dict[str, str]:
        """The setting that leads the product here."""
        return {"OVERPASS_URL": f"{self.url}/api/interpreter"}

    def trouble_next(self, *troubles: Trouble) -> None:
        """Spoil the next queries, one each, in this order; questions after slots stay good."""
        self._troubles.extend(troubles)

    @property
    def queries(self) -> list[VendorCall]:
        """The queries asked so far."""
        return self.asked("/api/interpreter")

    def answer(self, request: Request) -> Reply | bytes | Raw:
        if request.path == "/api/interpreter" and self._troubles:
            match self._troubles.popleft():
                case Trouble.SLOW:
                    self.fail_next(Fault.SLOW)
                case Trouble.CUT:
                    self.fail_next(Fault.TRUNCATED)
                case trouble:
                    call = VendorCall(time.monotonic(), request.method, request.path, "", "")
                    self.calls.append(call)
                    reply = _spoilt(trouble)
                    call.status, call.fault = reply.status, trouble
                    return reply
        return VendorStandIn.answer(self, request)

    def _answer(self, request: Request, call: VendorCall) -> Reply:
        if request.path == "/api/status" and request.method == "GET":
            return self._status()
        if request.path != "/api/interpreter" or request.method != "POST":
            return Reply(404, b"Sandbox: no such address.\n", "text/plain")
        if "contact" not in (agent := request.headers.get("user-agent", "")) and "+" not in agent:
            return _fault("the User-Agent names no contact")
        query = _form(request).get("data", "")
        call.question = query
        if named := _CITY.fullmatch(query.strip()):
            return self._areas(within=_plain(named[1]), pattern=_plain(named[2]))
        if one := _BOUNDS.fullmatch(query.strip()):
            return _reply(area for area, _, _ in _areas() if area["id"] == int(one[1]))
        if asked := _QUERY.fullmatch(query.strip()):
            return self._elements(int(asked[1]), asked["wanted"], limit=int(asked["limit"]))
        return _fault("line 1: parse error: unknown query, area or limit is missing")

    def _key(self, request: Request) -> str:
        return ""

    def _status(self) -> Reply:
        slots = "1 slots available now.\n"
        if self.wait_seconds:
            slots = f"Slot available after: 2026-11-22T08:00:00Z, in {self.wait_seconds} seconds.\n"
        text = f"Connected as: 1\nCurrent time: 2026-11-22T08:00:00Z\nRate limit: 2\n{slots}"
        return Reply(200, f"{text}Currently running queries:\n".encode(), "text/plain")

    def _areas(self, *, within: str, pattern: str) -> Reply:
        found = [
            area
            for area, name, home in _areas()
            if within in (home, home[:2]) and re.fullmatch(pattern.strip("^$"), name, re.IGNORECASE)
        ]
        return _reply(found)

    def _elements(self, area: int, wanted: str, *, limit: int) -> Reply:
        city = next((name for name, (relation, _, _) in CITIES.items()
                     if AREA_OF_RELATION + relation == area), None)  # fmt: skip
        parts = list(_WANTED.finditer(wanted))
        if "".join(part[0] for part in parts) != wanted.strip() or not limit:
            return _fault("line 3: parse error: ';' expected")
        if city is None:
            return _reply([])
        found = [element for element in self._places(city)
                 if any(_matches(element, part) for part in parts)]  # fmt: skip
        return _reply(found[:limit])

    def _places(self, city: str) -> list[Element]:
        if city not in self.places:
            made_up = _companies(self.truth()) if city == "singapore" else []
            self.places[city] = [*made_up, *_made_up(city, seed=self.seed)]
        return self.places[city]


def _areas() -> Iterator[tuple[Element, str, str]]:
    """Each city's relation with its bounds, its name and its country or state."""
    known = list(CITIES.items())
    known += [(name, one) for name, several in AMBIGUOUS.items() for one in several]
    for name, (relation, country, box) in known:
        bounds = dict(zip(("minlat", "minlon", "maxlat", "maxlon"), box, strict=True))
        tags = {"name": name.title(), "boundary": "administrative", "admin_level": "8"}
        yield {"type": "relation", "id": relation, "bounds": bounds, "tags": tags}, name, country


def _spoilt(trouble: Trouble) -> Reply:
    match trouble:
        case Trouble.FAULT:
            return _fault("line 1: parse error: Unexpected end of input (Sandbox)")
        case Trouble.REMARK:
            remark = 'runtime error: Query timed out in "query" at line 3 after 60 seconds.'
            return _reply([], remark=remark)
        case _:
            return Reply(int(trouble), b"<html><body>Sandbox: trouble</body></html>", "text/html")


def _reply(elements: Iterable[Element], **more: str) -> Reply:
    return reply_json({
        "version": 0.6, "generator": "Overpass API (Sandbox)",
        "osm3s": {"timestamp_osm_base": "2026-11-21T08:00:00Z", "copyright": COPYRIGHT},
        "elements": list(elements), **more,
    })  # fmt: skip


def _fault(words: str) -> Reply:
    body = f'<html><body><p><strong style="color:#FF0000">Error</strong>: {escape(words)} </p>'
    return Reply(400, f"{body}</body></html>".encode(), "text/html")


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _matches(element: Element, part: re.Match[str]) -> bool:
    key, value, box = _plain(part[1]), part[2], part[3]
    tags = element["tags"]
    if key not in tags or "name" not in tags or (value is not None and tags[key] != _plain(value)):
        return False
    if box is None:
        return True
    south, west, north, east = map(float, box.split(","))
    at = element.get("center") or element
    return bool(south <= at["lat"] < north and west <= at["lon"] < east)


def _made_up(city: str, *, seed: int) -> list[Element]:
    """Places nobody will find, with the flaws of real ones: several phones, no scheme, no name."""
    relation, country, (south, west, north, east) = CITIES[city]
    phone = {"US": "+1 512 474 {:04d}", "FI": "+358 9 6{:06d}", "SG": "+65 673{:05d}"}[country[:2]]
    found: list[Element] = []
    for kind, (key, value) in enumerate(TAGS):
        for number in range(A_TAG):
            chance = dice("place", seed, city, key, value, number)
            serial = kind * A_TAG + number
            slug = f"{value.replace('_', '-')}-{city}-{number + 1}"
            tags = {key: value, "name": f"Sandbox {value.replace('_', ' ').title()} {number + 1}",
                    "addr:city": city.title(), "addr:street": "Sandbox Street",
                    "addr:housenumber": str(number + 1)}  # fmt: skip
            if number % 3 != 2:
                tags["phone"] = phone.format(1000 + serial)
            if number % 5 == 1:
                tags["phone"] = "; ".join(
                    phone.format(each) for each in (2000 + serial, 3000 + serial)
                )
            if number % 2:
                tags["website"] = f"{slug}.com.test" if number % 4 == 1 else f"http://{slug}.test/"
            if number % 4 == 2:
                tags["email"] = f"hello@{slug}.com.test"
            found.append({
                "type": "node", "id": relation * 1000 + serial,
                "lat": round(south + (north - south) * chance.random(), 6),
                "lon": round(west + (east - west) * chance.random(), 6), "tags": tags,
            })  # fmt: skip
    return found


def _companies(companies: Iterable[Company]) -> list[Element]:
    """Consultancies that stand in the made-up register too, with their real-enough sites."""
    ours = [one for one in companies if one.host and not one.trap and one.phones][:A_TAG]
    return [
        {"type": "node", "id": 900_000 + number, "lat": 1.3, "lon": 103.8 + number / 1000,
         "tags": {"office": "consulting", "name": one.trade_name, "phone": one.phones[0],
                  "website": f"http://{one.host}/", "addr:postcode": one.postal_code,
                  "addr:city": "Singapore"}}
        for number, one in enumerate(ours)
    ]  # fmt: skip
