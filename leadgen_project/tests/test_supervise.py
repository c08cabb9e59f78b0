"""The workers with a real queue: stopping, dying, and coming back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from leadgen_project import heartbeat
from leadgen_project.console.health import queue_state
from leadgen_project.lifeline import Child
from tenants.clock import database_now

ROOT = Path(__file__).resolve().parents[2]
TASKS = "leadgen_project.tests.queue_tasks"


def wait_for(condition: Callable[[], object], *, seconds: float = 120) -> float:
    """Wait until ``condition`` holds; return for how long."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "waited in vain"
        time.sleep(0.05)
    return time.monotonic() - started


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@dataclass
class Worker:
    """``manage.py worker`` under observation."""

    process: subprocess.Popen
    journal: Path

    def lines(self, word: str) -> list[str]:
        """Names of the tasks that ``began`` or ``ended``, in order."""
        text = self.journal.read_text() if self.journal.exists() else ""
        return [line.split()[1] for line in text.splitlines() if line.startswith(word)]

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def leader(self) -> psutil.Process:
        return psutil.Process(self.process.pid).children()[0]

    def queue_workers(self) -> list[psutil.Process]:
        """The two processes that run tasks: the first children of the sentinel."""
        sentinel = self.leader().children()[0]
        return sorted(sentinel.children(), key=lambda child: child.pid)[:2]

    def enqueue(self, task: str, name: str, *arguments: object) -> None:
        async_task(f"{TASKS}.{task}", str(self.journal), name, *arguments, ack_failure=True)

    def wait_until_it_works(self) -> None:
        self.enqueue("nap", "first", 0)
        wait_for(lambda: "first" in self.lines("ended"))
        wait_for(lambda: not OrmQ.objects.exists())


def start_worker(env: dict[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "manage.py", "worker", "--workers", "2"],
        cwd=ROOT,
        env=env,
        start_new_session=True,
    )


@pytest.fixture
def worker(committed, tmp_path) -> Iterator[Worker]:
    Schedule.objects.all().delete()  # its tasks would be counted among ours
    observed = Worker(start_worker(committed.env), tmp_path / "journal")
    family: list[psutil.Process] = []
    try:
        observed.wait_until_it_works()
        family = observed.family()
        yield observed
        if observed.process.poll() is None:
            family += observed.family()
    finally:
        observed.process.kill()
        observed.process.wait()
        for relative in family:
            with suppress(psutil.NoSuchProcess):
                relative.kill()


def to_parent(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)


def to_group(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGTERM)


def by_ctrl_c(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGINT)


WAYS = [to_parent, to_group, by_ctrl_c]


@pytest.mark.slow
@pytest.mark.parametrize("stop", WAYS)
def test_an_idle_worker_stops_at_once_with_exit_code_0(worker, stop):
    family = worker.family()

    stop(worker.process)
    code = worker.process.wait(120)

    assert code == 0
    assert len(family) >= 6  # leader, sentinel, two workers, monitor, pusher
    assert alive(family) == []


@pytest.mark.slow
@pytest.mark.parametrize("stop", WAYS)
def test_a_busy_worker_finishes_what_it_began_and_repeats_nothing(worker, stop):
    for number in range(20):
        worker.enqueue("nap", f"n{number}", 0.5)
    wait_for(lambda: len(worker.lines("began")) >= 4)
    family = worker.family()

    stop(worker.process)
    code = worker.process.wait(120)

    began, ended = worker.lines("began"), worker.lines("ended")
    assert code == 0
    assert alive(family) == []
    assert sorted(began) == sorted(ended)
    assert len(set(began)) == len(began)
    assert len(began) + OrmQ.objects.count() == 21


@pytest.mark.slow
def test_a_signal_to_every_process_at_once_ends_them_all_the_same(worker):
    """What systemd does by default (KillMode=control-group); django-q2 alone hangs then."""
    worker.enqueue("nap", "busy", 3)
    wait_for(lambda: "busy" in worker.lines("began"))
    family = worker.family()

    for process in family:
        process.terminate()
    to_parent(worker.process)

    assert worker.process.wait(120) == 0
    assert alive(family) == []


@pytest.mark.slow
def test_a_task_that_asks_hears_of_the_stop(worker):
    worker.enqueue("nap_until_stop", "patient")
    wait_for(lambda: "patient" in worker.lines("began"))

    to_parent(worker.process)

    assert worker.process.wait(120) == 0
    assert "patient" in worker.lines("ended")


@pytest.mark.slow
def test_a_task_that_never_ends_does_not_hold_up_the_stop(worker):
    worker.enqueue("nap", "endless", 500)
    wait_for(lambda: "endless" in worker.lines("began"))
    family = worker.family()

    to_group(worker.process)

    assert worker.process.wait(120) == 0
    assert alive(family) == []
    assert OrmQ.objects.get().lock <= timezone.now()  # free for another worker


@pytest.mark.slow
def test_the_cluster_ends_when_its_supervisor_is_killed(worker):
    family = worker.family()

    worker.process.kill()

    wait_for(lambda: not alive(family))


@pytest.mark.slow
def test_a_worker_killed_while_it_holds_the_queue_does_not_silence_the_rest(worker):
    """Upstream issues 23 and 339: one of the two idle ones has the lock, so kill both."""
    for idle in worker.queue_workers():
        idle.kill()

    worker.enqueue("nap", "after", 0)

    wait_for(lambda: "after" in worker.lines("ended"))


@pytest.mark.slow
def test_a_killed_busy_worker_is_replaced_and_its_brother_is_left_alone(worker):
    worker.enqueue("nap", "victim", 100)
    worker.enqueue("nap", "brother", 3)
    wait_for(lambda: {"victim", "brother"} <= set(worker.lines("began")))
    line = next(line for line in worker.journal.read_text().splitlines() if "victim" in line)
    leader = worker.leader()

    psutil.Process(int(line.split()[2])).kill()
    worker.enqueue("nap", "after", 0)
    wait_for(lambda: {"after", "brother"} <= set(worker.lines("ended")))

    assert worker.lines("began").count("brother") == 1
    assert worker.leader() == leader


@pytest.mark.slow
@pytest.mark.parametrize("which", ["leader", "sentinel"])
def test_a_killed_cluster_is_started_anew_without_leftovers(worker, which):
    family = worker.family()
    leader = worker.leader()
    victim = leader if which == "leader" else leader.children()[0]

    victim.kill()
    wait_for(lambda: not alive(family))
    worker.enqueue("nap", "after", 0)
    wait_for(lambda: "after" in worker.lines("ended"))

    assert worker.process.poll() is None


@pytest.mark.slow
def test_what_a_killed_family_held_is_done_by_the_next_one(worker, committed):
    for name in ("one", "two"):
        worker.enqueue("nap", name, 3)
    wait_for(lambda: {"one", "two"} <= set(worker.lines("began")))
    family = worker.family()

    worker.process.kill()
    for process in family:
        process.kill()
    worker.process.wait()
    worker.process = start_worker(committed.env)

    wait_for(lambda: {"one", "two"} <= set(worker.lines("ended")))


@pytest.mark.slow
def test_a_task_cannot_eat_the_machines_memory(worker):
    worker.enqueue("eat_memory", "glutton")

    wait_for(lambda: "glutton" in worker.lines("ended"))


def test_a_silent_cluster_is_started_anew(tmp_path):
    """A cluster that shows life once and then hangs, deaf to SIGTERM."""
    starts = tmp_path / "starts"
    hang = (
        "import os, pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path(os.environ['LEADGEN_WATCH'] + '/alive').touch()\n"
        f"print('start', file=open({str(starts)!r}, 'a'), flush=True)\n"
        "time.sleep(600)\n"
    )
    code = (
        "import os, pathlib, sys, django\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'leadgen_project.settings'\n"
        "django.setup()\n"
        "from leadgen_project.supervise import Supervisor\n"
        "Supervisor([sys.executable, '-c', sys.argv[1]], name='test',\n"
        "           root=pathlib.Path(sys.argv[2]), silence_seconds=1).run()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, hang, str(tmp_path / "workers")], cwd=ROOT
    )
    try:
        wait_for(lambda: starts.exists() and len(starts.read_text().splitlines()) >= 2)
    finally:
        process.kill()
        process.wait()


def test_a_child_and_its_children_end_with_the_process_that_started_them(tmp_path):
    pids = tmp_path / "pids"
    child = (
        "import subprocess, time\n"
        "from leadgen_project.lifeline import follow_parent\n"
        "follow_parent()\n"
        "grandchild = subprocess.Popen(['sleep', '600'])\n"
        f"print(grandchild.pid, file=open({str(pids)!r}, 'w'), flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = (
        "import sys, time\n"
        "from leadgen_project.lifeline import Child\n"
        "print(Child.start([sys.executable, '-c', sys.argv[1]]).pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent, child], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    leader = psutil.Process(int(process.stdout.readline()))
    wait_for(lambda: pids.exists() and pids.read_text().strip())

    process.kill()
    process.wait()

    wait_for(lambda: not alive([leader]))
    psutil.Process(int(pids.read_text())).kill()  # no queue here whose sentinel would see to it


def test_a_stopped_child_leaves_no_grandchild(tmp_path):
    child = Child.start(["sh", "-c", f"sleep 600 & echo $! > {tmp_path}/pid; wait"])
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    grandchild = psutil.Process(int((tmp_path / "pid").read_text()))

    assert child.stop(grace_seconds=5) is True

    wait_for(lambda: not alive([grandchild]))


@pytest.mark.slow
def test_health_tells_within_seconds_that_workers_live_died_or_were_stopped(worker):
    def seen() -> float | None:
        return queue_state(now=database_now()).silent_seconds

    wait_for(lambda: seen() is not None)
    assert seen() < 11

    for relative in [psutil.Process(worker.process.pid), *worker.family()]:
        relative.kill()
    wait_for(lambda: not queue_state(now=database_now()).is_alive)
    assert queue_state(now=database_now()).words == "silent"


@pytest.mark.slow
def test_a_stopped_worker_takes_its_sign_of_life_along(worker):
    wait_for(heartbeat.last_seen)

    to_parent(worker.process)
    worker.process.wait(120)

    assert heartbeat.last_seen() is None
