"""Everything on one machine: the console, the workers and, on request, the sandbox."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from leadgen_project.demo import is_demo
from leadgen_project.lifeline import Child
from leadgen_project.processes import start_sandbox, start_web, start_worker

LOOK_SECONDS = 0.5
STOP_SECONDS = 27  # the worker takes up to 20 for its cluster; all must end within 30


class Command(BaseCommand):
    help = (
        "Serve the console and work the queues until Ctrl-C or SIGTERM; all end within 30 seconds. "
        "For several machines run gunicorn and `worker` apart, see docs/."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", help="address:port of the console")
        parser.add_argument("--workers", type=int, help="queue processes (setting WORKERS)")
        parser.add_argument(
            "--sandbox",
            action="store_true",
            help="crawl the made-up web of the sandbox (as always after `make demo`)",
        )

    def handle(self, *, bind: str, workers: int | None, sandbox: bool, **_options: Any) -> None:
        refuse_taken_address(bind)
        call_command("migrate", verbosity=0)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        children: dict[str, Child] = {}
        try:
            env: dict[str, str] = {}
            if sandbox := sandbox or is_demo():
                made_up = start_sandbox()
                children["sandbox"], env = made_up.child, made_up.env
            children["worker"] = start_worker(workers, env=env)
            children["mail worker"] = start_worker(None, env=env, cluster="mail")
            children["web"] = start_web(bind, env=env)
            self._tell(bind, sandbox=sandbox)
            self._watch(children, stop=stop)
        finally:
            for child in children.values():
                child.request_stop()
            for child in reversed(children.values()):
                child.stop(grace_seconds=STOP_SECONDS)

    def _watch(self, children: dict[str, Child], *, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            for name, child in children.items():
                if child.has_ended():
                    raise CommandError(
                        f"The {name} process ended (exit code {child.process.returncode}), so "
                        "everything stops. Its reason is above."
                    )

    def _tell(self, bind: str, *, sandbox: bool) -> None:
        if sandbox:
            self.stdout.write("Sandbox: every company and every page is made up.")
        self.stdout.write(f"Console: http://{bind}/admin/   (Ctrl-C stops everything)")
        if get_user_model().objects.exists():
            self.stdout.write("Sign in with the account that `make demo` or your admin gave you.")
        else:
            self.stdout.write("There is no account yet: run `make demo`, or")
            self.stdout.write(f"  {sys.executable} manage.py createsuperuser")


def refuse_taken_address(bind: str) -> None:
    """Say so at once; gunicorn would try for five seconds and then only log it."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isdigit():
        raise CommandError(f"--bind {bind}: give an address and a port, like 127.0.0.1:8000.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host.strip("[]"), int(port)))
        except OSError as exc:
            raise CommandError(
                f"The console cannot listen on {bind}: {exc.strerror}. "
                "Choose another address: make run ARGS='--bind 127.0.0.1:8001'."
            ) from exc
