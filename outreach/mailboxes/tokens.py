"""A mailbox's access token: kept encrypted, renewed by one process at a time, never shown.

Microsoft answers each refresh with a new refresh token, and other systems end the old one at once
(RFC 9700, 4.14). So the mailbox's row is locked while the maker is asked, and the new token is
committed before the access token is used: this is the one place where a transaction is open while
somebody outside is asked, for 15 s at most. Senders pass a locked mailbox by.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from outreach.clients.oauth import OAuthError, Tokens, renew
from outreach.clients.token_trouble import TokenTroubleError
from outreach.mailboxes.makers import maker_of
from outreach.mailboxes.stop_mailbox import stop_mailbox
from outreach.models import Mailbox
from tenants import secrets
from tenants.clock import database_now

logger = logging.getLogger(__name__)

MARGIN = timedelta(minutes=5)  # a token with less left is renewed
ASK_AGAIN_SECONDS = 60.0
STOPPED_APPLICATION_SECONDS = 900.0
AT_HAND_SECONDS = 5.0
State = Mailbox.State


@dataclass(frozen=True, slots=True)
class Kept:
    """What a mailbox's secret holds."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: int = 0  # of the access token's whole life


def access_token(mailbox_id: int, *, refused: str = "") -> str:
    """An access token that should be taken; ``refused`` is one that was not.

    Renews at most once, in one process at a time; others wait and get what it got. Raises
    ``TokenTroubleError``; when the maker wants the person again, the mailbox's state is RECONNECT
    by then, which stops its queue. Nothing of a queue is lost by it.
    """
    mailbox = Mailbox.objects.get(pk=mailbox_id)
    kept = _kept(mailbox)
    if _is_good(mailbox, kept, refused=refused, now=database_now()):
        return kept.access
    trouble: OAuthError | None = None
    with transaction.atomic():
        mailbox = Mailbox.objects.select_for_update(of=("self",)).get(pk=mailbox_id)
        kept = _kept(mailbox)  # perhaps another process has just renewed it
        if _is_good(mailbox, kept, refused=refused, now=database_now()):
            return kept.access
        try:
            return _renewed(mailbox, kept).access
        except OAuthError as exc:
            trouble = exc
            _show(mailbox, exc)
    raise _trouble(mailbox, trouble)


@dataclass(slots=True)
class TokenAtHand:
    """Gives a mailbox's access token, and asks the database for it every few seconds only.

    For one transport of one sender. A token that was refused is asked for anew at once.
    """

    mailbox_id: int
    _token: str = field(default="", init=False, repr=False)
    _until: float = field(default=0.0, init=False)

    def __call__(self, *, refused: str = "") -> str:
        if refused or time.monotonic() >= self._until:
            self._token = access_token(self.mailbox_id, refused=refused)
            self._until = time.monotonic() + AT_HAND_SECONDS
        return self._token


def keep(mailbox: Mailbox, tokens: Tokens, *, before: Kept | None = None) -> None:
    """Store tokens on ``mailbox``, whose row the caller has locked or just made."""
    refresh = tokens.refresh or (before.refresh if before else "")
    kept = Kept(tokens.access, refresh, tokens.seconds)
    mailbox.secret = secrets.encrypt(json.dumps(asdict(kept)))
    mailbox.secret_version += 1
    mailbox.access_until = database_now() + timedelta(seconds=tokens.seconds)
    changed = ["secret", "secret_version", "access_until"]
    if mailbox.state == State.READY and mailbox.state_reason:  # what stood in the way is mended
        mailbox.state_reason = ""
        changed.append("state_reason")
    mailbox.save(update_fields=changed)


def forget(mailbox: Mailbox) -> None:
    """Drop tokens or password; the mailbox has to be connected anew."""
    mailbox.secret, mailbox.access_until = None, None
    mailbox.secret_version += 1
    mailbox.save(update_fields=["secret", "secret_version", "access_until"])


def _renewed(mailbox: Mailbox, kept: Kept) -> Tokens:
    maker = maker_of(mailbox.transport)
    if maker is None or not kept.refresh:
        raise OAuthError("Nobody has signed in with it yet.", kind="sign_in")
    tokens = renew(maker, refresh_token=kept.refresh)
    keep(mailbox, tokens, before=kept)
    return tokens


def _is_good(mailbox: Mailbox, kept: Kept, *, refused: str, now: datetime) -> bool:
    """A token of a short life is used up to half of it, or each use would renew it."""
    if not kept.access or kept.access == refused or mailbox.access_until is None:
        return False
    margin = min(MARGIN, timedelta(seconds=kept.seconds / 2))
    return mailbox.access_until - margin > now


def _kept(mailbox: Mailbox) -> Kept:
    if not mailbox.secret:
        return Kept("", "")
    try:
        found = json.loads(secrets.decrypt(bytes(mailbox.secret)))
    except secrets.SecretUnreadableError as exc:
        raise TokenTroubleError(str(exc), code="secret", needs_sign_in=True) from None
    return Kept(**found)


def _show(mailbox: Mailbox, exc: OAuthError) -> None:
    """Say on the mailbox's page what stands in its way; RECONNECT also stops its queue."""
    if exc.kind == "application":
        ready = Mailbox.objects.filter(pk=mailbox.pk, state=State.READY)
        ready.update(state_reason=str(exc)[:300])
    elif exc.kind == "sign_in":
        stop_mailbox(mailbox.pk, State.RECONNECT, str(exc))


def _trouble(mailbox: Mailbox, exc: OAuthError) -> TokenTroubleError:
    if exc.kind == "sign_in":
        return TokenTroubleError(str(exc), code="sign_in", needs_sign_in=True)
    if exc.kind == "application":
        # Every mailbox of the maker is concerned, and goes on by itself once that is mended.
        logger.error("mailbox %s: %s", mailbox.pk, exc)
        return TokenTroubleError(str(exc), code="application", needs_sign_in=False,
                                 retry_after=STOPPED_APPLICATION_SECONDS)  # fmt: skip
    return TokenTroubleError(str(exc), code="no_token", needs_sign_in=False,
                             retry_after=ASK_AGAIN_SECONDS)  # fmt: skip
