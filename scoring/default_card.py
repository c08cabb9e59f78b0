"""The points a new tenant starts with. Copied once into its own card, then never looked at again.

The best possible lead has 100 points: fit 30, company 20, web site 20, contact 25, signals 5. A
company known from the register alone reaches 50 at most, so HIGH needs a site and somebody to talk
to. The weights are our judgement, not measured; every tenant is meant to change them.
"""

from __future__ import annotations

from typing import Any

PREFERRED_TITLES = ["founder", "co-founder", "owner", "director", "managing director", "CEO",
                    "COO", "CTO", "CFO", "chief", "president", "partner", "general manager",
                    "head", "principal", "proprietor"]  # fmt: skip


def _rule(
    key: str, group: str, feature: str, when: dict[str, Any], points: int, label: str
) -> dict[str, Any]:
    return {"key": key, "label": label, "group": group, "feature": feature, "when": when,
            "points": points}  # fmt: skip


PAYLOAD: dict[str, Any] = {
    "base": 0,
    "groups": [
        {"key": "fit", "label": "Fit with the ICP", "cap": 30},
        {"key": "company", "label": "The company", "cap": 20},
        {"key": "site", "label": "Web site", "cap": 20},
        {"key": "contact", "label": "Whom to talk to", "cap": 25},
        {"key": "signals", "label": "Signals", "cap": 5},
    ],
    "rules": [
        _rule("fit_meets", "fit", "fit", {"any_of": ["MEETS"]}, 30, "Meets the ICP"),
        _rule("fit_unknown", "fit", "fit", {"any_of": ["UNKNOWN"]}, 12, "May meet the ICP"),
        _rule("age_settled", "company", "age_years", {"min": 3, "max": 20}, 8, "Settled company"),
        _rule("age_old", "company", "age_years", {"min": 21}, 6, "Long established"),
        _rule("age_young", "company", "age_years", {"min": 1, "max": 2}, 4, "Young company"),
        _rule("officers_few", "company", "officers", {"min": 2, "max": 10}, 4,
              "More than one officer"),
        _rule("officers_many", "company", "officers", {"min": 11}, 3, "Many officers"),
        _rule("return_fresh", "company", "annual_return_months", {"max": 18}, 8,
              "Annual return is fresh"),
        _rule("return_late", "company", "annual_return_months", {"min": 31}, -10,
              "Annual return is overdue"),
        _rule("site_sure", "site", "site_match", {"min": 80}, 10, "Surely its own web site"),
        _rule("site_likely", "site", "site_match", {"min": 60, "max": 79}, 6,
              "Likely its own web site"),
        _rule("uen_on_site", "site", "uen_on_site", {"is": True}, 4, "UEN stands on the site"),
        _rule("own_domain", "site", "own_domain", {"is": True}, 4, "Site on its own domain"),
        _rule("tls", "site", "tls", {"is": True}, 2, "Site over TLS"),
        _rule("preferred_person", "contact", "titles", {"has_word": PREFERRED_TITLES}, 8,
              "Somebody who decides"),
        _rule("role_mailbox", "contact", "role_mailbox", {"is": True}, 8, "Role mailbox"),
        _rule("named_person", "contact", "named_person", {"is": True}, 2, "Named contact"),
        _rule("phone", "contact", "phone", {"is": True}, 5, "Telephone number"),
        _rule("email_own_domain", "contact", "email_own_domain", {"is": True}, 2,
              "E-mail at its own domain"),
        _rule("hiring", "signals", "hiring", {"is": True}, 3, "Is hiring"),
        _rule("head_count", "signals", "head_count", {"min": 10, "max": 500}, 3,
              "10 to 500 people"),
        _rule("social", "signals", "social", {"known": True}, 2, "Present on social networks"),
        _rule("site_kept", "signals", "website_score", {"min": 70}, 1, "Well kept web site"),
        _rule("technologies", "signals", "technologies", {"known": True}, 1,
              "Technologies seen"),
    ],
    "buckets": [
        {"name": "HIGH", "at_least": 70},
        {"name": "MEDIUM", "at_least": 45},
        {"name": "LOW", "at_least": 0},
    ],
}  # fmt: skip
