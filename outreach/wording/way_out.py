"""The link and address by which a recipient says no. Nobody can guess them or turn them on another.

A token is a keyed hash of its message's key: the same on every rendering, so that a preview, a
retry and the sent mail show one link, and worthless for any other message. The database keeps its
hash alone, and never the address behind it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from django.conf import settings

from outreach.models import Message
from outreach.wording.compose import WayOut
from tenants.context import current_schema


def way_out_of(message: Message, *, mailbox_address: str) -> WayOut:
    """Where the recipient of ``message`` can opt out: by click, one-click POST, or mail."""
    token = token_of(message)
    local, _, domain = mailbox_address.partition("@")
    return WayOut(
        url=f"{settings.BASE_URL}/u/{current_schema()}/{token}",
        mailto=f"mailto:{local}@{domain}?subject=unsubscribe%20{token}",
    )


def token_of(message: Message) -> str:
    """192 bits, in letters, digits, - and _."""
    secret = hashlib.sha256(f"leadgen way out v1:{settings.FIELD_KEYS[-1]}".encode()).digest()
    said = f"{current_schema()}:{message.key}".encode()
    return base64.urlsafe_b64encode(hmac.digest(secret, said, "sha256")[:24]).decode()


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
