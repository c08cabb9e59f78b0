"""Change which addresses between good and bad a tenant writes to, and see first what it changes."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import transaction

from enrichment.models import Contact, SendingPolicy
from enrichment.verification.judge_contacts import judge_contacts, policy_now, preview
from enrichment.verification.verdict import Policy
from tenants import audit

SUBJECT = "sending policy"
CHOICE = {True: SendingPolicy.Choice.INCLUDE, False: SendingPolicy.Choice.EXCLUDE}


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """Contacts a policy would let in and take out, and how many could be sent to before."""

    let_in: int
    taken_out: int
    sendable: int


def preview_policy(policy: Policy) -> PolicyPreview:
    """What ``policy`` would change. Reads every verified contact once, changes nothing."""
    counts = preview(policy)
    return PolicyPreview(counts["in"], counts["out"], Contact.objects.sendable().count())


@transaction.atomic
def choose_policy(policy: Policy, *, actor: str, reason: str) -> int:
    """Keep ``policy`` and judge all contacts by it; returns how many changed."""
    before, after = audit.changes(asdict(policy_now()), asdict(policy))
    row = {name: CHOICE[chosen] for name, chosen in asdict(policy).items()}
    SendingPolicy.objects.update_or_create(is_only_row=True, defaults=row)
    changed = judge_contacts(Contact.objects.all(), policy=policy)
    if after:
        audit.record("enrichment.sending_policy.change", actor=actor, subject=SUBJECT,
                     before=before, after=after, reason=reason)  # fmt: skip
    return changed
