"""OpenStreetMap by the Overpass API: businesses with one of a category's tags in a city's area.

A city is an area id, confirmed once and kept with the source (``options["areas"]``); a name alone
is ambiguous. There is no paging: what gives as many entries as are asked for at most is asked
again tag by tag, then by quarters of the city.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from enrichment.clients.overpass import OverpassClient, OverpassError
from enrichment.harvest.categories import Tag, category_of
from enrichment.harvest.reading import Cursor, Entry, Page, SourceError, UnclearError, Wish
from enrichment.harvest.record import Record
from enrichment.observation import storable

LIMIT: Final = 500
SMALLEST_DEGREES: Final = 0.002  # about 200 m
AREA_OF_RELATION: Final = 3_600_000_000
SOURCE, HOME = "overpass", "https://www.openstreetmap.org"
_BOX: Final = ("minlat", "minlon", "maxlat", "maxlon")
#: A place that is gone keeps its tags under these.
_GONE: Final = ("disused:", "was:", "abandoned:", "demolished:", "removed:")
#: Not a business whatever else it is: the website most often met in Helsinki is on its artworks.
_NO_BUSINESS: Final = frozenset({("tourism", "artwork"), ("historic", "memorial")})


class Manners(Protocol):
    """What ``pace.Pace`` offers."""

    def spend(self, *, requests: int = 1) -> None: ...
    def turn(self, host: str) -> AbstractContextManager[Callable[[float], None]]: ...


@dataclass(slots=True)
class OverpassReader:
    """Reads one source. ``options["areas"]``: city in lower case -> {area, box, label}.

    One noted by hand has no box, by which a city that is too large is divided; it is asked for.
    """

    client: OverpassClient
    manners: Manners
    host: str
    options: dict[str, Any]
    licence: str
    attribution: str

    def read(self, wish: Wish, *, cursor: Cursor) -> Page:
        """One query: the first finds the city when it is not known yet."""
        areas = self.options.get("areas") or {}
        area = cursor.get("area") or areas.get(wish.city.casefold())
        if area is None:
            area = _only(self.look_up(wish.town, within=wish.region or wish.country), wish)
            return _found(area, wish)
        if not (cursor or area.get("box")):  # noted by hand: a number without bounds
            return _found(self._bounded(area), wish)
        tags = category_of(wish.category).tags
        todo = cursor.get("todo") or [[list(range(len(tags))), None]]
        which, box = todo[0]
        asked = [tags[number] for number in which]
        finer = _finer(which, box or area.get("box"))
        try:
            answer = self._ask(question(area["area"], asked, box=box))
        except OverpassError as exc:
            if not (exc.is_too_much and finer):
                raise SourceError(str(exc), retry_after=exc.retry_after) from exc
            return Page((), {"area": area, "todo": [*finer, *todo[1:]]}, requests=1)
        elements = answer["elements"]
        rest = [*(finer if len(elements) >= LIMIT else []), *todo[1:]]
        return Page(
            tuple(self._entries(elements, wish)),
            {"area": area, "todo": rest} if rest else None,
            "OpenStreetMap lists no more of them in this city.",
            requests=1,
        )

    def detail(self, wish: Wish, *, entry: Entry) -> Entry:
        """Never called: every entry comes with its record."""
        raise SourceError(f"{entry.key} has no page of its own.")

    def look_up(self, city: str, *, within: str) -> list[dict[str, Any]]:
        """Areas called ``city`` in a country or state: ``{area, label, level, box}``, by level.

        Costs one query. Raises ``SourceError``.
        """
        try:
            answer = self._ask(city_question(city, within=within))
        except OverpassError as exc:
            raise SourceError(str(exc), retry_after=exc.retry_after) from exc
        found = [_area(element) for element in answer["elements"] if element.get("bounds")]
        return sorted(found, key=lambda one: (one["level"], one["area"]))

    def _bounded(self, area: dict[str, Any]) -> dict[str, Any]:
        """The area a person noted, with its name and bounds. Costs one query."""
        relation = int(area["area"]) - AREA_OF_RELATION
        try:
            answer = self._ask(bounds_question(relation))
        except OverpassError as exc:
            raise SourceError(str(exc), retry_after=exc.retry_after) from exc
        found = [element for element in answer["elements"] if element.get("bounds")]
        if not found:
            raise SourceError(
                f"OpenStreetMap has no relation {relation} with an area. Look up the city's"
                " relation there and note it under Harvest sources."
            )
        return _area(found[0])

    def _ask(self, text: str) -> dict[str, Any]:
        self.manners.spend()
        with self.manners.turn(self.host) as stay_away:
            try:
                return self._query(text)
            except OverpassError as exc:
                stay_away(exc.pause)
                raise

    def _query(self, text: str) -> dict[str, Any]:
        wait = self.client.wait_seconds()
        if wait > 0:
            raise OverpassError(f"Overpass has no slot for {wait:.0f} s.", retry_after=wait)
        return self.client.query(text)

    def _entries(self, elements: list[Any], wish: Wish) -> Iterator[Entry]:
        for element in elements:
            if isinstance(element, dict) and (entry := self._entry(element, wish)):
                yield entry

    def _entry(self, element: dict[str, Any], wish: Wish) -> Entry | None:
        tags = {str(name): storable(str(value)) for name, value in
                (element.get("tags") or {}).items()}  # fmt: skip
        if element.get("type") not in ("node", "way", "relation") or "id" not in element:
            return None
        key = f"{element['type']}/{int(element['id'])}"
        url = f"{HOME}/{key}"
        name = tags.get("name", "").strip()
        if not name:
            return Entry(key, url, code="no_name", sentence="It has no name.")
        if _NO_BUSINESS & tags.items():
            return Entry(key, url, code="no_business", sentence=f"{name} is no business."[:300])
        if any(each.startswith(_GONE) for each in tags):
            return Entry(key, url, code="closed", sentence=f"{name} is marked as gone."[:300])
        return Entry(key, url, self._record(element, tags, key=key, url=url, wish=wish))

    def _record(
        self, element: dict[str, Any], tags: dict[str, str], *, key: str, url: str, wish: Wish
    ) -> Record:
        centre = element.get("center") or element
        known = category_of(wish.category).tags
        return Record(
            source=SOURCE, source_id=key, source_url=url, retrieved_at=wish.now,
            licence=self.licence, attribution=self.attribution, name=tags["name"].strip(),
            category=wish.category,
            source_category=" ".join(f"{name}={tags[name]}" for name, value in known
                                     if name in tags and value in ("", tags[name])),
            phones=_split(tags, "phone", "contact:phone", "contact:mobile"),
            emails=_split(tags, "email", "contact:email"),
            websites=_split(tags, "website", "contact:website", "url"),
            socials=_split(tags, "contact:facebook", "contact:instagram"),
            street=tags.get("addr:street", ""), housenumber=tags.get("addr:housenumber", ""),
            postcode=tags.get("addr:postcode", ""), city=tags.get("addr:city", "") or wish.town,
            country=wish.country, lat=centre.get("lat"), lon=centre.get("lon"),
            images=_split(tags, "image")[:1], opening_hours=tags.get("opening_hours", ""),
            raw=storable(json.dumps(element, ensure_ascii=False)),
        )  # fmt: skip


def question(area: int, tags: list[Tag], *, box: list[float] | None = None) -> str:
    """The query for named things with one of ``tags``; ``box``: south, west, north, east."""
    where = "(area.a)" + (f"({','.join(f'{edge:.6f}' for edge in box)})" if box else "")
    wanted = "".join(f'nwr[{_pair(*tag)}]["name"]{where};' for tag in tags)
    return (
        "[out:json][timeout:60][maxsize:536870912];\n"
        f"area({int(area)})->.a;\n({wanted});\nout center tags {LIMIT};"
    )


def city_question(city: str, *, within: str) -> str:
    """The query for administrative areas of that name, in any case, with their bounds.

    ``within``: a country (ISO 3166 alpha-2) or a state (ISO 3166-2).
    """
    norm = "ISO3166-2" if "-" in within else "ISO3166-1"
    name = _quoted(f"^{_literal(city)}$")
    return (
        "[out:json][timeout:25];\n"
        f'area["{norm}"={_quoted(within)}]->.c;\n'
        f'rel["boundary"="administrative"][~"^name(:en)?$"~{name},i](area.c);\n'
        "out tags bb 20;"
    )


def bounds_question(relation: int) -> str:
    """The query for one relation's name and bounds."""
    return f"[out:json][timeout:25];\nrel({int(relation)});\nout tags bb 1;"


def _found(area: dict[str, Any], wish: Wish) -> Page:
    """No entries yet: the city is known from now on, here and at every later harvest."""
    return Page((), {"area": area}, requests=1, notes={"areas": {wish.city.casefold(): area}})


def _pair(key: str, value: str) -> str:
    return f"{_quoted(key)}={_quoted(value)}" if value else _quoted(key)


def _quoted(text: str) -> str:
    """A string of Overpass QL. Control characters have no place in a name."""
    plain = "".join(char for char in text if char.isprintable())
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _literal(text: str) -> str:
    """``text`` as a POSIX expression that matches nothing else."""
    return re.sub(r"([.\\*+?\[\](){}^$|])", r"\\\1", text)


def _split(tags: dict[str, str], *names: str) -> tuple[str, ...]:
    """The values of some tags; several in one are joined by semicolons."""
    parts = (part.strip() for name in names for part in tags.get(name, "").split(";"))
    return tuple(dict.fromkeys(part for part in parts if part))


def _finer(which: list[int], box: list[float] | None) -> list[list[Any]]:
    """Smaller questions that together ask the same; none when it cannot be divided."""
    if len(which) > 1:
        return [[[number], box] for number in which]
    if box is None:
        return []
    south, west, north, east = box
    if north - south < SMALLEST_DEGREES or east - west < SMALLEST_DEGREES:
        return []
    middle, centre = (south + north) / 2, (west + east) / 2
    quarters = ([south, west, middle, centre], [south, centre, middle, east],
                [middle, west, north, centre], [middle, centre, north, east])  # fmt: skip
    return [[which, quarter] for quarter in quarters]


def _area(element: dict[str, Any]) -> dict[str, Any]:
    tags = element.get("tags") or {}
    level = str(tags.get("admin_level", ""))
    part_of = f"relation {element['id']}"
    known_as = str(tags.get("wikipedia", "")).partition(":")[2]  # "Austin, Texas" tells it apart
    name = known_as or tags.get("name", "")
    return {
        "area": AREA_OF_RELATION + int(element["id"]),
        "level": int(level) if level.isdigit() else 99,
        "label": storable(f"{name} ({part_of}, level {level or '?'})")[:200],
        "box": [float(element["bounds"][edge]) for edge in _BOX],
    }


def _only(found: list[dict[str, Any]], wish: Wish) -> dict[str, Any]:
    """The one area a city can be. Of several, a person has to say which."""
    if not found:
        raise SourceError(
            f"OpenStreetMap has no city called {wish.city} in {wish.country}. See how it is written"
            " there, then give its area under Harvest sources."
        )
    if len(found) > 1:
        labels = "; ".join(one["label"] for one in found[:3])
        raise UnclearError(
            f"{len(found)} areas are called {wish.city}. Say which under Harvest sources, or ask"
            f" for it with its state; then start the harvest again. They are {labels}."[:400],
            notes={"unclear": {wish.city.casefold(): found}},
        )
    return found[0]
