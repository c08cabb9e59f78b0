"""Whom a mailbox signs in with: the deployment's application at Microsoft and at Google."""

from __future__ import annotations

from django.conf import settings

from outreach.clients.oauth import Maker
from outreach.models import Mailbox

GRAPH = "https://graph.microsoft.com/"
GMAIL = "https://www.googleapis.com/auth/gmail."
GOOGLE_SIGN_IN, GOOGLE_TOKENS = "https://accounts.google.com", "https://oauth2.googleapis.com"
WITH_SIGN_IN = (Mailbox.Transport.GRAPH_DRAFT, Mailbox.Transport.GRAPH_DIRECT,
                Mailbox.Transport.GMAIL)  # fmt: skip


def signs_in(mailbox: Mailbox) -> bool:
    """Whether the mailbox is connected by a sign-in, not by a password or key."""
    return mailbox.transport in WITH_SIGN_IN


def maker_of(transport: str) -> Maker | None:
    """The maker of a mailbox with ``transport``; None for transports without a sign-in."""
    match transport:
        case Mailbox.Transport.GRAPH_DRAFT:
            # Drafts are written, sent, and looked for in Sent Items.
            return _microsoft("Mail.ReadWrite", "Mail.Send")
        case Mailbox.Transport.GRAPH_DIRECT:
            return _microsoft("Mail.Send")
        case Mailbox.Transport.GMAIL:
            return _google()
    return None


def is_set_up(maker: Maker) -> bool:
    return bool(maker.client_id and maker.client_secret)


def _microsoft(*rights: str) -> Maker:
    base, tenant = settings.MICROSOFT_LOGIN_BASE_URL.rstrip("/"), settings.MICROSOFT_TENANT
    return Maker(
        name="Microsoft",
        authorize_url=f"{base}/{tenant}/oauth2/v2.0/authorize",
        base_url=base,
        token_path=f"/{tenant}/oauth2/v2.0/token",
        client_id=settings.MICROSOFT_CLIENT_ID,
        client_secret=settings.MICROSOFT_CLIENT_SECRET,
        scopes=("offline_access", *(f"{GRAPH}{name}" for name in ("User.Read", *rights))),
        extra=(("response_mode", "query"), ("prompt", "select_account")),
        setting="MICROSOFT_CLIENT_ID, MICROSOFT_CLIENT_SECRET and MICROSOFT_TENANT",
    )


def _google() -> Maker:
    own = settings.GOOGLE_OAUTH_BASE_URL.rstrip("/")
    return Maker(
        name="Google",
        authorize_url=f"{own or GOOGLE_SIGN_IN}/o/oauth2/v2/auth",
        base_url=own or GOOGLE_TOKENS,
        token_path="/token",  # noqa: S106 -- an address
        client_id=settings.GOOGLE_CLIENT_ID,
        client_secret=settings.GOOGLE_CLIENT_SECRET,
        # readonly: what was sent is searched for by Message-ID, and answers are read.
        scopes=(f"{GMAIL}send", f"{GMAIL}readonly"),
        extra=(("access_type", "offline"), ("prompt", "consent")),
        setting="GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET",
    )
