"""Connect a mailbox by a sign-in at its maker: code flow with PKCE, for console and API alike.

A state works once, for ten minutes, in its tenant, for the account and the browser session that
began it; whoever else brings it learns nothing and changes nothing (RFC 9700, section 4.7).
"""

from __future__ import annotations

import hashlib
import logging
import secrets as chance
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction

from outreach.clients.oauth import (
    Maker,
    OAuthError,
    Tokens,
    authorize_address,
    new_verifier,
    redeem,
)
from outreach.clients.whose import NobodyError, Whose, whose_at_google, whose_at_microsoft
from outreach.mailboxes import tokens
from outreach.mailboxes.begin_with import begin_with
from outreach.mailboxes.makers import is_set_up, maker_of
from outreach.models import Mailbox, MailboxSignIn
from tenants import audit, secrets

logger = logging.getLogger(__name__)

GOOD_FOR = timedelta(minutes=10)
KEPT_FOR = timedelta(days=1)
Kind, State = Mailbox.Transport, Mailbox.State


class SignInError(Exception):
    """The mailbox is not connected; the text says to the operator why and what to do."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who begins or ends a sign-in. ``session``: the browser's, empty for a program."""

    number: int
    name: str
    session: str = ""
    may_add: bool = False  # mailboxes that are not here yet


def begin(
    mailbox: Mailbox | None, *, transport: str, redirect_uri: str, caller: Caller, now: datetime
) -> str:
    """The address at the maker to which the caller's browser is sent.

    ``mailbox`` None: the address that signs in decides. Raises ``SignInError`` when the deployment
    has no application at the maker. Each call begins a sign-in of its own.
    """
    maker = _maker(transport)
    MailboxSignIn.objects.filter(begun_at__lt=now - KEPT_FOR).delete()
    state, verifier = chance.token_urlsafe(32), new_verifier()
    MailboxSignIn.objects.create(
        state_hash=_hash(state), mailbox=mailbox, transport=transport, user_number=caller.number,
        session_hash=_hash(caller.session) if caller.session else "",
        verifier=secrets.encrypt(verifier), redirect_uri=redirect_uri, begun_at=now,
    )  # fmt: skip
    hint = account_of(mailbox) if mailbox else ""
    return authorize_address(
        maker, redirect_uri=redirect_uri, state=state, verifier=verifier, hint=hint
    )


def finish(*, state: str, code: str, caller: Caller, now: datetime) -> Mailbox:
    """Spend the state, redeem the code, and keep the tokens of the mailbox that signed in.

    The mailbox is READY afterwards unless somebody paused it. Raises ``SignInError``, with nothing
    changed but the state, which is spent.
    """
    begun = spend(state=state, caller=caller, now=now)
    maker = _maker(begun.transport)
    if not code:
        raise SignInError(f"{maker.name} sent no code. Begin again.")
    try:
        found = redeem(maker, code=code, verifier=secrets.decrypt(bytes(begun.verifier)),
                       redirect_uri=begun.redirect_uri)  # fmt: skip
        whose = _whose(begun.transport, access=found.access)
    except (OAuthError, NobodyError, secrets.SecretUnreadableError) as exc:
        raise SignInError(f"{exc} Begin again.") from None
    _check_rights(maker, found)
    return _connect(begun, found, whose, caller=caller, now=now)


def spend(*, state: str, caller: Caller, now: datetime) -> MailboxSignIn:
    """The sign-in that ``state`` belongs to, which works no more. Raises ``SignInError``."""
    mine = MailboxSignIn.objects.filter(state_hash=_hash(state), user_number=caller.number,
                                        used_at=None, begun_at__gt=now - GOOD_FOR)  # fmt: skip
    begun = mine.select_related("mailbox").first()
    session = _hash(caller.session) if caller.session else ""
    if begun is None or begun.session_hash not in {"", session} or not mine.update(used_at=now):
        raise SignInError(
            "This sign-in was not begun here by you, is older than ten minutes, or was used"
            " already. Begin again."
        )
    return begun


def account_of(mailbox: Mailbox) -> str:
    """The address that is to sign in: the mailbox's, unless another was named."""
    return str(mailbox.options.get("account") or mailbox.address).lower()


def admin_consent_address(redirect_uri: str) -> str:
    """Where an administrator of the customer's Microsoft tenant consents for everybody."""
    maker = _maker(Kind.GRAPH_DRAFT)
    query = {"client_id": maker.client_id, "redirect_uri": redirect_uri,
             "scope": " ".join(each for each in maker.scopes if "/" in each)}  # fmt: skip
    base = f"{maker.base_url}/{settings.MICROSOFT_TENANT}/v2.0/adminconsent"
    return f"{base}?{urlencode(query)}"


def _maker(transport: str) -> Maker:
    maker = maker_of(transport)
    if maker is None:
        raise SignInError("This kind of mailbox is connected with a password or key.")
    if not is_set_up(maker):
        raise SignInError(
            f"This deployment has no application at {maker.name}. Set {maker.setting}."
        )
    return maker


def _whose(transport: str, *, access: str) -> Whose:
    if transport == Kind.GMAIL:
        return whose_at_google(settings.GMAIL_BASE_URL, access=access)
    return whose_at_microsoft(settings.GRAPH_BASE_URL, access=access)


def _check_rights(maker: Maker, found: Tokens) -> None:
    """People may untick rights at Google, and a policy may take some away at Microsoft."""
    given = {each.rpartition("/")[2].lower() for each in found.scope.split()}
    wanted = {each.rpartition("/")[2] for each in maker.scopes} - {"offline_access"}
    missing = sorted(each for each in wanted if each.lower() not in given)
    if found.scope and missing:
        raise SignInError(f"{maker.name} did not grant {', '.join(missing)}. Begin again, and"
                          " consent to everything that is asked.")  # fmt: skip
    if not found.refresh:
        raise SignInError(f"{maker.name} sent no refresh token, so the mailbox would stop within"
                          " the hour. Begin again.")  # fmt: skip


@transaction.atomic
def _connect(
    begun: MailboxSignIn, found: Tokens, whose: Whose, *, caller: Caller, now: datetime
) -> Mailbox:
    mailbox = _mailbox_for(begun, whose, caller=caller)
    tokens.keep(mailbox, found)
    if mailbox.state in {State.NEW, State.RECONNECT}:
        mailbox.state, mailbox.state_reason, mailbox.state_since = State.READY, "", now
    mailbox.findings = {**mailbox.findings, "signed_in": {
        "as": whose.addresses[0], "number": whose.number, "at": now.isoformat(),
        "by": caller.name}}  # fmt: skip
    mailbox.save(update_fields=["state", "state_reason", "state_since", "findings"])
    audit.record(
        "outreach.mailbox.connect",
        actor=caller.name,
        subject=f"mailbox {mailbox.pk}",
        after={"address": mailbox.address, "signed_in_as": whose.addresses[0]},
    )
    return mailbox


def _mailbox_for(begun: MailboxSignIn, whose: Whose, *, caller: Caller) -> Mailbox:
    locked = Mailbox.objects.select_for_update(of=("self",))
    if begun.mailbox_id is not None:
        mailbox = locked.filter(pk=begun.mailbox_id).first()
        if mailbox is None or mailbox.transport != begun.transport:
            raise SignInError("The mailbox was changed meanwhile. Begin again.")
        if account_of(mailbox) not in whose.addresses:
            raise SignInError(
                f"{whose.addresses[0]} signed in, but this mailbox is {account_of(mailbox)}."
                f" Sign in as that, or add a mailbox for {whose.addresses[0]}."
            )
        return mailbox
    known = locked.filter(address__in=whose.addresses, transport=begun.transport).first()
    if known is not None:
        return known
    if not caller.may_add or Mailbox.objects.filter(address__in=whose.addresses).exists():
        raise SignInError(f"There is no mailbox {whose.addresses[0]} here of this kind, and you may"
                          " not add one.")  # fmt: skip
    usual = {"display_name": whose.name, **begin_with(), "transport": begun.transport}
    return Mailbox.objects.create(address=whose.addresses[0], **usual)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
