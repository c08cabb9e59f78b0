"""Two OpenID providers that know nothing of leadgen, each a process of its own on loopback.

``oidc-provider`` (npm, certified by the OpenID Foundation) is installed at test time into the data
directory; ``oidc-provider-mock`` (Authlib) comes with the tests' requirements.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from filelock import FileLock

HERE = Path(__file__).parent
NPM_VERSION = "9.13.3"
SECRET = "s3cret-s3cret-s3cret-s3cret"
START_SECONDS = 60


class OpenIdProvider(ABC):
    """A running provider: give people claims, and sign in and out in its pages."""

    def __init__(self, directory: Path) -> None:
        self.people = directory / "people.json"
        self.people.write_text("{}")
        self.port = _free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.process = self.begin()
        self._wait()

    @abstractmethod
    def begin(self) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def sign_in(self, page: Any, person: str) -> None:
        """Fill in the provider's own pages, as ``person``."""

    @abstractmethod
    def sign_out(self, page: Any) -> None:
        """Say yes to the provider's question whether to sign out there."""

    def set_person(self, person: str, **claims: Any) -> None:
        people = json.loads(self.people.read_text())
        self.people.write_text(json.dumps({**people, person: claims}))

    def environment(self) -> dict[str, str]:
        return {
            "OIDC_ISSUER": self.issuer,
            "OIDC_NAME": "Test ID",
            "OIDC_CLIENT_ID": "leadgen",
            "OIDC_CLIENT_SECRET": SECRET,
        }

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def _wait(self) -> None:
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at and self.process.poll() is None:
            try:
                urllib.request.urlopen(
                    f"{self.issuer}/.well-known/openid-configuration", timeout=5
                ).close()
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
            else:
                return
        raise RuntimeError(f"{type(self).__name__} did not start.")


class NodeProvider(OpenIdProvider):
    """npm ``oidc-provider``."""

    def begin(self) -> subprocess.Popen[bytes]:
        home = _installed_from_npm()
        return subprocess.Popen(
            ["node", str(HERE / "oidc_provider.mjs"), str(self.port), str(self.people)],
            env={**os.environ, "OIDC_PROVIDER_HOME": str(home), "NO_COLOR": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def sign_in(self, page: Any, person: str) -> None:
        page.wait_for_url(f"{self.issuer}/**")
        page.fill("input[name=login]", person)
        page.fill("input[name=password]", "any")
        page.click("button[type=submit]")
        page.wait_for_selector("button:has-text('Continue')")
        page.click("button:has-text('Continue')")

    def sign_out(self, page: Any) -> None:
        page.wait_for_url(f"{self.issuer}/**")
        page.click("button[value=yes]")


class AuthlibProvider(OpenIdProvider):
    """PyPI ``oidc-provider-mock``."""

    def begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", "--port", str(self.port)],
            env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def set_person(self, person: str, **claims: Any) -> None:
        put = urllib.request.Request(
            f"{self.issuer}/users/{person}",
            data=json.dumps(claims).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        urllib.request.urlopen(put, timeout=10).close()

    def sign_in(self, page: Any, person: str) -> None:
        page.wait_for_url(f"{self.issuer}/**")
        page.fill("input[name=sub]", person)
        page.click("button:has-text('Authorize')")

    def sign_out(self, page: Any) -> None:
        page.wait_for_url(f"{self.issuer}/**")
        page.click("button[type=submit] >> nth=0")


def _installed_from_npm() -> Path:
    """The folder with the package, installed once per machine; skips in plain words."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("npm is not here; install Node.js 20 or newer to test against oidc-provider.")
    home = Path(settings.DATA_DIR) / "npm" / f"oidc-provider-{NPM_VERSION}"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(str(home / ".lock")):
        if not (home / "node_modules" / "oidc-provider").exists():
            (home / "package.json").write_text('{"private": true}')
            options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
            command = ["npm", "install", *options, f"oidc-provider@{NPM_VERSION}"]
            done = subprocess.run(command, cwd=home, capture_output=True, check=False, timeout=300)
            if done.returncode:
                pytest.skip("npm could not install oidc-provider here.")
    return home


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
