"""The code flow of mozilla-django-oidc, with what it leaves unchecked checked.

The library takes any audience and issuer, knows people by e-mail, and asks for the keys on every
sign-in without a time limit (contract of 2026-11-21; each point has a test in test_sign_in.py).
So it keeps the protocol's order here, and every answer goes through ``fetch``, ``verify`` and
``admit``.
"""

from __future__ import annotations

import hmac
import logging
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import import_from_settings

from tenants.models import User
from tenants.sign_in.sso.admit import admit
from tenants.sign_in.sso.claims import find_claim
from tenants.sign_in.sso.fetch import ProviderError, fetch_json
from tenants.sign_in.sso.keys import keys_at
from tenants.sign_in.sso.providers import Provider
from tenants.sign_in.sso.verify import TokenError, verify

logger = logging.getLogger(__name__)
ID_TOKEN_TYPES = {"jwt"}
PATIENCE_SECONDS = 8.0  # for the answers somebody is waiting for at the door


def provider_setting(provider: Provider, name: str, *default: Any) -> Any:
    """What the library reads from its settings, answered for one provider."""
    found = provider.discovery()
    known = {
        "OIDC_OP_AUTHORIZATION_ENDPOINT": found.authorization,
        "OIDC_OP_TOKEN_ENDPOINT": found.token,
        "OIDC_OP_USER_ENDPOINT": found.userinfo,
        "OIDC_OP_JWKS_ENDPOINT": found.jwks,
        "OIDC_RP_CLIENT_ID": provider.client_id,
        "OIDC_RP_SCOPES": provider.scopes,
        "OIDC_AUTHENTICATION_CALLBACK_URL": "oidc-callback",
    }
    if name == "OIDC_RP_CLIENT_SECRET":
        return provider.secret()
    return known[name] if name in known else import_from_settings(name, *default)


class ProviderBackend(OIDCAuthenticationBackend):
    """Signs one person in through one provider.

    Not among AUTHENTICATION_BACKENDS: only the callback view uses it, with the provider its session
    remembers. After ``authenticate``, ``id_token`` holds the token that was verified.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.id_token = ""
        super().__init__()

    def get_settings(self, attr: str, *args: Any) -> Any:
        return provider_setting(self.provider, attr, *args)

    def get_token(self, payload: dict[str, str]) -> dict[str, Any]:
        """Trade the code for tokens: the secret by HTTP Basic, as the standard's default has it.

        A provider that wants it in the form (Auth0's default) says so before it looks at the code.
        """
        secret = payload.pop("client_secret")
        if not secret:
            return self._ask_for_tokens(payload, headers={})
        pair = f"{quote(self.provider.client_id, safe='')}:{quote(secret, safe='')}"
        basic = {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        try:
            return self._ask_for_tokens(payload, headers=basic)
        except ProviderError as exc:
            if "invalid_client" not in str(exc):
                raise
            return self._ask_for_tokens({**payload, "client_secret": secret}, headers={})

    def _ask_for_tokens(self, form: dict[str, str], *, headers: dict[str, str]) -> dict[str, Any]:
        return fetch_json(
            self.OIDC_OP_TOKEN_ENDPOINT, form=form, headers=headers, patience=PATIENCE_SECONDS
        )

    def verify_token(self, token: Any, **kwargs: Any) -> dict[str, Any]:
        """The claims of a good ID token; raises ``TokenError`` (OpenID Connect Core 3.1.3.7)."""
        if not isinstance(token, str):
            raise TokenError("The provider sent no ID token.")
        claims = verify(
            token,
            keys=keys_at(self.OIDC_OP_JWKS_ENDPOINT),
            issuer=self.provider.issuer,
            audiences=[self.provider.client_id],
            types=ID_TOKEN_TYPES,
            needs_kid=False,  # a provider with a single key need not name it
        )
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (
            claims.get("azp", None if several else self.provider.client_id)
            != self.provider.client_id
        ):
            raise TokenError("The ID token was issued to another application (azp).")
        nonce, given = str(kwargs.get("nonce") or ""), claims.get("nonce")
        if not nonce or not isinstance(given, str) or not _same(given, nonce):
            raise TokenError("The ID token answers another sign-in (nonce).")
        self.id_token = token
        return claims

    def get_userinfo(self, access_token: str, id_token: str, payload: Any) -> dict[str, Any]:
        """What the provider says beside the ID token, which goes first. Same person, or nobody."""
        if not self.OIDC_OP_USER_ENDPOINT or not isinstance(access_token, str):
            return {}
        headers = {"Authorization": f"Bearer {access_token}"}
        try:
            said = fetch_json(
                self.OIDC_OP_USER_ENDPOINT, headers=headers, patience=PATIENCE_SECONDS
            )
        except ProviderError:
            if find_claim(payload, self.provider.roles_claim) is None:
                raise  # the roles may stand there, and none at all would take the person's away
            logger.warning("signed in without userinfo of %s", self.provider.name)
            return {}
        if said.get("sub") != payload["sub"]:
            raise TokenError("The provider's userinfo speaks of another person (sub).")
        return said

    def get_or_create_user(self, access_token: str, id_token: str, payload: Any) -> User:
        said = self.get_userinfo(access_token, id_token, payload)
        issued_at = datetime.fromtimestamp(payload["iat"], tz=UTC)
        person = self.provider.person({**said, **payload})
        return admit(person, provider=self.provider, issued_at=issued_at)

    def authenticate(self, request: HttpRequest, **kwargs: Any) -> User | None:
        """The person behind the code in ``request``.

        Raises ``TokenError``, ``ProviderError`` or ``NotAdmittedError``, each with a sentence.
        """
        return super().authenticate(request, **kwargs)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
