"""Add what a provider says of a lead to what stands, with the contacts it speaks of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from acra.models import RegisteredCompany
from enrichment.evidence.refusals import Refusals
from enrichment.evidence.statements import Statement, allowed, of_register, values_to_ask
from enrichment.evidence.store_contacts import store_contacts
from enrichment.evidence.store_evidence import facts_of, store_evidence, take_account, what_stands
from icp.models import Lead


def add_statements(
    lead: Lead, statements: Iterable[Statement], *, run_id: int | None, now: datetime
) -> int:
    """Store those of ``statements`` that are new and allowed; how many. Facts are chosen anew.

    Inside a transaction that has the lead's row locked. What stands already, whoever was asked
    when, is not stored twice; nothing is superseded but register rows. A suppressed address or
    number is stored nowhere. About eight statements of SQL.
    """
    standing = what_stands([lead])[lead.pk]
    known = {(key[0], key[2], key[3], key[4]) for key, _, _ in standing}
    fresh = [one for one in statements if (one.field, one.method, one.subject, one.value)
             not in known]  # fmt: skip
    company = RegisteredCompany.objects.filter(pk=lead.uen).first() if lead.uen else None
    said = [*of_register(company), *fresh]
    refusals = Refusals(values_to_ask(said, lead=lead))
    kept = allowed(said, lead=lead, refusals=refusals)
    account = take_account(lead, kept, standing=standing, pages={}, replaces_pages=False)
    store_contacts([account], refusals=refusals, now=now)
    store_evidence([account], run_id=run_id, now=now)
    lead.facts = facts_of(account)
    Lead.objects.filter(pk=lead.pk).update(facts=lead.facts)
    return sum(one in kept for one in fresh)
