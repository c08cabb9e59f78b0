"""The database for machines without a PostgreSQL server: started once, shared by all processes.

The application connects through a unix socket in a directory that only the server's account (and
root) can enter. That is the whole access control; authentication behind it is ``trust``. It does
so as the role ``leadgen``, which owns its database and may create roles and databases (one role
per tenant, one database per test run), but is no superuser, so that row-level security binds it.
The superuser is ``postgres``.

The server outlives the process that started it and never stops because another one ends; ``stop``
is for the operator. After ``kill -9`` the next ``ensure`` recovers it.
"""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from leadgen_project.postgres_binaries import Account, EmbeddedPostgresError, find_binaries
from leadgen_project.postgres_place import (
    PORT,
    find_server,
    is_up,
    make_home,
    read_pid_file,
    socket_dir,
)

__all__ = ["EmbeddedPostgresError", "connection_params", "ensure", "stop"]

logger = logging.getLogger(__name__)

NAME = "leadgen"  # of the role and of its database
BOOTSTRAP = f"""\
CREATE ROLE {NAME} LOGIN CREATEROLE CREATEDB NOSUPERUSER NOBYPASSRLS;
CREATE DATABASE {NAME} OWNER {NAME};
"""
CLUSTER_OPTIONS = (
    "--username=postgres",
    "--auth-local=trust",
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    # The builtin C.UTF-8 sorts the same everywhere, and a plain index serves LIKE 'x%'.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
)
# Nothing of ours is needed by the server, and vendor keys do not belong into its environment.
SERVER_ENV = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

RECOVERY_SECONDS = 300  # replaying max_wal_size on a slow disk
LOCK_SECONDS = RECOVERY_SECONDS + 60  # so that waiting ends after the longest start
RETRY_SECONDS = 15  # orphans of a killed server hold its memory for a moment
STOP_SECONDS = 30
POLL_SECONDS = 0.02
LOG_BYTES = 10_000_000
SMALLEST_SHM_BYTES = 256 * 1024**2

# Kept so that a server that dies while its starter lives is reaped, not left a zombie.
_started: list[subprocess.Popen[bytes]] = []


def connection_params(data_dir: Path) -> dict[str, str]:
    """Return Django's connection settings for the database of ``data_dir``. Starts nothing."""
    return {
        "NAME": NAME,
        "USER": NAME,
        "PASSWORD": "",
        "HOST": str(socket_dir(data_dir.resolve())),
        "PORT": str(PORT),
    }


def ensure(data_dir: Path) -> dict[str, str]:
    """Make sure the database of ``data_dir`` takes connections; return ``connection_params``.

    Costs about 1 ms when it is up, 0.2 s for a start, 2 s the first time, and the replay of the
    log after a crash. Safe to call from many processes at once: one starts, the others wait.
    Raises ``EmbeddedPostgresError``, which says what to do next.
    """
    data_dir = data_dir.resolve()
    try:
        if not is_up(data_dir):
            home = make_home(data_dir)
            with _lock(home):
                if not is_up(data_dir):
                    _start(data_dir, home=home)
    except (PermissionError, psutil.AccessDenied) as exc:
        raise EmbeddedPostgresError(
            f"{Account.of_uid(os.geteuid()).name} may not use the embedded database in {data_dir} "
            f"({exc}). Run as the account that made it, or set LEADGEN_DATA_DIR to a directory "
            "of your own, or DATABASE_URL to a server."
        ) from exc
    return connection_params(data_dir)


def stop(data_dir: Path) -> bool:
    """Stop the server of ``data_dir``, open connections included; return whether one was up.

    Committed work is safe; the next ``ensure`` starts it again.
    """
    data_dir = data_dir.resolve()
    home = data_dir / "postgres"
    if not home.exists():
        return False
    with _lock(home.resolve()):
        server = find_server(data_dir)
        if server is None:
            return False
        for demand in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate shutdown
            server.send_signal(demand)
            try:
                server.wait(STOP_SECONDS)
            except psutil.TimeoutExpired:
                logger.warning("PostgreSQL (pid %s) ignores %s", server.pid, demand.name)
            else:
                return True
    raise EmbeddedPostgresError(
        f"PostgreSQL (pid {server.pid}) did not stop within {2 * STOP_SECONDS} seconds. "
        f"Look into {home / 'server.log'}."
    )


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    try:
        with FileLock(home / "start.lock", timeout=LOCK_SECONDS):
            yield
    except Timeout:
        raise EmbeddedPostgresError(
            f"Another process has been busy with the database in {home} for over {LOCK_SECONDS} "
            f"seconds. Look into {home / 'server.log'}."
        ) from None


def _start(data_dir: Path, *, home: Path) -> None:
    cluster = home / "data"
    account = Account.for_server(owned=cluster if cluster.exists() else None)
    programs = find_binaries(account=account, home=home)
    if not cluster.exists():
        _create_cluster(cluster, programs=programs, account=account)
    sockets = socket_dir(data_dir)
    _make_private(sockets, account=account)
    if find_server(data_dir) is not None:  # left starting, or stopping, by somebody else
        _wait_for_other(data_dir)
        if is_up(data_dir):
            return
    command = [
        str(programs / "postgres"),
        *("-D", str(cluster)),
        *("-c", "listen_addresses="),
        *("-c", f'unix_socket_directories="{sockets.resolve()}"'),
        *("-c", "unix_socket_permissions=0700"),
        *_tuning(),
    ]
    _launch(command, data_dir=data_dir, account=account)


def _create_cluster(cluster: Path, *, programs: Path, account: Account) -> None:
    """Make the cluster with its role and database; it appears whole or not at all."""
    workplace = cluster.with_name("unfinished")
    if workplace.exists():  # killed half way
        shutil.rmtree(workplace)
    _make_private(workplace, account=account)
    unfinished = workplace / "data"
    _run([str(programs / "initdb"), *CLUSTER_OPTIONS, str(unfinished)], account=account)
    _run(
        [str(programs / "postgres"), "--single", "-D", str(unfinished), "postgres"],
        account=account,
        statements=BOOTSTRAP,
    )
    unfinished.rename(cluster)
    workplace.rmdir()


def _run(command: list[str], *, account: Account, statements: str = "") -> None:
    done = subprocess.run(  # noqa: S603 -- the wheel's own programs
        command,
        input=statements,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd="/",
        env=SERVER_ENV,
        **account.as_subprocess(),
    )
    # Single-user mode ends with 0 even when a statement failed.
    if done.returncode or "ERROR:" in done.stdout or "FATAL:" in done.stdout:
        raise EmbeddedPostgresError(
            f"{Path(command[0]).name} could not create the embedded database (as {account.name}):\n"
            f"{done.stdout.strip()[-2000:]}\n"
            "Is the disk full? Otherwise set LEADGEN_DATA_DIR to another place, or DATABASE_URL."
        )


def _launch(command: list[str], *, data_dir: Path, account: Account) -> None:
    """Start the server, detached, and wait until it takes connections.

    Tries again for a moment: right after a kill the old server's children still hold its memory.
    """
    log_path = data_dir / "postgres" / "server.log"
    if log_path.exists() and log_path.stat().st_size > LOG_BYTES:
        log_path.replace(log_path.with_suffix(".log.1"))
    give_up_at = time.monotonic() + RETRY_SECONDS
    while True:
        with log_path.open("ab") as log:
            log_start = log.tell()
            server = subprocess.Popen(  # noqa: S603 -- the wheel's own program
                command,
                env=SERVER_ENV | _forget_stale_pid(data_dir / "postgres" / "data"),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at the starter is not for the server
                **account.as_subprocess(),
            )
        account.give(log_path)
        _started.append(server)
        if _wait_until_up(data_dir, server=server):
            return
        if time.monotonic() > give_up_at:
            break
        time.sleep(0.2)
    last_words = log_path.read_bytes()[log_start:].decode(errors="replace").strip()[-2000:]
    raise EmbeddedPostgresError(
        f"PostgreSQL does not start in {data_dir} (as {account.name}). Its last words:\n"
        f"{last_words}\nThe whole log is {log_path}. With DATABASE_URL set to a PostgreSQL server "
        "(15 or newer) the embedded one is not used."
    )


def _forget_stale_pid(cluster: Path) -> dict[str, str]:
    """Let the server start although some other program has got the pid of its dead predecessor.

    PostgreSQL takes any live pid in its lock files for a running server, except this one. The
    files themselves stay: they also lead it to memory that a half-dead server may still use.
    """
    stale = read_pid_file(cluster)
    return {} if stale is None else {"PG_GRANDPARENT_PID": str(stale.pid)}


def _wait_until_up(data_dir: Path, *, server: subprocess.Popen[bytes]) -> bool:
    give_up_at = time.monotonic() + RECOVERY_SECONDS
    while server.poll() is None:
        if is_up(data_dir):
            return True
        if time.monotonic() > give_up_at:
            raise EmbeddedPostgresError(
                f"PostgreSQL (pid {server.pid}) has been recovering for {RECOVERY_SECONDS} seconds "
                f"and goes on. Wait, then try again; {data_dir / 'postgres' / 'server.log'} "
                "shows how far it is."
            )
        time.sleep(POLL_SECONDS)
    return False


def _wait_for_other(data_dir: Path) -> None:
    give_up_at = time.monotonic() + RECOVERY_SECONDS
    while (server := find_server(data_dir)) is not None and not is_up(data_dir):
        if time.monotonic() > give_up_at:
            raise EmbeddedPostgresError(
                f"PostgreSQL (pid {server.pid}) runs but does not answer in "
                f"{socket_dir(data_dir)}. Stop it with `kill -INT {server.pid}` and try again."
            )
        time.sleep(POLL_SECONDS)


def _make_private(directory: Path, *, account: Account) -> None:
    """Make a directory that only ``account`` can enter, and refuse one that is another's."""
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if found.st_uid == os.geteuid() and not directory.is_symlink():
        directory.chmod(0o700)
        account.give(directory)
    elif found.st_uid != account.uid or found.st_mode & 0o077 or directory.is_symlink():
        raise EmbeddedPostgresError(
            f"{directory} must be a directory of {account.name} with mode 0700. Remove it."
        )


def _tuning() -> list[str]:
    memory = psutil.virtual_memory().total
    values = {
        "shared_buffers": f"{min(memory // 8, 1024**3) // 1024**2}MB",
        "max_wal_size": "4GB",  # register loads write more than the default 1 GB
        # Nobody copies this server by its log. A table filled in the transaction that emptied it
        # (a first register load, an index) then goes to disk once and not twice.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "random_page_cost": "1.1",  # the data is on an SSD, or in memory
        "jit": "off",  # costs more than it saves on queries under a second
        "max_locks_per_transaction": "512",  # a schema per tenant: many tables in one transaction
        # The log is no place for what is in the rows: no statements, no "Key (email)=..." details.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    if sys.platform == "linux" and _shared_memory_bytes() < SMALLEST_SHM_BYTES:
        # Containers have 64 MB of it, and a parallel query over the register wants more.
        values["dynamic_shared_memory_type"] = "mmap"
    return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]


def _shared_memory_bytes() -> int:
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 -- asked for its size only
    except FileNotFoundError:
        return 0
    return found.f_bsize * found.f_blocks
