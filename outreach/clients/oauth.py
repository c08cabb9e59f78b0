"""The code flow of both makers: the address people are sent to, and the two token calls.

Contract (contracts/microsoft-graph.md 1-2, gmail.md): authorization code with PKCE S256; POST form
to the token address. Microsoft answers each refresh with a new refresh token, Google with none.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode

from outreach.clients.ask import Answer, Deadline, Line, NoAnswerError

TOTAL_SECONDS = 15.0  # of a token call, during which the mailbox's row is locked
LONGEST_LIFE = 86_400
# Of Microsoft, in ``error_codes``: what a person at the maker's page has to do (contract, 2).
_WHY = {
    50173: "The password was changed or the consent taken back.",
    50076: "A second factor is asked for.",
    50079: "A second factor is asked for.",
    65001: "Nobody has consented yet.",
    90094: "An administrator has to consent.",
    700082: "It was not used for too long.",
    70008: "It has expired.",
    54005: "The code was used before.",
    501481: "It was not started here.",
    7000222: "The application's secret has expired.",
    7000215: "The application's secret is wrong.",
    7000218: "The application's secret is missing.",
    50011: "The address to come back to is not registered with the application.",
    700016: "The application is not known there.",
}


@dataclass(frozen=True, slots=True)
class Maker:
    """One maker's sign-in, with the deployment's application there."""

    name: str
    authorize_url: str
    base_url: str  # of the token call
    token_path: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]
    extra: tuple[tuple[str, str], ...]
    setting: str  # what to look at when the application is refused
    read_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """``refresh`` is empty where the maker keeps the old one valid."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: int
    scope: str


class OAuthError(Exception):
    """No tokens. ``kind``: ``sign_in`` (a person has to), ``application`` (the deployment's own
    set-up is refused), ``passing`` (ask again later). The text is for an operator.
    """

    def __init__(self, sentence: str, *, kind: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def new_verifier() -> str:
    """RFC 7636: 43 to 128 characters out of which the challenge is made."""
    return secrets.token_urlsafe(64)


def authorize_address(
    maker: Maker, *, redirect_uri: str, state: str, verifier: str, hint: str
) -> str:
    """Where a person signs in and consents. ``hint``: the address they are expected to use."""
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": maker.client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": " ".join(maker.scopes),
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        **({"login_hint": hint} if hint else {}),
        **dict(maker.extra),
    }
    return f"{maker.authorize_url}?{urlencode(query)}"


def redeem(maker: Maker, *, code: str, verifier: str, redirect_uri: str) -> Tokens:
    """Tokens for a code. Once only: a code that was asked with is spent. Raises ``OAuthError``."""
    return _ask(
        maker,
        {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
         "code_verifier": verifier},
    )  # fmt: skip


def renew(maker: Maker, *, refresh_token: str) -> Tokens:
    """New tokens for a refresh token, which may be dead afterwards. Raises ``OAuthError``."""
    return _ask(maker, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def _ask(maker: Maker, form: dict[str, str]) -> Tokens:
    line = Line(maker.name, maker.base_url, maker.read_seconds)
    sent = {**form, "client_id": maker.client_id, "client_secret": maker.client_secret}
    try:
        answer = line.ask("POST", maker.token_path, form=sent, deadline=Deadline(TOTAL_SECONDS),
                          headers={"Accept": "application/json"})  # fmt: skip
    except NoAnswerError as exc:
        raise OAuthError(str(exc), kind="passing") from None
    finally:
        line.close()
    if answer.status != 200:
        raise _refusal(maker, answer)
    access, refresh = answer.json.get("access_token"), answer.json.get("refresh_token", "")
    seconds = answer.json.get("expires_in")
    if not isinstance(access, str) or not access or not isinstance(seconds, int | str):
        raise OAuthError(f"{maker.name}'s answer holds no token.", kind="passing")
    scope = answer.json.get("scope")
    return Tokens(access, refresh if isinstance(refresh, str) else "", _whole(seconds),
                  scope if isinstance(scope, str) else "")  # fmt: skip


def _whole(seconds: int | str) -> int:
    """Whole seconds of a life no longer than a day: longer ones are nobody's."""
    try:
        return min(max(int(str(seconds)[:12]), 0), LONGEST_LIFE)
    except ValueError:
        return 0


def _refusal(maker: Maker, answer: Answer) -> OAuthError:
    error = str(answer.json.get("error"))
    why = _reason(answer)
    if error in {"invalid_grant", "interaction_required", "consent_required", "login_required"}:
        return OAuthError(f"{maker.name} asks for a new sign-in. {why}".strip(), kind="sign_in")
    if error in {"invalid_client", "unauthorized_client", "invalid_request", "invalid_scope",
                 "unsupported_grant_type"}:  # fmt: skip
        return OAuthError(
            f"{maker.name} refuses this deployment's application. {why} Check {maker.setting}.",
            kind="application",
        )
    return OAuthError(f"{maker.name} answered {answer.status} instead of a token.", kind="passing")


def _reason(answer: Answer) -> str:
    """Our own words for the maker's code; its text may quote what nobody should read in a log."""
    given = answer.json.get("error_codes")
    codes = [code for code in (given if isinstance(given, list) else ()) if isinstance(code, int)]
    for code in codes:
        if code in _WHY:
            return _WHY[code]
    return f"(AADSTS{codes[0]})" if codes else ""
