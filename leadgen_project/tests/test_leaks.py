"""The suite's own watch over the log: it sees what a test or its children write, and fails it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from leadgen_project.supervise import MANAGE
from leadgen_project.tests.leaks import KNOWN, leaks_in

SAID = [
    "asked for mei@marked.example",
    "asked for mei%40marked.example",
    "call +65 6123 4567",
    "Authorization: Bearer abcdefghijkl.mnop",
    "eyJhbGciOiJub25lIn0xyz.eyJzdWIi",
    "lg_1234567890abcdef",
    "tvly-dev-1234567890",
    "-----BEGIN RSA PRIVATE KEY-----",
    *(f"the secret is {each}" for each in KNOWN),
]


@pytest.mark.parametrize("said", SAID)
def test_what_may_not_be_logged_is_found(said):
    assert len(leaks_in(f"a line\n{said}\nanother")) == 1


def test_masked_words_and_ordinary_ones_are_not_found(caplog):
    lines = [
        "m***@m***",
        "Bearer ***",
        "+***",
        "run 12 of acme@20 leads",
        "2026-11-22 04:22:06,881",
    ]

    assert leaks_in("\n".join(lines)) == []


LEAKY = """
import logging, subprocess, sys

WRITE = "import sys; sys.stderr.write('to mei@marked.example')"

def test_it():
    {body}
"""


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("logging.getLogger('x').warning('hello')", "1 passed"),
        ("exec(WRITE)", "1 failed"),
        ("subprocess.run([sys.executable, '-c', WRITE])", "1 failed"),
    ],
)
def test_a_test_that_leaks_fails_with_its_children_s_words_too(tmp_path, body, result):
    (tmp_path / "test_leaky.py").write_text(LEAKY.format(body=body))
    conftest = MANAGE.parent / "conftest.py"
    (tmp_path / "conftest.py").write_text(conftest.read_text())

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "--rootdir", str(tmp_path), "--ds", "leadgen_project.settings", str(tmp_path)],
        cwd=MANAGE.parent, env={**os.environ, "PYTHONPATH": str(MANAGE.parent)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert result in done.stdout, done.stdout + done.stderr
