"""Plain statements about the company: founded, head count, hiring, and notices against mail."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from enrichment.observation import Lines, Observation, Rule, best_of_each
from enrichment.web.parse import Document
from enrichment.web.reading import Region

RULE = Rule("facts", 1)
MAX_HINTS = 300
MAX_LINE = 5_000  # characters

_YEAR = r"(1[89]\d\d|20\d\d)"
_FOUNDED = re.compile(
    rf"\b(?:founded|established|incorporated|formed|started|set up|began|est\.?|estd\.?|inception"
    rf"|operating|in business|serving[^.\n]{{0,40}})\s{{0,2}}(?:in|on|since|from|:)?\s{{0,2}}"
    rf"(?:the year\s|\d{{1,2}}\s\w{{3,9}}\s|\w{{3,9}}\s)?{_YEAR}(?!\d)"
    rf"|\bsince\s{{1,2}}(?:the year\s)?{_YEAR}(?!\d)",
    re.IGNORECASE,
)
_FOUNDED_HINTS = (
    "since", "found", "establish", "incorporat", "formed", "started", "set up", "began", "est.",
    "est ", "estd", "inception", "operating", "in business", "serving",
)  # fmt: skip
_HEADCOUNT_HINTS = (
    "team", "staff", "workforce", "headcount", "strength", "employ", "we are", "workers",
)  # fmt: skip
_HIRING_HINTS = ("hiring", "join our team", "opening", "vacanc", "open position", "looking for",
                 "career")  # fmt: skip
_FIRM = re.compile(
    r"\bfounded|establish|incorporat|est[d.]|inception|formed|set up|started"
    r"|began",
    re.IGNORECASE,
)
_COUNT = r"(\d{1,3}(?:,\d{3})+|\d{1,6})"
_HEADCOUNT = re.compile(
    rf"\b(?:team of|staff of|workforce of|staff strength of|headcount of|strength of|we are)\s"
    rf"(?:about|around|over|more than|some|approximately|close to|nearly)?\s{{0,2}}{_COUNT}\+?"
    rf"(?:\s(?:strong|people|staff|employees|professionals|members|specialists|experts"
    rf"|engineers))?\b"
    rf"|\b{_COUNT}\+?\s(?:full[- ]time\s|dedicated\s|skilled\s|experienced\s)?"
    rf"(?:employees|staff members|staffs?|team members|workers)\b"
    rf"|\bemploy(?:s|ing)?\s(?:about|over|more than|around|some)?\s{{0,2}}{_COUNT}\b"
    rf"|\b(?:number of employees|employees|staff strength"
    rf"|team size)\s{{0,2}}[:\-]\s{{0,2}}{_COUNT}\b",
    re.IGNORECASE,
)
_OTHERS_COUNT = re.compile(
    r"clients?|customers?|students?|suppliers?|projects?|compan(?:y"
    r"|ies) with",
    re.IGNORECASE,
)
_HIRING = re.compile(
    r"\b(?:we(?:'|\u2019)?\s?a?re hiring|join our team|now hiring|current (?:openings|vacancies)"
    r"|open positions?|job openings?|we are looking for|career opportunities|vacanc(?:y|ies))\b",
    re.IGNORECASE,
)
_HIRING_PAGE = re.compile(
    r"/(?:careers?|jobs?|join-?us|hiring|vacanc(?:y|ies)|work-?with-?us)(?:/|\.|$"
    r"|-)",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"(?:do not|don['\u2019]?t|not|no|without|against|never)\b[^.\n]{0,60}\b(?:unsolicited|spam"
    r"|cold (?:call|mail|email)"
    r"|marketing (?:e-?mails?|messages?|calls?)|advertis\w+|sales (?:calls?|pitch\w*|e-?mails?"
    r"|solicitation)|solicitations?"
    r"|promotional|commercial (?:e-?mails?|messages?))"
    r"|\bunsolicited[^.\n]{0,60}\b(?:not|prohibited|refused|unwelcome|forbidden|deleted|reported)"
    r"|\b(?:no|not)\b[^.\n]{0,40}\b(?:e-?mail )?(?:harvest|collect|scrap"
    r"|crawl)\w*[^.\n]{0,60}\b(?:e-?mail|address|contact)"
    r"|\b(?:not|may not|must not|no)\b[^.\n]{0,60}\b(?:be (?:used|collected)"
    r"|used)\b[^.\n]{0,60}\b(?:marketing|advertis\w+|mailing lists?|commercial)"
    r"|\b(?:harvest|collect|scrap)\w*[^.\n]{0,40}\be-?mail\w*[^.\n]{0,40}\b(?:prohibited"
    r"|forbidden|not (?:permitted|allowed))"
    r"|\bno (?:sales|marketing|vendors?|agents?|advertisers?"
    r"|recruiters?)\b[^.\n]{0,30}\b(?:please|calls?|e-?mails?|enquir\w+)"
    r"|\b(?:no|not accept(?:ing)?) (?:solicit|unsolicited)\w*"
    # "forbidden / please do not ... collect, promote, advertise"
    r"|(?:\u4e25\u7981|\u7981\u6b62|\u8bf7\u52ff|\u4e0d\u5f97|\u8c22\u7edd|\u62d2\u7edd).{0,20}"
    r"(?:\u6536\u96c6|\u63a8\u9500|\u5e7f\u544a|\u8425\u9500|\u5783\u573e\u90ae\u4ef6)",
    re.IGNORECASE,
)
_NOTICE_HINT = re.compile(
    r"unsolicited|spam|marketing|solicit|harvest|advertis|promotional|commercial|scrap|cold|sales"
    r"|\u6536\u96c6|\u63a8\u9500|\u5e7f\u544a|\u8425\u9500",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"\bwe (?:do not|don['\u2019]?t|will not|won['\u2019]?t|will never|never|hate)\s(?:ever\s)?"
    r"(?:send|spam|share|sell|rent|use|disclose|store|collect|pass|give|trade|to)\b"
    r"|your (?:e-?mail|information|data|address|details|privacy)|unsubscribe|\bopt[- ]out of\b",
    re.IGNORECASE,
)


def find(documents: Sequence[Document]) -> list[Observation]:
    """``founded_year``, ``headcount``, ``hiring`` and ``no_collection_notice`` (both ``"yes"``)."""
    found: list[Observation] = []
    for document in documents:
        if document.root is None:
            continue
        lowered = document.lowered
        if any(hint in lowered for hint in _FOUNDED_HINTS):
            found.extend(_founded(document))
        if any(hint in lowered for hint in _HEADCOUNT_HINTS):
            found.extend(_headcount(document))
        found.extend(_hiring(document))
        found.extend(_notices(document))
    return best_of_each(found)


def _founded(document: Document) -> Iterator[Observation]:
    lines = Lines.of(document)
    for place in _FOUNDED.finditer(document.text):
        block = lines.at(place.start())
        if block.region is Region.QUOTE:
            continue
        year = place.group(1) or place.group(2)
        confidence = 0.85 if _FIRM.search(place.group(0)) else 0.65
        yield RULE.observe(
            document,
            field="founded_year",
            value=year,
            raw=place.group(0),
            quote=lines.quote(place.start(), place.end()),
            how="text",
            confidence=confidence,
        )


def _headcount(document: Document) -> Iterator[Observation]:
    lines = Lines.of(document)
    for place in _HEADCOUNT.finditer(document.text):
        block = lines.at(place.start())
        around = document.text[max(block.start, place.start() - 40) : place.end() + 20]
        count = next(group for group in place.groups() if group).replace(",", "")
        if (
            block.region is Region.QUOTE
            or _OTHERS_COUNT.search(around)
            or not 0 < int(count) < 10**6
        ):
            continue
        if 1900 <= int(count) <= 2100 and "," not in place.group(0):
            continue  # "we are 2021 winners"
        yield RULE.observe(
            document,
            field="headcount",
            value=count,
            raw=place.group(0),
            quote=lines.quote(place.start(), place.end()),
            how="text",
            confidence=0.75,
        )


def _hiring(document: Document) -> Iterator[Observation]:
    worth = any(hint in document.lowered for hint in _HIRING_HINTS)
    place = _HIRING.search(document.text) if worth else None
    if place:
        quote = Lines.of(document).quote(place.start(), place.end())
        yield RULE.observe(
            document,
            field="hiring",
            value="yes",
            raw=place.group(0),
            quote=quote,
            how="text",
            confidence=0.8,
        )
        return
    for link in document.links:
        if not link.is_hidden and _HIRING_PAGE.search(link.url):
            yield RULE.observe(
                document,
                field="hiring",
                value="yes",
                raw=link.url,
                quote=link.text or link.url,
                how="link",
                confidence=0.6,
            )
            return


def _notices(document: Document) -> Iterator[Observation]:
    """Words that tell senders to stay away; promises ("we will not spam you") are none."""
    lines = Lines.of(document)
    seen: set[int] = set()
    for hint in islice(_NOTICE_HINT.finditer(document.text), MAX_HINTS):
        index = lines.index_at(hint.start())
        if index in seen:
            continue
        seen.add(index)
        block = document.blocks[index]
        for place in _NOTICE.finditer(block.text[:MAX_LINE]):
            if _PROMISE.search(block.text[max(0, place.start() - 60) : place.end() + 60]):
                continue
            start = block.start + place.start()
            yield RULE.observe(
                document,
                field="no_collection_notice",
                value="yes",
                raw=place.group(0),
                quote=lines.quote(start, block.start + place.end()),
                how="text",
                confidence=0.85,
            )
            return
