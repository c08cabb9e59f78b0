"""The command language: what operators type, as a table. Help and docs are made from it.

Commands stand in order: the first that fits is meant. A command without a tool is answered from
the table itself. The example of each is a way to say it, and a test holds that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from chat.agent.patterns import match, tidy
from chat.agent.phrases import number, read_phrase
from chat.agent.toolbox import find_tool

Said = dict[str, str]
Read = Callable[[Said], dict[str, Any]]


def as_said(said: Said) -> dict[str, Any]:
    return dict(said)


def _fixed(**arguments: Any) -> Read:
    return lambda said: {**said, **arguments}


def _places(said: Said) -> dict[str, Any]:
    """``show`` and ``run`` as numbers, where they are some."""
    return {name: number(text) or text for name, text in said.items()}


def _wanted(said: Said) -> dict[str, Any]:
    """A phrase as arguments; a reason stays a reason."""
    reason = {"reason": said["reason"]} if said.get("reason") else {}
    return read_phrase(said["what"]).arguments | reason


def _which(said: Said) -> dict[str, Any]:
    """``top`` as a number, ``companies`` as a list."""
    if "top" in said:
        return {"top": number(said["top"]) or said["top"]}
    rest = {name: text for name, text in said.items() if name != "companies"}
    return {"companies": [said["companies"]], **rest}


def _harvest(said: Said) -> dict[str, Any]:
    asked: dict[str, Any] = {"city": said["city"], "leads": number(said.get("leads", "20"))}
    category = said.get("category", "").strip()
    return asked | ({"category": category} if category and category != "leads" else {})


def _days(said: Said) -> dict[str, Any]:
    return {"days": number(said["days"])} if "days" in said else {}


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to ask for. ``again`` is how it is said of a company chosen from several."""

    topic: str
    tool: str
    example: str
    ways: tuple[str, ...]
    read: Read = as_said
    again: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """A command that was meant, with the arguments it gives. ``is_whole``: nothing was guessed."""

    command: Command
    said: Said = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        return self.command.read(self.said)

    @property
    def is_whole(self) -> bool:
        return not self.said

    def said_of(self, ref: str, *, name: str) -> str:
        """How to say the same of the company ``ref``; empty where that cannot be said."""
        if not self.command.again:
            return ""
        return self.command.again.format_map({"reason": "", **self.said, name: ref}).strip()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What people ask for and the chat does not do; ``page`` names where it is done."""

    pattern: str
    sentence: str
    page: str = ""


_STEER = {"pause": "(pause|hold|interrupt)", "resume": "(resume|continue|unpause|go on with)",
          "stop": "(stop|cancel|end|abort)"}  # fmt: skip
_BECAUSE = "(because|as|since|for|:)"


def _steering(
    topic: str, tool: str, what: str, *, example: str, name: str = "",
    verbs: Collection[str] = tuple(_STEER),
) -> Iterator[Command]:  # fmt: skip
    """Pausing, resuming and stopping, each with a reason or without."""
    said = [f"{what} {{{name}}}", what] if name else [what]
    for to in verbs:
        verb = _STEER[to]
        ways = [f"{verb} {each} {_BECAUSE} {{reason}}" for each in said]
        ways += [f"{verb} {each}" for each in said]
        why = " because of a mistake in it" if to == "stop" else ""
        yield Command(topic, tool, f"{to} {example}{why}", tuple(ways),
                      read=_fixed(to=to))  # fmt: skip


HELP = "help"
_HOW_MUCH = "(what was|what have we|what did we|how much was|how much have we|how much did we)"
_TOP = "(top|the top|on top|on the list|on the shortlist|first|shortlisted|chosen|that high)"
_NIGHT = "(tonight|a night|the night|the next night|it)"
COMMANDS = (
    Command("Start", HELP, "help", (
        "help", "[show] [the] commands", "what can [you|i] (do|ask|say)", "hello", "hi", "?",
    )),
    Command("Start", "today", "what is there to do today", (
        "today", "what is there to do [today]", "today's work", "what (waits|is waiting) [for me]",
        "what is next", "what (now|next)", "work",
    )),
    Command("Leads", "why_not", "why not 201912345A", (
        "why not {company}",
        "why (is|was) {company} not on (the list|the shortlist|top|it)",
        "why (isn't|wasn't) {company} on (the list|the shortlist|top|it)",
        "where is {company}", "what (happened to|became of) {company}",
    ), again="why not {company}"),
    Command("Mail", "why_nothing_sends", "why is nothing sending", (
        "why is nothing (sending|sent|being sent|going out)", "why (isn't|is not) mail going out",
        "why does nothing go out", "why is campaign {campaign} not (sending|going out)",
        "why (isn't|is not) campaign {campaign} (sending|going out)",
    )),
    Command("Leads", "explain_score", "why is ACME on top", (
        f"why is {{company}} {_TOP}", "why (is|does|did|has) {company} score[d] [so high|so low]",
        "explain [the score of] {company}", "[the] score [lines] of {company}",
        "how was {company} scored", "why {company}",
    ), again="explain {company}"),
    Command("Leads", "shortlist", "top 5", (
        "[show] [me] [the] shortlist", "[show] [me] [the] (top|best) {show} (leads|companies)",
        "[show] [me] [the] (top|best) {show}",
        "[show] [me] [the] shortlist of run {run}", "[show] [me] the [best] leads",
    ), read=_places),
    Command("Nights", "night_cost", "what will tonight cost", (
        f"what (will|would|does|can) {_NIGHT} cost [at most]",
        f"how much (will|would|does) {_NIGHT} cost",
        "[the] (price|cost) [of] [tonight|a night|the next night]",
    )),
    Command("Nights", "start_night", "start tonight", (
        "(start|run|begin) [tonight|a night|the night|it] [now]", "start tonight's [night|run]",
    )),
    Command("Nights", "watch_night", "how is the night", (
        "how (is|goes) (the night|tonight|it [going]|the run)", "how far is (the night|it|the run)",
        "(watch|progress|status) [of] [the] [night|run]", "[is] the night [done|running|over]",
    )),
    Command("Nights", "spend_so_far", "what was spent in the last 7 days", (
        f"{_HOW_MUCH} (spent|spend) [so far] [today]",
        f"{_HOW_MUCH} (spent|spend) in [the last] {{days}} days",
        "[the] (spend|spending|budget) [so far] [today]",
    ), read=_days),
    Command("Leads", "suppress", "suppress x@y.sg because they asked us to", (
        f"suppress {{value}} {_BECAUSE} {{reason}}",
        f"never (contact|mail|write to|call) {{value}} again {_BECAUSE} {{reason}}",
        f"never (contact|mail|write to|call) {{value}} {_BECAUSE} {{reason}}",
        "suppress {value}", "never (contact|mail|write to|call) {value} again",
    ), again="suppress {value} because {reason}"),
    Command("Leads", "send_to_odoo", "approve the top 5 for odoo", (
        "(approve|send|push) [the] (top|best|first) {top} leads (for|to|into) odoo",
        "(approve|send|push) [the] (top|best|first) {top} (for|to|into) odoo",
        "(approve|send|push) {companies} (for|to|into) odoo",
    ), read=_which, again="send {companies} to odoo"),
    Command("Mail", "start_campaign", "start campaign Spring", (
        "(start|run|send|begin) [the] campaign {campaign}",
        "approve [the] [shortlist|accepted leads] for campaign {campaign}",
    )),
    *_steering("Mail", "pause_or_stop_campaign", "[the] campaign", name="campaign",
               example="campaign Spring"),
    *_steering("Mail", "pause_or_resume_mailbox", "[the] mailbox", name="mailbox",
               example="mailbox jo@example.com", verbs=("pause", "resume")),
    *_steering("Harvest", "pause_or_stop_harvest", "[the] harvest [in|of]", name="harvest",
               example="the harvest in Singapore"),
    *_steering("Nights", "pause_or_stop_night", "(tonight|the night|the run|it)",
               example="the night"),
    Command("Leads", "accept_leads", "accept the top 3", (
        "(accept|approve) [the] (top|best|first) {top} leads",
        "(accept|approve) [the] (top|best|first) {top}", "(accept|approve) {companies}",
    ), read=_which, again="accept {companies}"),
    Command("Leads", "reject_leads", "reject ACME because it is too small", (
        f"reject {{companies}} {_BECAUSE} {{reason}}", "reject {companies}",
    ), read=_which, again="reject {companies} because {reason}"),
    Command("Leads", "export_link", "export the shortlist", (
        "(export|download) [the] [shortlist]", "[the] (link|file) [to|of|for] [the] [export]",
    )),
    Command("Leads", "export_link", "export all scores", (
        "(export|download) [all] [the] (scores|leads|everything)",
    ), read=_fixed(what="scores")),
    Command("Mail", "mail_queue", "what is in the queue", (
        "[what (is|waits)] [in] [the] [mail] queue", "what (is held|is waiting to be sent)",
        "[the] (queue|mail) of campaign {campaign}", "held [mail]",
        "how many mails (wait|are held)",
    )),
    Command("Harvest", "harvests", "harvests", (
        "[show] [the] harvests", "how (is|goes) the harvest",
    )),
    Command("Harvest", "harvest", "harvest 20 bakeries in Singapore", (
        "harvest {leads} leads in {city}", "harvest {leads} {category} in {city}",
        "harvest {category} in {city}", "harvest {city}",
    ), read=_harvest),
    Command("Register and rule", "show_rule", "show the rule", (
        "[show] [me] [the|our] (rule|icp|icp rule)", "(whom|who|what) do we (want|look for)",
    )),
    Command("Register and rule", "preview_rule", "try rule software in district 1", (
        "(try|preview|propose) [a] (rule|icp|icp rule) [for] {what}", "what if we wanted {what}",
    ), read=_wanted),
    Command(
        "Register and rule", "save_rule",
        "save rule software in district 1 because of the new product", (
        "save [the] (rule|icp|icp rule) {what} (because|as) {reason}",
        "save [the] (rule|icp|icp rule) {what}",
    ), read=_wanted),
    Command("Register and rule", "find_companies", "find company ACME", (
        "(find|look up|search for|search|show) [me] (a|the) company [called|named] {name}",
        "(find|look up|search for|search|show) [me] (company|companies) (called|named) {name}",
        "(find|look up|search for|search|show) [me] company {name}", "look up {name}", "uen {name}",
    )),
    Command(
        "Register and rule", "find_companies",
        "fintechs in district 1 younger than three years", (
        "(find|look for|search|search for|show|list|count) [me] {what}",
        "how many {what} [are there]",
    ), read=_wanted),
)  # fmt: skip
# What is done elsewhere, on purpose: asked for here, it is answered with where that is.
ELSEWHERE = (
    Elsewhere(
        r"(?:lift|remove|undo|delete)\b.*\bsuppress\w*",
        "Lifting a suppression takes two owners: do it under Suppressions in the console.",
        "icp_suppression_changelist",
    ),
    Elsewhere(
        r"(?:change|raise|set|increase|lift|remove)\b.*\b(?:limit|budget|cap)s?",
        "Limits and budgets are changed by an owner under Vendors in the console.",
        "vendors",
    ),
    Elsewhere(
        r"(?:invite|make .* owner|change .* role)",
        "People and roles are changed by an owner under Members in the console.",
        "tenants_membership_changelist",
    ),
    Elsewhere(
        r"(?:mail|e-?mail|write to|send to) (?:everyone|everybody|all)",
        "Mail goes out by campaigns: write one in the console, then say: start campaign NAME.",
        "outreach_campaign_changelist",
    ),
    Elsewhere(
        r"(?:api keys?|secrets?|passwords?|system prompt|your (?:prompt|instructions))",
        "Keys and instructions are not told here.",
    ),
)
_FILTERED = ("districts", "younger_than_months", "older_than_months", "ssic_codes",
             "registered_from_year", "registered_to_year")  # fmt: skip


def understand(text: str) -> Understood | None:
    """The command ``text`` means; ``None`` when it means none."""
    text = tidy(text)
    for command in COMMANDS:
        for way in command.ways:
            said = match(way, text)
            if said is not None:
                return Understood(command, said)
    return _bare(text)


def elsewhere(text: str) -> Elsewhere | None:
    """What is not done here, though ``text`` asks for it."""
    text = tidy(text)
    return next((each for each in ELSEWHERE
                 if re.search(rf"\b{each.pattern}\b", text, re.IGNORECASE)), None)  # fmt: skip


def by_topic() -> Iterator[tuple[str, list[Command]]]:
    """Commands whose tools are there, under their headings."""
    topics: dict[str, list[Command]] = {}
    for command in COMMANDS:
        if command.tool == HELP or find_tool(command.tool) is not None:
            topics.setdefault(command.topic, []).append(command)
    yield from topics.items()


def _bare(text: str) -> Understood | None:
    """A phrase alone that names a district, an age, a year or a code asks for companies."""
    arguments = read_phrase(text).arguments if text else {}
    if not any(name in arguments for name in _FILTERED):
        return None
    return Understood(_named("find_companies", with_blank="what"), {"what": text})


def _named(tool: str, *, with_blank: str) -> Command:
    return next(one for one in COMMANDS if one.tool == tool
                and any(f"{{{with_blank}}}" in way for way in one.ways))  # fmt: skip
