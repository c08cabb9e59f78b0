"""An address's verdict as an operator reads it: one word, why, who says so and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from enrichment.domains import is_free_mail
from enrichment.models import Contact, Verification
from enrichment.verification.verdict import in_words

TAGS = {
    Contact.Verdict.DELIVERABLE: "good", Contact.Verdict.RISKY: "wait",
    Contact.Verdict.UNDELIVERABLE: "bad", Contact.Verdict.UNKNOWN: "",
    Contact.Verdict.UNVERIFIED: "",
}  # fmt: skip
BY = {
    Verification.Source.VENDOR: "ZeroBounce",
    Verification.Source.PRECHECK: "our own check",
}


@dataclass(frozen=True, slots=True)
class ShownVerdict:
    """``tag`` colours ``word``; ``by`` and ``at`` are empty while nobody has checked."""

    word: str
    tag: str
    why: str
    by: str = ""
    at: datetime | None = None
    proposal: str = ""  # the address that was perhaps meant


def shown_verdict(contact: Contact) -> ShownVerdict:
    """Of a contact with an address, its verification already read."""
    verdict = Contact.Verdict(contact.verdict)
    known = contact.verification
    if known is None:
        return ShownVerdict(verdict.label, TAGS[verdict], in_words("unverified", ""))
    is_free = bool(known.facts.get("free_email")) or is_free_mail(contact.email.rpartition("@")[2])
    why = in_words(known.status, known.sub_status, is_free_mail=is_free)
    by = BY.get(Verification.Source(known.source), "")
    return ShownVerdict(verdict.label, TAGS[verdict], why, by, known.checked_at if by else None,
                        known.facts.get("did_you_mean", ""))  # fmt: skip
