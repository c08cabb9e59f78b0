"""The keys a rule may have: what each is called, what shape its value has, and how to write it.

The editor builds its fields and its help from this table, ``icp.rules`` reads by it. Spellings of
the register: register-facts section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from acra.models import RegisteredCompany


@dataclass(frozen=True, slots=True)
class Key:
    label: str
    shape: str  # words, codes, range, number, date, flag or choices: which field the editor shows
    help: str
    group: str
    in_register: bool = True
    choices: tuple[str, ...] = ()


STATUS_CLASSES = {
    **{name.casefold(): name for name in RegisteredCompany.StatusClass.values},
    "live, at risk": "AT_RISK",
    "at risk": "AT_RISK",
}
# Folded spelling -> the name we show. The short ones stood in a copy of May 2025.
ENTITY_TYPES = {
    "local company": "Local Company",
    "sole proprietorship/ partnership": "Sole Proprietorship/ Partnership",
    "sole proprietorship/partnership": "Sole Proprietorship/ Partnership",
    "limited liability partnership": "Limited Liability Partnership",
    "llp": "Limited Liability Partnership",
    "limited partnership": "Limited Partnership",
    "lp": "Limited Partnership",
    "foreign company branch": "Foreign Company Branch",
}
COMPANY_TYPES = {
    name.casefold(): name
    for name in (
        "Exempt Private Company Limited by Shares",
        "Private Company Limited by Shares",
        "Public Company Limited by Shares",
        "Public Company Limited by Guarantee",
        "Unlimited Exempt Private Company",
        "Unlimited Private Company",
        "Unlimited Public Company",
    )
}
# Names of older rule payloads -> ours.
ALIASES = {
    "ssic_codes": "ssic",
    "integrations": "technologies",
    "buyer_titles": "titles",
    "preferred_titles": "titles",
    "triggers": "signals",
}
WHAT, LIFE, WHERE, SIZE = "What it does", "Age and signs of life", "Where it is", "Size and people"

KEYS = {
    "industries": Key(
        "Industries", "words",
        "Words, looked up in the SSIC titles; the codes found are shown and kept.", WHAT,
    ),
    "ssic": Key("SSIC codes", "codes", "62011 alone, 62 for all that begin so, K for a section.",
                WHAT),
    "technologies": Key("Technologies", "words", "Known once its site was read.", WHAT, False),
    "signals": Key("Signals", "words", "Known once its site was read.", WHAT, False),
    "status": Key("Status", "choices", "Live when nothing is chosen.", LIFE,
                  choices=tuple(RegisteredCompany.StatusClass.values)),
    "incorporation_year": Key("Year of registration", "range", "Both years included.", LIFE),
    "age_months": Key("Age in months", "range", "Full months since registration.", LIFE),
    "age_years": Key("Age in years", "range", "Full years since registration.", LIFE),
    "registered_since": Key("Registered since", "date", "This day included.", LIFE),
    "registered_within_days": Key("Registered in the last days", "number", "90: a new company.",
                                  LIFE),
    "annual_return_within_months": Key(
        "Annual return within months", "number",
        "A company that filed is alive. Businesses file none.", LIFE,
    ),
    "renamed_within_months": Key("Renamed within months", "number",
                                 "Seen by comparing register loads.", LIFE),
    "has_former_names": Key("Has former names", "flag", "As the register lists them.", LIFE),
    "districts": Key("Postal districts", "codes", "1 to 28.", WHERE),
    "postal_sectors": Key("Postal sectors", "codes", "First two digits of the postal code.", WHERE),
    "postal_codes": Key("Postal codes", "codes", "Six digits.", WHERE),
    "shared_address": Key(
        "Live companies at its address", "range",
        "Above about 5 the address mostly belongs to a registration service.", WHERE,
    ),
    "entity_types": Key("Entity types", "choices", "", SIZE,
                        choices=tuple(dict.fromkeys(ENTITY_TYPES.values()))),
    "company_types": Key("Company types", "choices", "", SIZE,
                         choices=tuple(COMPANY_TYPES.values())),
    "officers": Key("Officers on record", "range", "Counted over all years; not staff.", SIZE),
    "employee_range": Key("Employees", "range", "Not in the register.", SIZE, False),
    "revenue_bucket": Key("Revenue bucket", "words", "Not in the register.", SIZE, False),
    "titles": Key("Titles of people", "words", "Known once its site was read.", SIZE, False),
}  # fmt: skip
MODIFIERS = ("ssic_in", "unknown", "exclude", "order", "limit")
EXCLUDABLE = ("uens", "ssic", "districts", "postal_sectors", "entity_types", "company_types")
