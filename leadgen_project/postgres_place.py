"""Where an embedded database keeps its files, and whether its server lives.

Below ``<data_dir>/postgres``: ``data`` (the cluster), ``socket``, ``server.log``, ``start.lock``.
"""

import hashlib
import logging
import os
import socket
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil

from leadgen_project.postgres_binaries import Account

logger = logging.getLogger(__name__)

PORT = 5432  # part of the socket's file name; nothing listens on TCP
SOCKET_FILE = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 100  # bytes; the kernels allow 103 (macOS) to 107 (Linux)
ROOTS_OWN_PLACE = Path("/var/lib/leadgen")


class PidFile(NamedTuple):
    pid: int
    is_ready: bool


def read_pid_file(cluster: Path) -> PidFile | None:
    """Read ``postmaster.pid``: the pid is in line 1, the state in line 8 once it is known."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not lines or not lines[0].strip().isdigit():
        return None  # caught while being written
    return PidFile(int(lines[0]), is_ready=len(lines) > 7 and lines[7].strip() == "ready")


def find_server(data_dir: Path) -> psutil.Process | None:
    """Return the live server of this data directory, if there is one.

    The pid alone proves nothing: after a crash another program may have got it. The command line
    does, and unlike the start time it stays true when the machine's clock is set.
    """
    cluster = data_dir / "postgres" / "data"
    pid_file = read_pid_file(cluster)
    if pid_file is None:
        return None
    try:
        process = psutil.Process(pid_file.pid)
        is_alive = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
        return process if is_alive and str(cluster.resolve()) in process.cmdline() else None
    except (psutil.NoSuchProcess, ValueError):  # ValueError: not a pid at all
        return None


def is_up(data_dir: Path) -> bool:
    """Whether the server of ``data_dir`` takes connections. Costs well under 1 ms."""
    pid_file = read_pid_file(data_dir / "postgres" / "data")
    if pid_file is None or not pid_file.is_ready or find_server(data_dir) is None:
        return False
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(socket_dir(data_dir) / SOCKET_FILE))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def socket_dir(data_dir: Path) -> Path:
    """Where the socket is: beside the data, or in a short place when that path cannot be one."""
    beside = data_dir / "postgres" / "socket"
    path = str(beside / SOCKET_FILE)
    # libpq reads a comma in a host as the start of the next host.
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and "," not in path:
        return beside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    # Not tempfile.gettempdir(): all processes must agree, whatever their TMPDIR is.
    return Path(f"/tmp/leadgen-{digest}")  # noqa: S108 -- owner and mode are checked at start


def make_home(data_dir: Path) -> Path:
    """Return the real directory of the database, made on first use.

    Root's server runs under a humbler account. Where that one cannot enter the data directory
    (a checkout under /root), the database moves to /var/lib/leadgen behind a symbolic link:
    opening root's private directories to everybody is not ours to do.
    """
    home = data_dir / "postgres"
    if home.exists():
        return home.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    account = Account.for_server()
    if account.is_ours or account.can_enter(data_dir):
        home.mkdir(exist_ok=True)
        return home
    return _move_out(home, account=account)


def _move_out(home: Path, *, account: Account) -> Path:
    ROOTS_OWN_PLACE.mkdir(parents=True, exist_ok=True)
    checkout = home.parent.parent.name
    real = Path(tempfile.mkdtemp(prefix=f"{checkout}-", dir=ROOTS_OWN_PLACE))
    real.chmod(0o755)  # the cluster inside stays 0700
    if home.is_symlink():  # its target was deleted
        home.unlink()
    try:
        home.symlink_to(real)
    except FileExistsError:  # another process was first
        real.rmdir()
        return home.resolve()
    logger.info("%s cannot enter %s, so the database is in %s", account.name, home.parent, real)
    return real
