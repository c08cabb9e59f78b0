"""Read tenants, roles and the person's name out of a verified token."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

MOST_VALUES = 200  # of one claim; more is a mistake at the provider
# From most rights to fewest: of several roles a person has the strongest.
BY_STRENGTH = ("OWNER", "OPERATOR", "REVIEWER", "AUDITOR")


@dataclass(frozen=True, slots=True)
class Person:
    """What a provider says of one person. ``role`` is None when it names none that we know."""

    issuer: str
    subject: str
    tenant_values: frozenset[str]
    role: str | None
    names_roles: bool  # the claim was there, so leaving a role out takes it away
    email: str = ""
    is_email_verified: bool = False
    name: str = ""


def read_person(
    claims: Mapping[str, Any], *, tenant_claim: str, roles_claim: str, role_map: Mapping[str, str]
) -> Person:
    """The person a verified token speaks of. Claims of a wrong type count as missing."""
    roles = find_claim(claims, roles_claim)
    return Person(
        issuer=claims["iss"],
        subject=claims["sub"],
        tenant_values=_tenants(find_claim(claims, tenant_claim) if tenant_claim else None),
        role=strongest(roles, role_map=role_map),
        names_roles=isinstance(roles, list),
        email=_text(claims.get("email"), most=254) if "@" in str(claims.get("email")) else "",
        is_email_verified=claims.get("email_verified") is True,
        name=_text(claims.get("name"), most=100),
    )


def find_claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim called ``name``, else the one its dots lead to; None when there is none.

    The whole name goes first, as Auth0's names are addresses (https://leadgen.example/roles);
    Keycloak's lie inside one another (realm_access.roles).
    """
    if name in claims:
        return claims[name]
    value: Any = claims
    for step in name.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return None
        value = value[step]
    return value


def strongest(roles: Any, *, role_map: Mapping[str, str]) -> str | None:
    """Our role for a list of the provider's words; anything but a list gives none.

    Without a map our own names count, in any case of letters; with one, only what it holds.
    """
    if not isinstance(roles, list):
        return None
    words = [word for word in roles[:MOST_VALUES] if isinstance(word, str)]
    ours = [role_map.get(word) if role_map else word.upper() for word in words]
    return next((role for role in BY_STRENGTH if role in ours), None)


def _tenants(value: Any) -> frozenset[str]:
    values: Collection[Any] = value[:MOST_VALUES] if isinstance(value, list) else [value]
    return frozenset(text for text in map(_text, values) if text)


def _text(value: Any, most: int = 200) -> str:
    """``value`` if it is text that can be stored and shown, else nothing."""
    usable = isinstance(value, str) and len(value) <= most and value.isprintable()
    return value.strip() if usable else ""
