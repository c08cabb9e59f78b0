"""Where one is signed in: servers, tenants and tokens in one file that only its owner may read."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from leadgen_project.client.failures import ClientError, Exit

FILE = "profiles.json"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Profile:
    """One sign-in. The token never shows in a text made of it."""

    server: str
    token: str = field(repr=False)
    tenant: str = ""
    user: str = ""
    expires_at: str = ""  # ISO 8601, UTC; empty: not known

    @property
    def name(self) -> str:
        return f"{self.tenant or 'all'}@{urlsplit(self.server).netloc}"


@dataclass(frozen=True, slots=True)
class Profiles:
    """All sign-ins of this person on this machine, and which one commands use."""

    current: str = ""
    by_name: dict[str, Profile] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Profile]:
        return iter(self.by_name.values())

    def find(self, name: str) -> Profile | None:
        """By its name, or by its tenant alone when that is clear."""
        if name in self.by_name:
            return self.by_name[name]
        of_tenant = [each for each in self if each.tenant == name]
        return of_tenant[0] if len(of_tenant) == 1 else None

    def with_current(self, profile: Profile) -> Profiles:
        return Profiles(profile.name, {**self.by_name, profile.name: profile})

    def without(self, name: str) -> Profiles:
        left = {each: profile for each, profile in self.by_name.items() if each != name}
        current = self.current if self.current in left else next(iter(left), "")
        return replace(self, current=current, by_name=left)


def folder() -> Path:
    """``LEADGEN_CLIENT_DIR``, or where programs of this machine keep their settings."""
    return Path(os.environ.get("LEADGEN_CLIENT_DIR") or click.get_app_dir("leadgen"))


def load() -> Profiles:
    """What is kept; nothing on a fresh machine. Refuses a file that others could read or have
    broken."""
    path = folder() / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Profiles()
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ClientError(
            Exit.NOT_SIGNED_IN,
            f"Others on this machine may read your tokens. Run: chmod 600 {path}",
        )
    try:
        kept = json.loads(text)
        found = {name: Profile(**values) for name, values in kept["profiles"].items()}
        return Profiles(kept["current"], found)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ClientError(
            Exit.NOT_SIGNED_IN, f"{path} is broken. Remove it and log in again."
        ) from None


def save(profiles: Profiles) -> None:
    """Keep ``profiles``: whole or not at all, readable by its owner alone from the first byte."""
    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = {
        "current": profiles.current,
        "profiles": {name: asdict(profile) for name, profile in profiles.by_name.items()},
    }
    fresh = place / f".{FILE}.{os.getpid()}"
    with suppress(FileNotFoundError):
        fresh.unlink()
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(kept, file, indent=1)
        file.write("\n")
    fresh.replace(place / FILE)


def chosen(name: str = "") -> Profile:
    """The sign-in a command uses: the one named, that of the environment, or the current one.

    Raises ``ClientError`` when there is none.
    """
    token, server = os.environ.get("LEADGEN_TOKEN", ""), os.environ.get("LEADGEN_SERVER", "")
    if not name and token and server:
        return Profile(
            server=server_address(server), token=token, tenant=os.environ.get("LEADGEN_TENANT", "")
        )
    kept = load()
    found = kept.find(name or kept.current)
    if found is None:
        what = f"There is no sign-in {name!r} here." if name else "You are not signed in."
        raise ClientError(Exit.NOT_SIGNED_IN, f"{what} Run: leadgen login https://YOUR-SERVER")
    return found


def server_address(given: str) -> str:
    """``given`` as scheme and host, https unless it is this machine. Raises ``ClientError``.

    Over plain http to another machine, anybody on the way could read the token.
    """
    here = given.partition("://")[2] or given
    is_local = _is_local(urlsplit(f"//{here}").hostname or "")
    address = given if "://" in given else f"{'http' if is_local else 'https'}://{given}"
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ClientError(Exit.WRONG_USAGE, f"{given!r} is not the address of a server.")
    if parts.scheme == "http" and not is_local:
        raise ClientError(
            Exit.WRONG_USAGE,
            f"{parts.netloc} over http would show your token to everybody on the way. Use https.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def _is_local(host: str) -> bool:
    return host in LOCAL_HOSTS or host.endswith(".localhost") or host.startswith("127.")
