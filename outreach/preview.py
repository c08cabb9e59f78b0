"""A text as one real reader would get it: words, headers, and what would hold it. Saves nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from enrichment.models import Contact
from icp.models import Lead
from icp.suppressions import hash_of
from outreach.admission.ask_many import ask_many
from outreach.gate import Say, Verdict
from outreach.models import (
    EmailTemplate,
    Mailbox,
    MailPolicy,
    Message,
    Signature,
    TemplateVersion,
)
from outreach.wording.compose import compose
from outreach.wording.draft import draft_of
from outreach.wording.lead_data import lead_data_of
from outreach.wording.lint import Remark, lint
from outreach.wording.render import Rendered, Text

NO_MAILBOX = Mailbox(address="you@your-domain.example", display_name="Your name")
_IMAGE = re.compile(r'<img\b(?:[^>"]|"[^"]*")*>', re.IGNORECASE)
_ALT = re.compile(r'\balt="([^"]*)"')
_NO_SAY = frozenset({"campaign", "working hours"})  # of a mail that is not to go now


@dataclass(frozen=True, slots=True)
class Preview:
    """What one reader would see, and what would keep it from them."""

    rendered: Rendered
    headers: list[tuple[str, str]]
    remarks: list[Remark]
    objections: list[Verdict]
    problem: str = ""  # why no mail can be made of it

    @property
    def shown_html(self) -> str:
        """The body with words in the place of images: a page of ours loads nothing from outside."""
        return _IMAGE.sub(_in_words, self.rendered.body_html)


def preview(
    text: Text,
    *,
    lead: Lead,
    contact: Contact | None,
    mailbox: Mailbox | None,
    now: datetime,
    is_first: bool = True,
) -> Preview:
    """``text`` as ``contact`` of ``lead`` would get it from ``mailbox``. About 15 statements."""
    message = message_for(text, lead=lead, contact=contact, now=now)
    sender = mailbox or NO_MAILBOX
    policy = MailPolicy.current()
    draft = draft_of(message, mailbox=sender, policy=policy, now=now)
    objections = [
        each
        for each in ask_many([message], now=now, mailbox=mailbox)[0]
        if each.say is not Say.ALLOW and each.rule not in _NO_SAY
    ]
    problem, headers = "", []
    try:
        mail = compose(draft.rendered, draft.envelope)
        headers = [(name, str(value)) for name, value in mail.items()
                   if not name.lower().startswith(("content-", "mime-"))]  # fmt: skip
    except ValueError as exc:
        problem = f"No mail can be made of it: {exc}."
    return Preview(draft.rendered, headers, lint(text, is_first=is_first), objections, problem)


def message_for(text: Text, *, lead: Lead, contact: Contact | None, now: datetime) -> Message:
    """The message as it would be queued, with a wording that need not be saved."""
    (data,) = lead_data_of([(lead, contact)])
    email = contact.email if contact else ""
    version = TemplateVersion(
        template=EmailTemplate(name="preview"), version=0, subject=text.subject,
        body_html=text.body_html, fallbacks=dict(text.fallbacks),
        signature=Signature(body_html=text.signature_html),
    )  # fmt: skip
    return Message(
        lead=lead, contact=contact, recipient=email,
        recipient_hash=hash_of("EMAIL", email) if email else "", template_version=version,
        lead_data=dict(data.values), city=data.city[:100], timezone=data.timezone,
        country=data.country, created_at=now,
    )  # fmt: skip


def sample_leads(count: int = 12) -> Sequence[Lead]:
    """Leads to look at a text with: the best scored that have an address."""
    with_address = Lead.objects.filter(contacts__is_mailable=True).exclude(contacts__email="")
    ids = with_address.exclude(stage=Lead.Stage.REJECTED).values("pk").distinct()
    best = Lead.objects.filter(pk__in=ids).defer("trace").order_by("-score", "pk")
    return list(best[:count])


def _in_words(found: re.Match[str]) -> str:
    alt = _ALT.search(found[0])
    return f'<span class="ml-image">[image{": " + alt[1] if alt and alt[1] else ""}]</span>'
