"""Why leads of a stage were put aside, in an operator's words."""

from __future__ import annotations

_WORDS = {
    "an operator": "wait for an operator",
    "another night": "wait for another night",
    "a later try": "will be tried again",
    "below the cap": "below the cap",
    "suppressed": "suppressed",
    "left_rule": "no longer meet the rule",
    "ceased": "companies that have ceased",
    "enrichment_broke_off": "given up: reading them broke off",
    "fails_rule": "do not meet the rule after all",
    "failed": "given up after several tries",
    "not readable": "rows not readable",
    "operator": "rejected by an operator",
    "no_key": "not asked: no key",
    "off": "not asked: switched off",
    "stopped": "not asked: the vendor is stopped",
    "down": "not asked: the vendor does not answer",
    "budget": "not asked: budget used up",
    "rate": "not asked: the vendor's turn was too far off",
    "vendor": "not answered by the vendor",
    "odoo_away": "wait until Odoo can be asked",
    "refused": "refused by Odoo",
    "no_answer": "given up: Odoo failed at them",
    "won": "won in Odoo, left alone",
    "lost": "lost in Odoo, left alone",
    "archived": "archived in Odoo, left alone",
    "deleted": "deleted in Odoo, not made again",
    "rejected": "rejected since they were accepted",
    "drift": "not asked: the vendor's answers have changed",
}


def reason_words(code: str) -> str:
    """Words that follow a number of leads; a code without any is shown as it is."""
    return _WORDS.get(code, code.replace("_", " ").lower())
