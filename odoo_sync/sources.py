"""What of a lead may go into a field of Odoo: one entry each, with what it takes from the facts.

Texts come from registers and web pages of strangers: HTML is built here, with everything escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from odoo_sync.facts import Facts
from odoo_sync.values import Link, Tags, Unresolved, clean, without_repeats
from scoring.export_rows import NOT_CHECKED

CEASED = "Ceased in the register"
COUNTRY = "SG"
PRIORITY = {"HIGH": "3", "MEDIUM": "1"}  # other buckets: 0


@dataclass(frozen=True, slots=True)
class Source:
    """``kinds``: the types of Odoo field it fits."""

    label: str
    value: Callable[[Facts], Unresolved]
    kinds: tuple[str, ...] = ("char", "text", "html")


def _fact(name: str) -> Callable[[Facts], str]:
    return lambda facts: clean(facts.shown.get(name, ""))


def _person(name: str) -> Callable[[Facts], str]:
    return lambda facts: clean(getattr(facts.contact, name)) if facts.contact else ""


def phone_of(facts: Facts) -> str:
    """The person's own number, else the company's."""
    return _person("phone")(facts) or _fact("phone")(facts)


def about_company(facts: Facts) -> str:
    """The register's facts, as HTML."""
    rows = [("UEN", facts.uen), ("Status", facts.shown.get("status", "")),
            ("Entity type", facts.shown.get("entity_type", "")),
            ("Registered on", facts.shown.get("registered_on", "")),
            ("Industry", _industry(facts)),
            ("Staff", facts.shown.get("headcount", ""))]  # fmt: skip
    return _list(f"{name}: {clean(text)}" for name, text in rows if text)


def about_lead(facts: Facts) -> str:
    """Why this lead: rationale, the lines of its score, and where each fact was found."""
    parts = []
    if facts.is_ceased:
        parts.append(f"<p><b>{escape(CEASED)}.</b></p>")
    if facts.score is not None:
        parts.append(
            f"<p>Score {facts.score} of 100 ({escape(clean(facts.bucket).capitalize())})</p>"
        )
    if facts.rationale:
        parts.append(f"<p>{escape(clean(facts.rationale))}</p>")
    parts.append(_list(facts.lines))
    if facts.shown.get("summary"):
        parts.append(f"<p>{escape(clean(facts.shown['summary']))}</p>")
    parts += [about_company(facts), _list(_found(what, where) for what, where in facts.evidence)]
    if phone_of(facts):
        parts.append(f"<p>{NOT_CHECKED}</p>")
    parts += [f"<p>{escape(clean(words))}</p>" for words in facts.attributions]
    return "".join(parts)


def _found(what: str, where: str) -> str:
    return f"{what.capitalize()} found at {clean(where)}"


def _list(items: object) -> str:
    texts = [escape(clean(text)) for text in items]  # type: ignore[attr-defined]  # any iterable
    return f"<ul>{''.join(f'<li>{text}</li>' for text in texts)}</ul>" if texts else ""


def _industry(facts: Facts) -> str:
    return " ".join(filter(None, [facts.shown.get("primary_ssic", ""), facts.industry]))


def _tags(model: str) -> Callable[[Facts], Tags]:
    def tags(facts: Facts) -> Tags:
        return Tags(model, without_repeats([facts.industry, CEASED if facts.is_ceased else ""]))

    return tags


_ANY = ("char", "text", "html", "selection")
SOURCES: dict[str, Source] = {
    "name": Source("Company name", lambda facts: clean(facts.name)),
    "uen": Source("UEN", lambda facts: clean(facts.uen)),
    "website": Source("Web site", _fact("website")),
    "phone": Source("Company telephone", _fact("phone")),
    "address": Source("Address", _fact("address")),
    "postal_code": Source("Postal code", _fact("postal_code")),
    "city": Source("City", lambda facts: "Singapore" if facts.shown.get("address") else ""),
    "country": Source("Country", lambda facts: Link("res.country", "code", COUNTRY)
                      if facts.shown.get("address") or facts.uen else "", ("many2one",)),
    "ssic": Source("SSIC code", _fact("primary_ssic")),
    "industry": Source("Industry", lambda facts: clean(facts.industry)),
    "status": Source("Status in the register", _fact("status")),
    "entity_type": Source("Entity type", _fact("entity_type")),
    "registered_on": Source("Registered on", _fact("registered_on"), ("char", "date")),
    "headcount": Source("Staff", _fact("headcount")),
    "summary": Source("Summary", _fact("summary")),
    "contact_name": Source("Contact: name", _person("name")),
    "contact_title": Source("Contact: job title", _person("title")),
    "contact_email": Source("Contact: e-mail", _person("email")),
    "contact_phone": Source("Contact: telephone", _person("phone")),
    "any_phone": Source("Telephone, the contact's first", phone_of),
    "score": Source("Score", lambda facts: facts.score or 0, ("integer", "float", "char")),
    "bucket": Source("Bucket", lambda facts: clean(facts.bucket), _ANY),
    "priority": Source("Priority by bucket", lambda facts: PRIORITY.get(facts.bucket, "0"),
                       ("selection", "char")),
    "rationale": Source("Rationale", lambda facts: clean(facts.rationale)),
    "about_lead": Source("Everything about the lead", about_lead, ("html", "text")),
    "about_company": Source("Register facts", about_company, ("html", "text")),
    "lead_tags": Source("Tags of the lead", _tags("crm.tag"), ("many2many",)),
    "company_tags": Source("Tags of the company", _tags("res.partner.category"), ("many2many",)),
    "lead_number": Source("Our number of the lead", lambda facts: facts.lead_id,
                          ("integer", "char")),
    "constant": Source("Always the same", lambda _: "", (*_ANY, "integer", "float", "boolean")),
}  # fmt: skip
