"""Write down what the model read of a lead, beside what stands; it never takes a place by force.

Its statements are the last in the precedence, so a field shows one only where nobody else has said
anything. Contacts, scores and the ICP rule do not look at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from enrichment.by_model.vouch import METHOD
from enrichment.evidence.merge import Claim
from enrichment.evidence.statements import Statement
from enrichment.evidence.store_evidence import Account, facts_of, store_evidence, what_stands
from enrichment.models import Page
from icp.models import Lead


def store_proposals(
    lead: Lead,
    statements: Iterable[Statement],
    *,
    pages: Mapping[str, Page],
    run_id: int | None,
    now: datetime,
) -> None:
    """Replace what the model said of ``lead`` before, and show what is now known best.

    Inside a transaction that has the lead locked. A second time nothing changes.
    """
    wanted = {said.key: said for said in statements}
    account = Account(lead, pages=pages)
    for key, claim, contact in what_stands([lead])[lead.pk]:
        is_mine = claim.source == "LLM" and claim.method == METHOD
        if is_mine and wanted.pop(key, None) is None:
            account.gone.append(claim.key)
            continue
        account.claims.append(claim)
        account.contacts[claim.key] = contact
    for number, said in enumerate(wanted.values()):
        page = pages.get(said.sha256)
        claim = Claim(
            key=number - len(wanted), field=said.field, value=said.value, source=said.source,
            confidence=said.confidence, position=page.position if page else 0,
            subject=said.subject, method=said.method,
        )  # fmt: skip
        account.claims.append(claim)
        account.fresh[claim.key] = said
    store_evidence([account], run_id=run_id, now=now)
    lead.facts = facts_of(account)
    Lead.objects.filter(pk=lead.pk).update(facts=lead.facts)
