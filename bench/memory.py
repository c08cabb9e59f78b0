"""Eight of the worst sites at once: by how much does a worker grow? (PROMISES C3)

Each site has pages as long and as full of tags as the crawler reads, and several alphabets.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from bench.result import Result
from enrichment.tests.web import Reply, Web

SITES = 8
ALLOWED_MB = 150
PATHS = ("/", "/contact", "/about", "/team", "/services", "/products", "/careers")
PAGE_BYTES = 1_390_000  # seven of them are more than is read of one site
SHORT_BYTES = 240_000  # of pages that just pass for ordinary
KINDS = {  # what a page is full of
    "short pages": "<p>Made up words of {n} on page {i}, call +65 6123 {n:04d}</p>",
    "words": "<p>Made up words of {n} on page {i}, call +65 6123 {n:04d}</p>",
    "tags": "<p>{n}</p><b>{i}</b>",
    "Chinese": "<p>新加坡公司 {n} 联系我们 我们在这里 {i}</p>",
    "emoji": "<p>\U0001f600\U0001f680 {n} \U0001f389 {i}</p>",
    "links": '<a href="/page-{i}-{n}">{n}</a>',
    "scripts": "<script>var a{n} = '{i}' + \"<b>\" + 'info' + '@' + 'x.example';</script>",
}


def measure() -> list[Result]:
    """Megabytes of growth against those allowed, one line for each kind of page."""
    results = []
    for kind in KINDS:
        hosts = {(host, path): page for host in _hosts() for path, page in _site(kind)}
        with Web(hosts) as web:
            command = [sys.executable, "-m", "bench.worst_sites", str(web.port), *_hosts()]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        grown = json.loads(done.stdout)
        note = f"{grown['mb']:.0f} MB, {grown['pages']} pages kept, {grown['seconds']:.0f} s"
        results.append(
            Result(f"memory: eight sites of {kind} / {ALLOWED_MB} MB",
                   grown["mb"] / ALLOWED_MB, limit=1.0, note=note)
        )  # fmt: skip
    return results


def _hosts() -> list[str]:
    return [f"worst{number}.example" for number in range(SITES)]


def _site(kind: str) -> Iterator[tuple[str, Reply]]:
    links = "".join(f'<a href="{path}">{path[1:]}</a>' for path in PATHS[1:])
    longest = SHORT_BYTES if kind == "short pages" else PAGE_BYTES
    for page, path in enumerate(PATHS):
        text = f"<html><head><title>{path}</title></head><body>{links}"
        size, pieces = len(text), [text.encode()]
        for number in range(longest):
            piece = KINDS[kind].format(n=number, i=page).encode()
            size += len(piece)
            if size > longest or number * 4 > 55_000:  # tags, closing ones included
                break
            pieces.append(piece)
        yield path, Reply(b"".join(pieces), headers={"Content-Type": "text/html; charset=utf-8"})
