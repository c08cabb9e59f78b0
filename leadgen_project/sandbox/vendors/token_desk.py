"""The part of an OAuth 2.0 server that hands out codes and tokens: code flow with PKCE, refresh.

Strict: a code works once, for ten minutes, with the redirect address and verifier it was asked for.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

CODE_SECONDS = 600.0


class RefusedError(Exception):
    """The desk says no. ``error`` is OAuth's word, ``reason`` one of ours for the vendor's text."""

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(f"{error}: {reason}")
        self.error, self.reason = error, reason


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sign-in was asked for."""

    redirect_uri: str
    challenge: str
    scope: str
    offline: bool


@dataclass(slots=True)
class _Code:
    asked: Asked
    account: str
    until: float
    is_used: bool = False


@dataclass(slots=True)
class _Refresh:
    account: str
    scope: str
    why_dead: str = ""


@dataclass(slots=True)
class _Access:
    account: str
    scope: str
    until: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """``refresh`` is empty where none comes with the answer."""

    access: str
    refresh: str
    seconds: int
    scope: str


@dataclass(slots=True)
class TokenDesk:
    """``rotates``: each refresh brings a new refresh token and ends the old one."""

    client_id: str
    client_secret: str
    redirect_uris: set[str] = field(default_factory=set)  # empty: any on loopback
    rotates: bool = True
    access_seconds: float = 3599
    clock: Callable[[], float] = time.monotonic
    dead_uses: int = 0  # refresh tokens used after they were replaced
    refreshes: int = 0
    _codes: dict[str, _Code] = field(default_factory=dict)
    _refresh: dict[str, _Refresh] = field(default_factory=dict)
    _access: dict[str, _Access] = field(default_factory=dict)

    # --- the browser's part -------------------------------------------------------------------
    def check(self, query: dict[str, str]) -> Asked:
        """What ``authorize`` is asked. Raises ``RefusedError`` for what must not be answered."""
        if query.get("client_id") != self.client_id:
            raise RefusedError("unauthorized_client", "client")
        uri = query.get("redirect_uri", "")
        if uri not in self.redirect_uris and (self.redirect_uris or not _is_loopback(uri)):
            raise RefusedError("invalid_request", "redirect")
        if query.get("response_type") != "code" or not query.get("scope"):
            raise RefusedError("invalid_request", "parameter")
        if (
            query.get("code_challenge_method") != "S256"
            or len(query.get("code_challenge", "")) != 43
        ):
            raise RefusedError("invalid_request", "challenge")
        scopes = query["scope"].split()
        offline = "offline_access" in scopes or query.get("access_type") == "offline"
        return Asked(uri, query["code_challenge"], query["scope"], offline)

    def code(self, asked: Asked, *, account: str) -> str:
        code = f"0.code-{secrets.token_urlsafe(24)}"
        self._codes[code] = _Code(asked, account, self.clock() + CODE_SECONDS)
        return code

    # --- the server's part --------------------------------------------------------------------
    def answer(self, form: dict[str, str]) -> Tokens:
        """The token endpoint. Raises ``RefusedError``."""
        if form.get("client_id") != self.client_id:
            raise RefusedError("unauthorized_client", "client")
        if form.get("client_secret") != self.client_secret:
            raise RefusedError("invalid_client", "secret" if "client_secret" in form else "none")
        match form.get("grant_type"):
            case "authorization_code":
                return self._redeem(form)
            case "refresh_token":
                return self._renew(form)
        raise RefusedError("unsupported_grant_type", "parameter")

    def _redeem(self, form: dict[str, str]) -> Tokens:
        known = self._codes.get(form.get("code", ""))
        if known is None or known.until < self.clock():
            raise RefusedError("invalid_grant", "expired")
        if known.is_used:
            raise RefusedError("invalid_grant", "used")
        if form.get("redirect_uri") != known.asked.redirect_uri:
            raise RefusedError("invalid_grant", "redirect")
        if challenge_of(form.get("code_verifier", "")) != known.asked.challenge:
            raise RefusedError("invalid_grant", "verifier")
        known.is_used = True
        return self.grant(known.account, known.asked.scope, offline=known.asked.offline)

    def _renew(self, form: dict[str, str]) -> Tokens:
        known = self._refresh.get(form.get("refresh_token", ""))
        if known is None:
            raise RefusedError("invalid_grant", "expired")
        if known.why_dead:
            self.dead_uses += known.why_dead == "replaced"
            raise RefusedError("invalid_grant", known.why_dead)
        self.refreshes += 1
        if not self.rotates:
            return self.grant(known.account, known.scope, offline=False)
        known.why_dead = "replaced"
        return self.grant(known.account, known.scope, offline=True)

    # --- tokens -------------------------------------------------------------------------------
    def grant(self, account: str, scope: str, *, offline: bool = True) -> Tokens:
        """Tokens as if ``account`` had just consented."""
        access, refresh = f"at-{secrets.token_urlsafe(32)}", ""
        self._access[access] = _Access(account, scope, self.clock() + self.access_seconds)
        if offline:
            refresh = f"rt-{secrets.token_urlsafe(32)}"
            self._refresh[refresh] = _Refresh(account, scope)
        return Tokens(access, refresh, int(self.access_seconds), scope)

    def holder(self, access: str) -> tuple[str, str] | None:
        """Account and scope of an access token that lives; None otherwise."""
        known = self._access.get(access)
        if known is None or known.until <= self.clock():
            return None
        return known.account, known.scope

    def expire(self, access: str = "") -> None:
        """End one access token, or all."""
        for token, known in self._access.items():
            if not access or token == access:
                known.until = self.clock()

    def revoke(self, account: str) -> None:
        """The person took back the consent: nothing of it works any more."""
        for known in self._refresh.values():
            if known.account == account:
                known.why_dead = known.why_dead or "revoked"
        for access in self._access.values():
            if access.account == account:
                access.until = self.clock()


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _is_loopback(uri: str) -> bool:
    return uri.startswith(("http://127.0.0.1:", "http://localhost:", "http://localhost/"))
