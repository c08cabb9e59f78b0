"""Notes that Amazon SES sends by mail through SNS: a JSON object as text.

Form: ``{"notificationType": "Bounce"|"Complaint"|"Delivery", "bounce": {...}, "mail": {...}}``
(docs.aws.amazon.com/ses, "Amazon SNS notification contents for Amazon SES").
"""

from __future__ import annotations

import json
import re
from typing import Any

from outreach.bounces.bounce_report import Kind, Refusal, Report
from outreach.bounces.bounce_words import Says, meaning
from outreach.bounces.mail import Mail

MOST = 20
_NOTE = re.compile(r"\s*\{.{0,2000}?\"(?:notificationType|eventType)\"", re.DOTALL)


def notified(mail: Mail) -> Report | None:
    """What a note of SES says; None for any other mail."""
    if not _NOTE.match(mail.text):
        return None
    try:
        # A signature and a way out stand below the object.
        note, _ = json.JSONDecoder().raw_decode(mail.text.lstrip().replace("\n", " "))
    except (ValueError, RecursionError):
        return None
    kind = _text(note, "notificationType") or _text(note, "eventType")
    if kind == "Delivery":
        return Report(Kind.DELIVERED)
    if kind == "Complaint":
        people = _people(note, "complaint", "complainedRecipients")
        return Report(
            Kind.COMPLAINT,
            tuple(Refusal(_text(one, "emailAddress"), Says.POLICY) for one in people),
        )
    if kind != "Bounce":
        return None
    refusals = tuple(_refusal(one) for one in _people(note, "bounce", "bouncedRecipients"))
    is_hard = any(each.says is Says.GONE for each in refusals)
    return Report(Kind.HARD if is_hard else Kind.SOFT, refusals)


def _refusal(one: dict[str, Any]) -> Refusal:
    status, words = _text(one, "status"), _text(one, "diagnosticCode")[:500]
    return Refusal(_text(one, "emailAddress").lower(), meaning(status, words), status, words)


def _people(note: dict[str, Any], about: str, name: str) -> list[dict[str, Any]]:
    found = note.get(about)
    people = found.get(name) if isinstance(found, dict) else None
    return (
        [one for one in people[:MOST] if isinstance(one, dict)] if isinstance(people, list) else []
    )


def _text(thing: Any, name: str) -> str:
    value = thing.get(name) if isinstance(thing, dict) else None
    return value if isinstance(value, str) else ""
