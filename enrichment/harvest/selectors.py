"""Where things stand on the pages of a listing site: CSS selectors, kept as data. Pure.

A place is written ``css``, ``css@attribute``, and with `` all`` behind it when every match counts:
``a.tel@href all``. Nothing is coded for one site.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from cssselect import SelectorError
from lxml.cssselect import CSSSelector

from enrichment.observation import storable
from enrichment.web.parse import Document
from enrichment.web.reading import squeeze
from tenants.places import name_of_city

MOST_PAGES: Final = 200
MOST_MATCHES: Final = 500
FIELDS: Final = ("title", "body", "posted_at", "phone", "email", "website", "image", "street",
                 "postcode", "opening_hours")  # fmt: skip
KEYS: Final = frozenset(
    ("list_url", "city_map", "category_map", "item", "item_link", "next", "max_pages", "detail",
     "body_scan", "captcha", "phone_region")
)  # fmt: skip
_PLACE = re.compile(r"(?P<css>.+?)(?:@(?P<attribute>[A-Za-z][\w:-]*))?(?P<all>\s+all)?", re.DOTALL)


class SelectorsError(ValueError):
    """The options of a listing site cannot be used; ``field`` names the one at fault."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Place:
    """One selector. ``attribute`` is empty for the text; ``is_all`` when every match counts."""

    css: str
    attribute: str = ""
    is_all: bool = False

    def elements(self, root: Any) -> list[Any]:
        """What it matches below ``root``, in page order, at most 500."""
        return list(_compiled(self.css)(root))[:MOST_MATCHES]

    def values(self, root: Any) -> tuple[str, ...]:
        """Texts or attributes, squeezed, without empty ones and repeats; the first unless all."""
        found = (self._value(element) for element in self.elements(root))
        kept = tuple(dict.fromkeys(value for value in found if value))
        return kept if self.is_all else kept[:1]

    def _value(self, element: Any) -> str:
        text = element.get(self.attribute) if self.attribute else element.text_content()
        return storable(squeeze(text or ""))


@lru_cache(maxsize=512)
def _compiled(css: str) -> CSSSelector:
    return CSSSelector(css, translator="html")


def place(text: str, *, field: str = "selector", attribute: str = "") -> Place:
    """``text`` as a place; ``attribute`` where it names none. Raises ``SelectorsError``."""
    found = _PLACE.fullmatch(text.strip())
    if found is None:
        raise SelectorsError(field, f"{field} is empty.")
    try:
        _compiled(found["css"].strip())
    except SelectorError as exc:
        raise SelectorsError(field, f"{field}: {text[:100]!r} is no CSS selector ({exc}).") from exc
    return Place(found["css"].strip(), found["attribute"] or attribute, bool(found["all"]))


def check(options: Mapping[str, Any]) -> None:
    """Raise ``SelectorsError`` for the first thing that cannot be used."""
    if unknown := sorted(set(options) - KEYS):
        raise SelectorsError(unknown[0], f"{unknown[0]} is no option of a listing site.")
    url = options.get("list_url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise SelectorsError("list_url", "list_url is the address of the list, with http(s)://.")
    _check_template(url, options)
    for name in ("city_map", "category_map", "detail"):
        kept = options.get(name, {})
        if not isinstance(kept, dict) or not all(isinstance(each, str) for each in kept.values()):
            raise SelectorsError(name, f"{name} goes from names to texts.")
    most = options.get("max_pages", 20)
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MOST_PAGES:
        raise SelectorsError("max_pages", f"max_pages is a number from 1 to {MOST_PAGES}.")
    _check_places(options)


def _check_template(url: str, options: Mapping[str, Any]) -> None:
    named = re.findall(r"{([^{}]*)}", url)
    if wrong := [name for name in named if name not in ("city", "category", "page")]:
        raise SelectorsError("list_url", f"list_url knows {{city}}, {{category}} and {{page}}, not"
                                         f" {{{wrong[0][:40]}}}.")  # fmt: skip
    if "{" in url.partition("://")[2].partition("/")[0]:
        raise SelectorsError("list_url", "list_url names its host itself.")
    if options.get("next") == "page" and "page" not in named:
        raise SelectorsError("next", "next is page, so list_url has to hold {page}.")


def _check_places(options: Mapping[str, Any]) -> None:
    texts = {"item": options.get("item"), **{f"detail.{name}": text for name, text in
             (options.get("detail") or {}).items()}}  # fmt: skip
    for name in ("item_link", "next", "captcha"):
        if options.get(name) and options[name] != "page" and not is_words(options[name]):
            texts[name] = options[name]
    for name, text in texts.items():
        if not isinstance(text, str):
            raise SelectorsError(name, f"{name} is missing.")
        place(text, field=name)
    if "title" not in (options.get("detail") or {}):
        raise SelectorsError("detail.title", "detail.title is missing: where does the name stand?")
    if wrong := sorted(set(options["detail"]) - set(FIELDS)):
        raise SelectorsError(
            f"detail.{wrong[0]}", f"detail has {', '.join(FIELDS)}, no {wrong[0]}."
        )


def is_words(captcha: Any) -> bool:
    """Whether a CAPTCHA is known by its words (``text:...``) rather than by a selector."""
    return isinstance(captcha, str) and captcha.startswith("text:")


def asks_for_a_person(document: Document, options: Mapping[str, Any]) -> bool:
    """Whether the page bears the source's own CAPTCHA marker."""
    marker = options.get("captcha")
    if not marker or document.root is None:
        return False
    if is_words(marker):
        return marker.removeprefix("text:").strip().casefold() in document.text.casefold()
    return bool(place(marker).elements(document.root))


def list_url(options: Mapping[str, Any], *, city: str, category: str, page: int) -> str:
    """The address of one page of the list; every value is quoted."""
    values = {"city": _mapped(options, "city_map", city) or name_of_city(city), "page": str(page),
              "category": _mapped(options, "category_map", category)}  # fmt: skip
    url = str(options["list_url"])
    for name, value in values.items():
        url = url.replace(f"{{{name}}}", quote(value, safe=""))
    return url


def _mapped(options: Mapping[str, Any], name: str, ours: str) -> str:
    known = {key.casefold(): theirs for key, theirs in (options.get(name) or {}).items()}
    left = "" if known or name == "city_map" else ours
    return str(known.get(ours.casefold(), left))


def fingerprint(options: Mapping[str, Any]) -> str:
    """What a trial was made of: another fingerprint needs another trial."""
    kept = {name: options[name] for name in sorted(options)}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
