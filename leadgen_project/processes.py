"""The processes of one machine: workers, web server, sandbox. Each a child of the caller."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from leadgen_project.lifeline import Child
from leadgen_project.supervise import MANAGE

SANDBOX_SUFFIXES = "com.sg.test,sg.test,com.test"
SANDBOX_GAP_SECONDS = "0.05"  # nobody is bothered by a quick crawl of made-up sites


class SandboxError(Exception):
    """The sandbox did not start."""


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """``env`` leads crawls, register downloads and calls to its vendors into it.

    ``vendors`` is the address where the vendors' journals are read, by vendor, as JSON.
    """

    child: Child
    env: dict[str, str]
    register_folder: Path
    proxy: str
    vendors: str = ""


def start_sandbox(
    *, count: int = 400, folder: Path | None = None, vendors: Iterable[str] | None = None
) -> RunningSandbox:
    """Start the made-up register and web of ``count`` entities in a process of its own.

    ``vendors``: stand-ins for paid vendors to open with it, all for ``()``; none for ``None``.
    """
    command = [sys.executable, "-m", "leadgen_project.sandbox", "--count", str(count),
               "--slow-seconds", "2"]  # fmt: skip
    if folder is not None:
        command += ["--folder", str(folder)]
    if vendors is not None:
        command += ["--vendors", *vendors]
    child = Child.start(command, cwd=MANAGE.parent, stdout=subprocess.PIPE)
    told = json.loads(child.first_line() or "{}")
    if "CRAWL_PROXY" not in told:
        child.kill()
        raise SandboxError("The sandbox did not start; its reason is above.")
    env = {
        **told["environment"],
        "CRAWL_GUESS_SUFFIXES": SANDBOX_SUFFIXES,
        "CRAWL_DELAY_SECONDS": SANDBOX_GAP_SECONDS,
    }
    return RunningSandbox(child, env, Path(told["register_folder"]), told["CRAWL_PROXY"],
                          told["vendors"])  # fmt: skip


def start_worker(workers: int | None, *, env: Mapping[str, str], cluster: str = "") -> Child:
    """Start a supervised queue cluster: the usual one, or ``mail``."""
    command = [sys.executable, str(MANAGE), "worker"]
    if cluster:
        command += ["--cluster", cluster]
    if workers is not None:
        command += ["--workers", str(workers)]
    return Child.start(command, env=env)


def start_web(bind: str, *, env: Mapping[str, str]) -> Child:
    """Start gunicorn on ``bind`` (address:port)."""
    config = settings.BASE_DIR / "leadgen_project" / "gunicorn_conf.py"
    return Child.start(
        [sys.executable, "-m", "gunicorn", "-c", str(config), "--bind", bind],
        env=env,
        cwd=MANAGE.parent,
    )
