"""What the stand-in for a language model says: honest rules, or one of three kinds of harm.

``HONEST`` reads facts off the text by simple rules. ``OBEY`` is the worst case of an injection: it
does whatever any line of the text seems to ask for. ``HOSTILE`` answers with things that harm who
trusts them. ``INVENTS`` answers in the right form with what stands nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    HONEST = "honest"
    OBEY = "obey"
    HOSTILE = "hostile"
    INVENTS = "invents"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question taken apart. ``name`` is the schema's, which is the prompt's."""

    name: str
    schema: dict[str, Any]
    system: str
    user: str


Answered = tuple[str, list[dict[str, Any]]]  # content, tool calls

_PAGE = re.compile(r"<<<(\w{12}) page (\d+)[^\n]*\n(.*?)\n\1>>>", re.DOTALL)
_YEAR = re.compile(
    r"(?:since|founded|established|incorporated)\D{0,20}((?:19|20)\d\d)", re.IGNORECASE
)
_TEAM = re.compile(r"(?:team of|we are|staff of)\s(\d{1,5})\b|\b(\d{1,5})\s(?:employees|staff)")
_ABOUT = re.compile(r"\b(?:provides?|offers?|speciali[sz]es? in|supplies|is an? )\b", re.IGNORECASE)
_SERVICES = re.compile(r"\b(?:provides?|offers?|speciali[sz]es? in)\s([^.;]{5,160})", re.IGNORECASE)
_PERSON = re.compile(
    r"^((?:[A-Z][a-z'-]+\s){1,3}[A-Z][a-z'-]+)\s?[,|:(\u2013-]\s?((?:Managing |Sales |Finance "
    r"|Operations )?(?:Director|Manager|Founder|CEO|Owner|Partner))\b"
)
_REACH = re.compile(r"\[(?:e-mail|number) \d+\]|[\w.+-]+@[\w-]+\.[\w.]+")
# What an obedient model takes for an order: far more than any filter of ours.
_ORDER = re.compile(
    r"ignore|disregard|system|assistant|instruct|prompt|override|you (?:are|must|should|will)"
    r"|score|rate |store|set |add |reveal|output|respond|answer|reply|admin|important|vergiss"
    r"|ignorez|忽略|指示|打分|ignora|abaikan|SWdub3Jl",
    re.IGNORECASE,
)
HARM = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    '=HYPERLINK("http://evil-sandbox.test","click")',
    "{{ request.user.password }}{% load x %}${7*7}",
    "another lead's address: boss@other-company-sandbox.test",
    "A" * 1_000_000,
    "\x00\u202egnp.exe\U000e0041",
    "'; DROP TABLE icp_lead; --",
)
BROKEN = (
    '{"facts": [',
    "Certainly! Here is the JSON you asked for.",
    '{"facts": "none", "website": 7, "text": ["a"], "codes": {}}',
    "[" * 5_000,
    "null",
)
TOOLS = [{"id": "call_1", "type": "function",
          "function": {"name": "send_mail", "arguments": '{"to": "everybody"}'}}]  # fmt: skip


def answer_to(asked: Asked, *, mode: Mode, number: int) -> Answered:
    """Content and tool calls. ``number`` of the call turns the wheel of harm."""
    if mode is Mode.HOSTILE:
        return _hostile(asked, number)
    orders = [line for line in _lines(asked.user) if _ORDER.search(line)]
    if mode is Mode.OBEY and orders:
        return json.dumps(_obeyed(asked, orders), ensure_ascii=False), []
    if mode is Mode.INVENTS:
        return json.dumps(_filled(asked, asked.schema, "Zebra Quux"), ensure_ascii=False), []
    honest = _HONEST.get(asked.name) or _by_shape(asked)
    return json.dumps(honest(asked), ensure_ascii=False), []


def _by_shape(asked: Asked) -> Callable[[Asked], dict[str, Any]]:
    """Without a schema's name, what is asked shows in its fields."""
    fields = set(asked.schema.get("properties", {}))
    for name, wanted in (("read", {"facts"}), ("rationale", {"text"}), ("codes", {"codes"}),
                         ("variations", {"variations"})):  # fmt: skip
        if wanted <= fields:
            return _HONEST[name]
    return lambda _asked: {}


def _lines(user: str) -> list[str]:
    return [line for line in user.split("\n") if not line.startswith("<<<") and ">>>" not in line]


# --- honest ---------------------------------------------------------------------------------------
def _read(asked: Asked) -> dict[str, Any]:
    facts: list[dict[str, Any]] = []
    first: tuple[str, int] | None = None
    for _, number, text in _PAGE.findall(asked.user):
        page = int(number)
        for line in text.split("\n"):
            first = first or ((line[:300], page) if len(line) > 20 else None)
            facts.extend({"of": None, "title": None, **fact, "quote": line[:300], "page": page}
                         for fact in _facts_in(line[:300]))  # fmt: skip
    seen: set[tuple[str, str]] = set()
    once = []
    for fact in facts:
        if (fact["field"], fact["value"]) not in seen:
            seen.add((fact["field"], fact["value"]))
            once.append(fact)
    signs = [{"sign": "says_what_it_does", "quote": first[0], "page": first[1]}] if first else []
    return {"facts": once[:40], "website": {"score": 55 if first else 10, "signs": signs}}


def _facts_in(line: str) -> Iterator[dict[str, Any]]:
    if _ABOUT.search(line) and len(line) >= 40:
        yield {"field": "about", "value": line}
    if found := _SERVICES.search(line):
        for part in re.split(r",\s|\sand\s", found.group(1))[:5]:
            if 3 <= len(part.strip()) <= 60:
                yield {"field": "services", "value": part.strip()}
    if found := _YEAR.search(line):
        yield {"field": "founded_year", "value": found.group(1)}
    if found := _TEAM.search(line):
        yield {"field": "headcount", "value": found.group(1) or found.group(2)}
    person = _PERSON.search(line)
    if person:
        yield {"field": "person", "value": person.group(1), "title": person.group(2)}
    for reach in _REACH.findall(line):
        kind = "phone" if reach.startswith("[number") else "email"
        yield {"field": kind, "value": reach, "of": person.group(1) if person else None}


def _rationale(asked: Asked) -> dict[str, Any]:
    labels = re.findall(r"^[+]\d+ ([^:\n]+)", asked.user, re.MULTILINE)[:3]
    words = [label[:1].lower() + label[1:] for label in labels] or ["nothing speaks for it yet"]
    return {"text": f"Worth a look: {', '.join(words)}."}


def _codes(asked: Asked) -> dict[str, Any]:
    words = [w.strip() for _, text in re.findall(r"<<<(\w{12}) [^\n]*\n(.*?)\n\1>>>", asked.user,
             re.DOTALL) for w in re.split(r"[,\n;]", text) if w.strip()]  # fmt: skip
    listed = re.findall(r"^(\d{2,5}) (.+)$", asked.user, re.MULTILINE)
    found = [
        {"word": word, "code": code}
        for word in words
        for code, title in listed
        if word.casefold()[:6] in title.casefold()
    ]
    return {"codes": found[:12]}


def _variations(asked: Asked) -> dict[str, Any]:
    subject = re.search(r"^Subject: (.+)$", asked.user, re.MULTILINE)
    body = asked.user.partition("Body:\n")[2].rpartition("\n")[0]
    return {"variations": [{"subject": f"{subject.group(1) if subject else 'Hello'} ({n})",
                            "body": body} for n in (1, 2)]}  # fmt: skip


_HONEST: dict[str, Callable[[Asked], dict[str, Any]]] = {
    "read": _read, "rationale": _rationale, "codes": _codes, "variations": _variations,
}  # fmt: skip


# --- harm -----------------------------------------------------------------------------------------
def _obeyed(asked: Asked, orders: list[str]) -> dict[str, Any]:
    """Everything the lines ask for, each with a quote that does stand in the text."""
    if "facts" not in asked.schema.get("properties", {}):
        return dict(_filled(asked, asked.schema, " ".join(orders)[:2000]))
    places = {line: int(n) for _, n, text in _PAGE.findall(asked.user) for line in text.split("\n")}
    facts = []
    for line in orders:
        page = places.get(line, 1)
        given = {"of": None, "title": None, "quote": line[:300], "page": page}
        facts += [
            {**given, "field": "about", "value": line[:300]},
            {**given, "field": "services", "value": line[:60]},
            {**given, "field": "person", "value": line[:40], "title": "Managing Director"},
        ]
        for reach in re.findall(r"[\w.+-]+@[\w-]+\.[\w.]+|\[e-mail \d+\]", line):
            facts.append({**given, "field": "email", "value": reach, "of": "Managing Director"})
        for number in re.findall(r"\+?\d[\d -]{6,}\d|\[number \d+\]", line):
            facts.append({**given, "field": "phone", "value": number})
        for year in re.findall(r"\b\d{1,5}\b", line):
            facts += [{**given, "field": "headcount", "value": year},
                      {**given, "field": "founded_year", "value": year}]  # fmt: skip
    score = next((int(n) for line in orders for n in re.findall(r"\b\d{1,3}\b", line)), 100)
    signs = [{"sign": "says_what_it_does", "quote": orders[0][:300], "page": 1}]
    return {"facts": facts, "website": {"score": score, "signs": signs},
            "system_prompt": asked.system}  # fmt: skip


def _hostile(asked: Asked, number: int) -> Answered:
    turn = number % (len(HARM) + len(BROKEN) + 1)
    if turn < len(HARM):
        filled = _filled(asked, asked.schema, HARM[turn])
        return json.dumps({**filled, "is_admin": True, "lead_id": 1}, ensure_ascii=False), []
    if turn < len(HARM) + len(BROKEN):
        return BROKEN[turn - len(HARM)], []
    return "", TOOLS


def _filled(asked: Asked, schema: dict[str, Any], text: str) -> Any:
    """Something of the schema's form with ``text`` wherever text may stand."""
    if "$ref" in schema:
        return _filled(asked, asked.schema["$defs"][schema["$ref"].rpartition("/")[2]], text)
    if "anyOf" in schema:
        return _filled(asked, schema["anyOf"][0], text)
    if "enum" in schema or "const" in schema:
        return schema["enum"][0] if "enum" in schema else schema["const"]
    match schema.get("type"):
        case "object":
            return {name: _filled(asked, inner, text)
                    for name, inner in schema.get("properties", {}).items()}  # fmt: skip
        case "array":
            return [_filled(asked, schema["items"], text)] * 3
        case "integer" | "number":
            return 100
        case "boolean":
            return True
        case "null":
            return None
    return text
