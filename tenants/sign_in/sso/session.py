"""What a session knows of how its person signed in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SESSION_KEY = "sign_in"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in. Without a provider it was a password."""

    provider: str = ""  # key of the provider; see ``tenants.sign_in.sso.providers``
    tenant: str = ""  # the only tenant that provider opens; empty: all the person's
    has_second_factor: bool = False
    renew_at: float = 0.0  # when the provider is to be asked again, in seconds since 1970
    sealed_id_token: str = ""  # for signing out there; encrypted

    @property
    def is_by_provider(self) -> bool:
        return bool(self.provider)

    @property
    def confined_to(self) -> frozenset[str] | None:
        return frozenset([self.tenant]) if self.tenant else None


def read_sign_in(session: Any) -> SignIn:
    """How the session's person signed in; a session that does not say is a password's."""
    kept = session.get(SESSION_KEY)
    return SignIn(**kept) if isinstance(kept, dict) else SignIn()


def keep_sign_in(session: Any, sign_in: SignIn) -> None:
    session[SESSION_KEY] = asdict(sign_in)
