"""Bearer credentials of the API: JWTs of a provider, tokens of our own, passes of the console.

Checked by ``resolve`` before a view runs, as the tenant depends on it; the class below only
tells Django REST framework what was found. No provider is asked per request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from tenants.context import in_public
from tenants.models import Membership, User
from tenants.sign_in import api_tokens, console_pass
from tenants.sign_in.sso.admit import NotAdmittedError, admit
from tenants.sign_in.sso.claims import BY_STRENGTH, Person
from tenants.sign_in.sso.fetch import ProviderError
from tenants.sign_in.sso.keys import keys_at
from tenants.sign_in.sso.providers import Provider, providers_of_issuer
from tenants.sign_in.sso.verify import TokenError, peek, verify

REALM = "leadgen"
KEY_HEADER = "X-Api-Key"
BY_KEY = "/agent/"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a good bearer token says. ``user`` carries its limits; see ``User``."""

    user: User
    tenants: frozenset[str]  # keys of the tenants it opens, existing or not
    kind: str  # "jwt", "token" or "pass"
    id: str  # names the token in limits and logs, and reveals nothing of it


class BadCredentialError(Exception):
    """The header holds no good token: 401. The text may be shown to the caller."""

    def __init__(self, text: str, *, code: str = "invalid_token") -> None:
        super().__init__(text)
        self.code = code

    def challenge(self) -> str:
        """What to write into ``WWW-Authenticate`` (RFC 6750, section 3)."""
        words = str(self).replace('"', "'")
        return f'Bearer realm="{REALM}", error="{self.code}", error_description="{words}"'


def find_credential(request: HttpRequest, *, now: datetime) -> Credential | None:
    """The bearer credential of ``request``; None when it brings none.

    Chat clients that cannot send ``Authorization`` bring an API token as ``X-Api-Key``, for their
    own addresses alone. Raises ``BadCredentialError``. Runs in the public context.
    """
    if "Authorization" not in request.headers and request.path.startswith(BY_KEY):
        return _by_key(request.headers.get(KEY_HEADER, "").strip(), now=now)
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer":
        return None
    token = token.strip()
    if not token or not token.isascii() or " " in token:
        raise BadCredentialError("Write: Authorization: Bearer TOKEN.", code="invalid_request")
    try:
        if token.startswith(console_pass.MARK):
            return _pass(token, path=request.path, now=now)
        return _own(token, now=now) if token.startswith(api_tokens.MARK) else _jwt(token)
    except (TokenError, api_tokens.ApiTokenError, console_pass.ConsolePassError) as exc:
        raise BadCredentialError(str(exc)) from None
    except ProviderError:
        raise BadCredentialError(
            "The provider that issued this token cannot be asked for its keys at the moment."
        ) from None


def _by_key(token: str, *, now: datetime) -> Credential | None:
    if not token:
        return None
    if not token.startswith(api_tokens.MARK) or not token.isascii():
        raise BadCredentialError(f"{KEY_HEADER} holds no API token of ours.")
    try:
        return _own(token, now=now)
    except api_tokens.ApiTokenError as exc:
        raise BadCredentialError(str(exc)) from None


def _own(token: str, *, now: datetime) -> Credential:
    row = api_tokens.check(token, now=now)
    return Credential(
        user=row.user, tenants=frozenset([row.tenant_id]), kind="token", id=f"token {row.prefix}"
    )


def _pass(token: str, *, path: str, now: datetime) -> Credential:
    user, tenant = console_pass.check(token, path=path, now=now)
    return Credential(
        user=user, tenants=frozenset([tenant]), kind="pass", id=f"pass of {user.get_username()}"
    )


def _jwt(token: str) -> Credential:
    _, unverified = peek(token)
    providers = providers_of_issuer(unverified["iss"])
    if not providers:
        raise TokenError("The token was issued by somebody unknown here (iss).")
    meant_for = [one for one in providers if one.accepted_audiences() & _audiences(unverified)]
    provider = meant_for[0] if meant_for else providers[0]
    claims = verify(
        token,
        keys=keys_at(provider.discovery().jwks),
        issuer=provider.issuer,
        audiences=provider.accepted_audiences(),
    )
    # Tenants may share a provider; the claim decides whose word this is.
    people = [(one, one.person(claims)) for one in meant_for]
    provider, person = next(
        ((one, person) for one, person in people if one.tenants_for(person)), people[0]
    )
    issued_at = datetime.fromtimestamp(claims["iat"], tz=UTC)
    return _credential(person, provider=provider, issued_at=issued_at)


def _credential(person: Person, *, provider: Provider, issued_at: datetime) -> Credential:
    opened = provider.tenants_for(person)
    try:
        user = admit(person, provider=provider, issued_at=issued_at, needs_place=False)
    except NotAdmittedError:
        user = User(username=person.email or person.subject[:150])  # known by name, of no tenant
    user.confined_to = opened
    roles = _roles(user, person, opened)
    user.__dict__["_role_by_tenant"] = {key: roles.get(key) for key in opened}
    return Credential(
        user=user,
        tenants=opened or person.tenant_values,  # a foreign one is refused by name
        kind="jwt",
        id=f"{person.issuer} {person.subject}",
    )


def _roles(user: User, person: Person, opened: frozenset[str]) -> dict[str, str]:
    """The role in each tenant: as the token says, and no more than an owner gave by hand."""
    if user.pk is None or (person.names_roles and person.role is None):
        return {}
    with in_public():
        mine = list(Membership.objects.filter(user_id=user.pk, tenant_id__in=opened))
    found = {}
    for row in mine:
        if not person.names_roles:
            found[row.tenant_id] = row.role
        elif row.granted_by == person.issuer:
            found[row.tenant_id] = str(person.role)
        else:
            found[row.tenant_id] = max(row.role, str(person.role), key=BY_STRENGTH.index)
    return found


def _audiences(claims: dict[str, Any]) -> frozenset[str]:
    given = claims.get("aud")
    values = given if isinstance(given, list) else [given]
    return frozenset(value for value in values if isinstance(value, str))


class BearerAuthentication(BaseAuthentication):
    """For views of the API: the caller a bearer token names, as ``resolve`` found them."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        found: Credential | None = getattr(request, "credential", None)
        return (found.user, found) if found else None

    def authenticate_header(self, request: Request) -> str:
        return f'Bearer realm="{REALM}"'
