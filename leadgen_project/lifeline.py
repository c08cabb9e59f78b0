"""Child processes that never outlive the process that started them, however it ends.

Parent and child share a pipe whose writing end only the parent holds. When the parent is gone, be
it by ``kill -9``, the kernel closes that end, and the child stops itself. Unlike a parent's pid, a
pipe cannot be mistaken for another one, and unlike PR_SET_PDEATHSIG it exists everywhere.

Each child is the leader of its own process group (and session), so that Ctrl-C and a signal to the
parent's group reach the parent alone, and so that ``kill_group`` takes all grandchildren along.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

FD_VARIABLE = "LEADGEN_LIFELINE"
# From the request to stop until the group is killed. The whole must end within the 30 seconds of
# PROMISES A5, also where `run` waits for `worker`, which waits for its cluster.
GRACE_SECONDS = 20


@dataclass(slots=True)
class Child:
    """A running child process and everything it started in turn."""

    process: subprocess.Popen[bytes]
    _lifeline: int  # never written to: that it is open says that we live

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdout: int | None = None,
    ) -> Child:
        """Start ``command`` with ``env`` added to ours. ``stdout`` as for ``subprocess``."""
        reading, writing = os.pipe()  # no program we start inherits them, except as passed here
        try:
            process = subprocess.Popen(  # noqa: S603 -- callers start our own programs
                command,
                env={**os.environ, **(env or {}), FD_VARIABLE: str(reading)},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                pass_fds=[reading],
                start_new_session=True,
            )
        except OSError:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        return cls(process, writing)

    @property
    def pid(self) -> int:
        return self.process.pid

    def first_line(self) -> str:
        """Wait for the first line of a child started with ``stdout=PIPE``; empty if it ended."""
        return self.process.stdout.readline().decode() if self.process.stdout else ""

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def request_stop(self) -> None:
        """Ask the child, and it alone: a cluster whose workers get the signal too hangs.

        Source: PROMISES, finding 3.
        """
        self.process.send_signal(signal.SIGTERM)

    def stop(self, *, grace_seconds: float = GRACE_SECONDS) -> bool:
        """Ask for the end, force it after ``grace_seconds``; return whether asking was enough."""
        self.request_stop()
        try:
            self.process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            logger.warning("pid %s did not stop in %s s and is killed", self.pid, grace_seconds)
            return False
        else:
            return True
        finally:
            self.kill()

    def kill(self) -> None:
        """End all that is left of the child's group, also when the child itself is dead."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS: not permitted to signal zombies
            logger.debug("group %s has ended", self.pid)
        self.process.wait()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


def follow_parent(*, grace_seconds: float = GRACE_SECONDS) -> None:
    """In a child: when the parent is gone, ask this process to stop, later kill its group.

    Does nothing in a process that ``Child.start`` did not make. Call it once, early.
    """
    descriptor = os.environ.pop(FD_VARIABLE, "")
    if descriptor:
        threading.Thread(
            target=_wait_for_the_end,
            args=(int(descriptor), grace_seconds),
            name="lifeline",
            daemon=True,
        ).start()


def _wait_for_the_end(descriptor: int, grace_seconds: float) -> None:
    os.read(descriptor, 1)  # returns when nobody holds the other end any more
    logger.warning("the process that started pid %s is gone: stopping", os.getpid())
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_seconds)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
