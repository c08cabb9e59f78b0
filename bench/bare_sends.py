"""What sending costs without a database: the same transport in a loop, one mailbox, until killed.

Run as ``python -m bench.bare_sends URL ADDRESS TOKEN``.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from uuid import uuid4

from outreach.clients.ask import Line
from outreach.clients.microsoft import GraphClient
from outreach.transports.graph import DRAFT, GraphTransport
from outreach.wording.compose import Envelope, WayOut, compose
from outreach.wording.render import Rendered

WORDS = Rendered("<ADV> Tea for Post", "<p>Dear Mei</p><p>Olga, 1 Road</p>", "Dear Mei\n\nOlga")
WAY_OUT = WayOut("http://us.example/u/post/token", "mailto:us@us.example?subject=unsubscribe")


def main(url: str, address: str, token: str) -> None:
    client = GraphClient(Line("Microsoft", url, 30), lambda refused="": token)
    transport = GraphTransport(client, DRAFT)
    while True:
        key = str(uuid4())
        envelope = Envelope(
            sender=address, sender_name="Olga Tan", recipient="mei@kaya.example",
            recipient_name="Mei", reply_to="", key=key, way_out=WAY_OUT, sent_at=datetime.now(UTC),
        )  # fmt: skip
        mail = compose(WORDS, envelope)
        transport.send(mail, draft_id=transport.draft(mail, key=key))


if __name__ == "__main__":
    main(*sys.argv[1:])
