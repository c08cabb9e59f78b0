"""What can be scored: every feature of a lead, how its value reads, and how it might be found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

Value = int | bool | str | list[str] | None  # None: not known


class Kind(StrEnum):
    """What a feature's value is, and so which conditions can be put to it."""

    NUMBER = "number"
    CHOICE = "choice"
    FLAG = "flag"
    CODE = "code"  # text compared by its beginning
    SET = "set"
    WORDS = "words"  # texts searched for whole words


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the score.

    ``sentence`` has one ``{}`` for the value; a flag has two sentences, for yes and no, parted by
    ``|``. ``with_`` completes "would be HIGH with ..."; empty where nobody can do anything about it
    (a company's age). ``choices`` are the values a choice can have, when they are few and known.
    """

    key: str
    label: str
    kind: Kind
    sentence: str
    with_: str = ""
    choices: tuple[str, ...] = ()


FEATURES: dict[str, Feature] = {
    feature.key: feature
    for feature in (
        Feature("fit", "Fit with the ICP", Kind.CHOICE, "{}",
                with_="the ICP's open questions answered", choices=("MEETS", "UNKNOWN")),
        Feature("age_years", "Age", Kind.NUMBER, "registered {} full years ago"),
        Feature("officers", "Officers on record", Kind.NUMBER, "{} officers over time"),
        Feature("annual_return_months", "Months since the last annual return", Kind.NUMBER,
                "last annual return {} months ago"),
        Feature("ssic", "Primary industry (SSIC)", Kind.CODE, "primary SSIC {}"),
        Feature("ssic_secondary", "Secondary industry (SSIC)", Kind.CODE, "secondary SSIC {}"),
        Feature("district", "Postal district", Kind.NUMBER, "postal district {}"),
        Feature("status", "Status in the register", Kind.CHOICE, "{}"),
        Feature("entity_type", "Entity type", Kind.CHOICE, "{}"),
        Feature("company_type", "Company type", Kind.CHOICE, "{}"),
        Feature("site_found", "Web site found", Kind.FLAG,
                "a web site of its own|no web site found", with_="a web site found"),
        Feature("site_match", "Match of the site with the company", Kind.NUMBER,
                "site matches with {} of 100 points", with_="a surer match of the web site"),
        Feature("website_score", "How the site is kept", Kind.NUMBER,
                "site is kept with {} of 100 points", with_="a better kept web site"),
        Feature("own_domain", "Site on its own domain", Kind.FLAG,
                "site on a domain of its own|site on somebody else's domain",
                with_="a site on its own domain"),
        Feature("tls", "Site over TLS", Kind.FLAG,
                "site answers over https|site without https"),
        Feature("uen_on_site", "UEN on the site", Kind.FLAG,
                "names its UEN on the site|names another UEN on the site"),
        Feature("role_mailbox", "Role mailbox", Kind.FLAG,
                "has a role mailbox|no role mailbox", with_="a role mailbox"),
        Feature("named_person", "Named business person", Kind.FLAG,
                "names a business person|names nobody", with_="a named contact"),
        Feature("person_email", "E-mail of a named person", Kind.FLAG,
                "a named person's e-mail|no named person's e-mail",
                with_="a named contact's e-mail"),
        Feature("titles", "Titles of the people named", Kind.WORDS, "{}",
                with_="a named contact with a preferred title"),
        Feature("phone", "Telephone", Kind.FLAG,
                "has a telephone number|no telephone number", with_="a telephone number"),
        Feature("email_own_domain", "E-mail at the site's domain", Kind.FLAG,
                "e-mail at the site's own domain|e-mail at another domain",
                with_="an e-mail at its own domain"),
        Feature("technologies", "Technologies on the site", Kind.SET, "uses {}"),
        Feature("social", "Social networks", Kind.SET, "present on {}"),
        Feature("languages", "Languages of the site", Kind.SET, "site in {}"),
        Feature("hiring", "Hiring", Kind.FLAG, "is hiring|is not hiring"),
        Feature("head_count", "Head count (lower end)", Kind.NUMBER, "at least {} people",
                with_="a known head count"),
        Feature("gst_registered", "GST number on the site", Kind.FLAG,
                "shows a GST number|shows no GST number"),
    )
}  # fmt: skip
MAX_LISTED = 4
FIT_WORDS = {"MEETS": "meets every part of the ICP", "UNKNOWN": "meets what is known of the ICP"}


def words(key: str, value: Value) -> str:
    """The value in words, without personal data: ``registered 12 full years ago``."""
    feature = FEATURES[key]
    if value is None:
        return "not known"
    if feature.kind is Kind.FLAG:
        yes, _, no = feature.sentence.partition("|")
        return yes if value else no
    if isinstance(value, list):
        return feature.sentence.format(_listed(value)) if value else "none seen"
    if key == "fit":
        return FIT_WORDS.get(str(value), str(value))
    return feature.sentence.format(value)


def _listed(items: Sequence[str]) -> str:
    shown = ", ".join(items[:MAX_LISTED])
    rest = len(items) - MAX_LISTED
    return f"{shown} and {rest} more" if rest > 0 else shown
