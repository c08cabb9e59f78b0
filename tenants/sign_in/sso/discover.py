"""Read what a provider says of itself: OpenID Connect Discovery 1.0, sections 3 and 4.3."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tenants.sign_in.sso.fetch import ProviderError, check_address, fetch_json

WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Discovery:
    """The addresses of one provider; the last two are empty when it has none."""

    issuer: str
    authorization: str
    token: str
    jwks: str
    userinfo: str = ""
    end_session: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def discover(issuer: str) -> Discovery:
    """Ask ``issuer`` for its document. Raises ``ProviderError``.

    Its ``issuer`` must be letter for letter the one asked for; it must sign with RS256 or ES256.
    """
    check_address(issuer)
    document = fetch_json(issuer.rstrip("/") + WELL_KNOWN)
    named = document.get("issuer")
    if named != issuer:
        raise ProviderError(
            f"The provider calls itself {str(named)[:200]!r}, not {issuer!r}. Write it exactly so."
        )
    algorithms = document.get("id_token_signing_alg_values_supported", ["RS256"])
    if not isinstance(algorithms, list) or not {"RS256", "ES256"} & {str(a) for a in algorithms}:
        raise ProviderError("The provider signs with neither RS256 nor ES256.")
    return Discovery(
        issuer=issuer,
        authorization=_address(document, "authorization_endpoint"),
        token=_address(document, "token_endpoint"),
        jwks=_address(document, "jwks_uri"),
        userinfo=_address(document, "userinfo_endpoint", required=False),
        end_session=_address(document, "end_session_endpoint", required=False),
    )


def _address(document: dict[str, Any], name: str, *, required: bool = True) -> str:
    value = document.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise ProviderError(f"The provider's document has no {name}.")
    check_address(value)
    return value
