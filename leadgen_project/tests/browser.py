"""A real browser in front of a real server: what the console's browser tests stand on.

Other apps' tests import ``Console`` and the fixtures below and add their own clicks:

    from leadgen_project.tests.browser import console  # noqa: F401 -- a fixture

    @pytest.mark.browser
    def test_something(console): ...

Rows are made in a fixture that stands before ``console``: once the browser's event loop runs, this
thread has another database connection, kept from test to test. Later the fixture ``rows`` asks.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import connections

T = TypeVar("T")

BASE_DIR = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = (1440, 1024)
START_SECONDS = 120
# Words of the browser that say nothing about our pages.
HARMLESS = ("Failed to load resource: the server responded with a status of 4",)


def find_chromium() -> str | None:
    """The browser named by CHROMIUM, else the first one found on this machine."""
    names = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@dataclass
class Console:
    """A signed-in browser window. ``problems`` collects what no page may cause."""

    page: Any
    url: str
    problems: list[str] = field(default_factory=list)

    def open(self, path: str, *, expect: int = 200) -> None:
        """Load ``path`` and fail unless it answers ``expect``."""
        answer = self.page.goto(self.url + path)
        assert answer.status == expect, f"{path} answered {answer.status}"
        self.settle()

    def settle(self) -> None:
        """Wait until the page is shown: Unfold hides it until its scripts have looked at it."""
        self.page.wait_for_load_state("load")
        self.page.wait_for_selector("html:not([x-cloak])", state="attached")

    def sign_in(self, username: str, password: str) -> None:
        self.open("/admin/login/")
        self.page.fill("input[name=username]", username)
        self.page.fill("input[name=password]", password)
        self.page.click("#login-form button[type=submit]")
        self.settle()

    def choose(self, tenant: str) -> None:
        """Enter ``tenant`` through the page every member may use."""
        self.open("/admin/switch-tenant/")
        self.page.click(f"button[name=tenant][value={tenant}]")
        self.settle()

    def set_size(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})

    def set_dark(self, dark: bool) -> None:
        """Choose the theme as Unfold's own switch does; it holds from the next page on."""
        theme = "dark" if dark else "light"
        self.page.evaluate(
            "theme => localStorage.setItem('adminTheme', JSON.stringify(theme))", theme
        )

    def texts(self, selector: str) -> list[str]:
        return self.page.locator(selector).all_inner_texts()

    def faults(self) -> list[str]:
        """What is wrong with the page as shown: overflow, unlabelled fields, faint words."""
        return [*self.problems, *self.page.evaluate(LOOK)]


# Returns sentences. Contrast is checked for our own pieces (class lg-*) against the nearest painted
# background: 4.5, or 3 for large text (WCAG 2.1 AA).
LOOK = """() => {
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth + 1)
    faults.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
  if (!document.title.trim()) faults.push('no title');
  if (document.querySelectorAll('h1').length > 1) faults.push('several h1');
  const shown = e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const name = e => (e.outerHTML || '').slice(0, 120);
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
    if (!shown(e)) continue;
    const labelled = e.labels?.length || e.getAttribute('aria-label') || e.title || e.placeholder
      || e.getAttribute('aria-labelledby');
    if (!labelled) faults.push('field without a label: ' + name(e));
  }
  for (const e of document.querySelectorAll('a[href], button')) {
    if (shown(e) && !e.innerText.trim() && !e.getAttribute('aria-label') && !e.title
        && !e.querySelector('img[alt], svg, input, [title]')) faults.push('no words: ' + name(e));
  }
  for (const e of document.querySelectorAll('img:not([alt])')) faults.push('no alt: ' + name(e));
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = c => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data; };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) {
    const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; }
    return [255, 255, 255, 255]; };
  for (const e of document.querySelectorAll('[class*=lg-], [class*=lg-] *')) {
    const text = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!text || !shown(e) || e.disabled || e.matches('.material-symbols-outlined')) continue;
    const style = getComputedStyle(e), a = light(rgba(style.color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.6 && style.fontWeight >= 600);
    if (ratio < (large ? 3 : 4.5)) faults.push(`faint (${ratio.toFixed(1)}): ` + name(e));
  }
  return faults;
}"""


@pytest.fixture
def server(committed) -> Iterator[str]:
    """gunicorn as in production, over the committed test database; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-c", "leadgen_project/gunicorn_conf.py", "-w", "1", "--threads", "4"]
    command = [sys.executable, "-m", "gunicorn", *options, "-b", f"127.0.0.1:{port}"]
    env = {**committed.env, "ALLOWED_HOSTS": "127.0.0.1,localhost,.localhost"}
    process = subprocess.Popen(command, cwd=BASE_DIR, env=env)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def console(server) -> Iterator[Console]:
    """A fresh window on the server; skips in plain words on a machine without a browser."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("No Chromium or Chrome here. Install one, or name it in CHROMIUM.")
    from playwright.sync_api import sync_playwright

    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright runs a loop in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(
            viewport={"width": WIDTHS[0], "height": 900}, timezone_id="Asia/Singapore"
        )
        window = Console(page=page, url=server)
        page.on("console", lambda said: _note(window, said.type, said.text))
        page.on("pageerror", lambda error: window.problems.append(f"script broke: {error}"))
        page.on("request", lambda asked: _note_request(window, asked.url))
        yield window
        browser.close()


@pytest.fixture
def rows(django_db_blocker) -> Callable[[Callable[[], T]], T]:
    """Run a function on the server's database while the browser is open, in a thread of its own."""

    def ask(look: Callable[[], T]) -> T:
        def fresh() -> T:
            try:
                return look()
            finally:
                connections.close_all()

        with django_db_blocker.unblock(), ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(fresh).result()

    return ask


def _note(window: Console, kind: str, text: str) -> None:
    if kind in ("error", "warning") and not text.startswith(HARMLESS):
        window.problems.append(f"{kind}: {text}")


def _note_request(window: Console, url: str) -> None:
    if not url.startswith((window.url, "data:", "blob:", "about:")):
        window.problems.append(f"asked outside: {url}")


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with code {process.returncode}.")
        try:
            urllib.request.urlopen(f"{url}/crawler", timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"The server at {url} was not up after {START_SECONDS} s.")
