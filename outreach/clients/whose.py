"""Whose mailbox an access token opens: asked right after a sign-in, before anything is kept.

Contract: Graph ``GET /v1.0/me`` (User.Read) has ``id``, ``mail`` and ``userPrincipalName``; Gmail
``GET /gmail/v1/users/me/profile`` (gmail.readonly) has ``emailAddress``.
"""

from __future__ import annotations

from dataclasses import dataclass

from outreach.clients.ask import Deadline, Line, NoAnswerError

SECONDS = 15.0
_MICROSOFT = "/v1.0/me?$select=id,displayName,mail,userPrincipalName"
_GOOGLE = "/gmail/v1/users/me/profile"


class NobodyError(Exception):
    """The maker did not say who signed in; the text is for an operator."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Addresses in lower case, the mailbox's own first."""

    number: str
    name: str
    addresses: tuple[str, ...]


def whose_at_microsoft(base_url: str, *, access: str) -> Whose:
    found = _ask(Line("Microsoft", base_url, SECONDS), _MICROSOFT, access=access)
    names = [str(found.get(name) or "").lower() for name in ("mail", "userPrincipalName")]
    return _whose("Microsoft", found, names, number="id", name="displayName")


def whose_at_google(base_url: str, *, access: str) -> Whose:
    found = _ask(Line("Google", base_url, SECONDS), _GOOGLE, access=access)
    return _whose("Google", found, [str(found.get("emailAddress") or "").lower()],
                  number="emailAddress", name="")  # fmt: skip


def _ask(line: Line, path: str, *, access: str) -> dict[str, object]:
    try:
        answer = line.ask("GET", path, deadline=Deadline(SECONDS),
                          headers={"Authorization": f"Bearer {access}"})  # fmt: skip
    except NoAnswerError as exc:
        raise NobodyError(str(exc)) from None
    finally:
        line.close()
    if answer.status != 200:
        raise NobodyError(f"{line.name} did not say whose mailbox it is ({answer.status}).")
    return answer.json


def _whose(
    maker: str, found: dict[str, object], addresses: list[str], *, number: str, name: str
) -> Whose:
    known = tuple(dict.fromkeys(each for each in addresses if "@" in each))
    if not known:
        raise NobodyError(f"The account that signed in at {maker} has no mailbox.")
    return Whose(str(found.get(number) or "")[:200], str(found.get(name) or "")[:120], known)
