"""Check a JWT: who signed it, for whom, until when.

Sources: RFC 8725, RFC 9068, OpenID Connect Core 3.1.3.7.

The algorithm is ours to choose and the keys come from the provider's own address; whatever a token
says about its key beyond a name makes it invalid.
"""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Collection
from typing import Any

import jwt

from tenants.sign_in.sso.keys import ALGORITHMS, KeySet
from tenants.sign_in.token_size import LONGEST_TOKEN

LEEWAY_SECONDS = 30
REQUIRED = ["exp", "iat", "iss", "aud", "sub"]
BEARER_TYPES = {"jwt", "at+jwt", "application/at+jwt"}
REFUSED_HEADERS = ("jku", "x5u", "jwk", "crit", "b64", "zip")


class TokenError(Exception):
    """The token is not good. The text may be shown to whoever sent it."""


def peek(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims as written, nothing verified: only to learn which provider to ask.

    Raises ``TokenError`` for what is no signed JWT of sane size and types.
    """
    if len(token) > LONGEST_TOKEN:
        raise TokenError(f"The token is longer than {LONGEST_TOKEN} characters.")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise TokenError("The token is no signed JWT.")
    header, claims = _part(parts[0]), _part(parts[1])
    for name in ("exp", "iat", "nbf"):
        if name in claims and not _is_time(claims[name]):
            raise TokenError(f"The token's {name} is no time.")
    for name in ("iss", "sub"):
        if not _is_text(claims.get(name)):
            raise TokenError(f"The token has no usable {name}.")
    return header, claims


def verify(
    token: str,
    *,
    keys: KeySet,
    issuer: str,
    audiences: Collection[str],
    types: Collection[str] = BEARER_TYPES,
    needs_kid: bool = True,
) -> dict[str, Any]:
    """The claims of a good token; raises ``TokenError``.

    Also raises ``ProviderError`` when the provider's keys are unknown and cannot be asked for.
    """
    header, _ = peek(token)
    algorithm = _algorithm(header, types=types)
    kid = header.get("kid")
    if kid is not None and not _is_text(kid):
        raise TokenError("The token's kid is no name of a key.")
    if kid is None and needs_kid:
        raise TokenError("The token does not name its key (kid).")
    if not audiences:
        raise TokenError("No audience is set here, so no token can be meant for us.")
    key = keys.find(kid, algorithm=algorithm)
    if key is None:
        raise TokenError("The token is signed with a key its provider does not have.")
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=list(audiences),
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )
    except jwt.PyJWTError as exc:
        raise TokenError(_SENTENCES.get(type(exc), "The token cannot be verified.")) from None


_SENTENCES: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.InvalidAudienceError: "The token was issued for somebody else (aud).",
    jwt.InvalidIssuerError: "The token was issued by somebody else (iss).",
    jwt.InvalidSignatureError: "The token's signature is wrong.",
    jwt.MissingRequiredClaimError: "The token lacks a claim it must have.",
}


def _algorithm(header: dict[str, Any], *, types: Collection[str]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenError("The token is signed with neither RS256 nor ES256.")
    if strange := [name for name in REFUSED_HEADERS if name in header]:
        raise TokenError(f"The token's header may not hold {strange[0]}.")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in types:
        raise TokenError("The token is of another type (typ).")
    return algorithm


def _part(text: str) -> dict[str, Any]:
    try:
        value = json.loads(
            urlsafe_b64decode(text + "=" * (-len(text) % 4)), object_pairs_hook=_once
        )
    except (ValueError, Base64Error, RecursionError):
        raise TokenError("The token is no signed JWT.") from None
    if not isinstance(value, dict):
        raise TokenError("The token is no signed JWT.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that is given twice: two readers would read two tokens."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _is_time(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value < 1e11


def _is_text(value: Any) -> bool:
    """Whether it can be stored and shown: printable, of sane length."""
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()
