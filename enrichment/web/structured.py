"""Structured data a page carries for machines: JSON-LD and microdata, read leniently.

Both come out as the same shape: a list of nodes, each a ``dict`` with ``@type`` and properties, so
that a rule written for one also reads the other.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

MAX_SCRIPT = 400_000  # characters of one JSON-LD script
MAX_NODES = 500
MAX_DEPTH = 12

Node = dict[str, Any]

_WRAPPING = re.compile(r"^\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)\s*")
_UNWRAPPING = re.compile(r"\s*(?:-->|//\s*\]\]>|/\*\s*\]\]>\s*\*/|\]\]>)\s*;?\s*$")
_TRAILING_COMMA = re.compile(r",(\s{0,200}[}\]])")
_LINE_COMMENT = re.compile(r"(?m)^\s{0,200}//[^\n]*$")


def _load(text: str) -> Any:
    text = _UNWRAPPING.sub("", _WRAPPING.sub("", text[:MAX_SCRIPT])).strip().rstrip(";")
    for forgive in (_as_written, _without_slips, _without_entities):
        try:
            return json.loads(forgive(text), strict=False)
        except (ValueError, RecursionError):
            continue  # the next one forgives more
    return None


def _as_written(text: str) -> str:
    return text


def _without_slips(text: str) -> str:
    return _TRAILING_COMMA.sub(r"\1", _LINE_COMMENT.sub("", text))


def _without_entities(text: str) -> str:
    return _without_slips(html.unescape(text))


def _nodes(value: Any, depth: int = 0) -> Iterator[Node]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value[:MAX_NODES]:
            yield from _nodes(item, depth + 1)
    elif isinstance(value, dict):
        yield value
        yield from _nodes(value.get("@graph"), depth + 1)
        yield from _nodes(value.get("mainEntity"), depth + 1)


def read_jsonld(root: Any) -> list[Node]:
    """All JSON-LD nodes of the page, ``@graph`` opened; broken scripts are passed over."""
    found: list[Node] = []
    for script in root.iter("script"):
        kind = script.get("type", "").lower()
        if "ld+json" not in kind:
            continue
        found.extend(_nodes(_load(script.text or "")))
        if len(found) >= MAX_NODES:
            break
    return found[:MAX_NODES]


def read_microdata(root: Any) -> list[Node]:
    """All top-level microdata items of the page, in the shape of JSON-LD."""
    items: list[Node] = []
    for element in root.iter():
        if isinstance(element.tag, str) and "itemscope" in element.attrib:
            if "itemprop" not in element.attrib:
                items.append(_item(element, 0))
            if len(items) >= MAX_NODES:
                break
    return items


def _item(element: Any, depth: int) -> Node:
    node: Node = {"@type": element.get("itemtype", "").rstrip("/").rsplit("/", 1)[-1]}
    waiting = list(reversed(element))
    seen = 0
    while waiting and seen < MAX_NODES * 10:
        child = waiting.pop()
        seen += 1
        if not isinstance(child.tag, str):
            continue
        scoped = "itemscope" in child.attrib
        value: Any = None
        for name in child.get("itemprop", "").split():
            if value is None:
                nested = scoped and depth < MAX_DEPTH
                value = _item(child, depth + 1) if nested else _value(child, name)
            node.setdefault(name, []).append(value)
        if not scoped:
            waiting.extend(reversed(child))
    return node


def _value(element: Any, name: str) -> str:
    for attribute in ("content", "datetime", "value"):
        if element.get(attribute):
            return str(element.get(attribute)).strip()
    if name in ("url", "sameAs", "image", "logo", "item", "map") or element.tag == "link":
        return str(element.get("href") or element.get("src") or "").strip()
    return " ".join("".join(element.itertext()).split())[:2000]
