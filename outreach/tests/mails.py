"""Mails as ``compose`` makes them, for the tests of transports."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from email.message import EmailMessage

from outreach.wording.compose import Envelope, WayOut, compose
from outreach.wording.render import Rendered

OLGA = "olga@us.example"


def make_mail(*, sender: str = OLGA, recipient: str = "mei@kaya.example", key: str = "",
              subject: str = "Tea für Kaya") -> EmailMessage:  # fmt: skip
    rendered = Rendered(subject, "<p>Dear Mei, 你好</p>", "Dear Mei, 你好", ())
    way_out = WayOut("https://us.example/u/1", "mailto:out@us.example")
    envelope = Envelope(sender, "Olga Tan", recipient, "Mei", "", key or str(uuid.uuid4()), way_out,
                        datetime(2026, 11, 22, tzinfo=UTC))  # fmt: skip
    return compose(rendered, envelope)


def key_of(mail: EmailMessage) -> str:
    return str(mail["X-Leadgen-Key"])
