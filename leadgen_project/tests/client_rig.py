"""The command ``leadgen`` as a process of its own, with a folder and a browser of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from django.conf import settings

from leadgen_project.tests.console_data import PASSWORD

CALL = [sys.executable, "-m", "leadgen_project.client"]
FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
# Opens sign-in pages of mail providers as a person would; other pages are for the test to open.
BROWSER = f"""#!{sys.executable}
import os, sys, requests
if "authorize" in sys.argv[1] and os.fork() == 0:
    os.setsid()
    requests.get(sys.argv[1], timeout=60)
"""


@dataclass
class Terminal:
    """One person's machine. ``home``: an empty folder."""

    home: Path

    def __post_init__(self) -> None:
        browser = self.home / "browser"
        browser.write_text(BROWSER)
        browser.chmod(browser.stat().st_mode | stat.S_IXUSR)

    @property
    def env(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if "LEADGEN" not in name}
        return {**ours, "LEADGEN_CLIENT_DIR": str(self.home / "client"), "NO_PROXY": "*",
                "BROWSER": str(self.home / "browser")}  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*CALL, *words], cwd=settings.BASE_DIR, env=self.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, code: int = 0) -> str:
        """What it wrote to standard output; fails unless it ended with ``code``."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, f"{words}: {process.returncode} {out} {err}"
        assert "lg_" not in out + err, "a token was shown"
        assert "Traceback" not in err, err
        return out

    def ask(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def log_in(self, server: str, name: str, *more: str) -> Any:
        """Log in by code, which ``name`` lets in at the console; what the program said then."""
        process = self.start("login", server, "--json", *more)
        asked = json.loads(process.stdout.readline())
        let_in(server, name, asked["user_code"])
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return json.loads(out)

    def interrupt(self, *words: str) -> str:
        """Press Ctrl-C after its first line, and again as a person would; what it said then."""
        process = self.start(*words)
        assert process.stdout.readline(), process.stderr.read()
        err = "it never ended"
        for seconds in (20, 20, 120):
            process.send_signal(signal.SIGINT)
            try:
                _, err = process.communicate(timeout=seconds)
                break
            except subprocess.TimeoutExpired:  # it came where Python lets nothing be raised
                continue
        assert process.returncode == 130, err
        return err


def let_in(server: str, name: str, code: str) -> None:
    """What a person does at the console when a program asks: sign in, type the code, allow."""
    browser = requests.Session()
    browser.trust_env = False

    def send(path: str, **form: Any) -> str:
        token = FORM_TOKEN.search(browser.get(server + path, timeout=60).text)[1]
        sent = {"csrfmiddlewaretoken": token, **form}
        return browser.post(server + path, data=sent, timeout=60).text

    send("/admin/login/", username=name, password=PASSWORD)
    shown = send("/admin/device/", verb="look", code=code)
    scopes = re.findall(r'name="scope" value="([^"]+)"', shown)
    done = send("/admin/device/", verb="allow", code=code, scope=scopes, days="1")
    assert "is let in" in done
