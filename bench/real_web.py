"""Real pages served as sites of their own, several copies of each: a proxy on loopback.

``python -m bench.real_web COPIES`` prints one line of JSON (``CRAWL_PROXY``, ``sites``: host ->
the name the site gives its owner) and serves until it is ended. The pages come from the folder
beside the checkout; nothing of them is kept. A copy differs from its original in the domain's name
and in a menu of all pages there are, since the originals' own links mostly lead nowhere here.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

from enrichment.domains import name_label
from enrichment.site.match import CompanyFacts, match_site
from enrichment.web.parse import Document, parse
from leadgen_project.sandbox.loopback import LoopbackServer, Reply, Request

PLACE = Path(os.environ.get("LEADGEN_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
SITES = PLACE / "crawl" / "sites"
NOT_HERE = Reply(404, b"<h1>Not here</h1>")
NO_TLS = Reply(502, b"no TLS here", "text/plain", (("Proxy-Status", "bench; error=refused"),))
_BODY = re.compile(rb"<body[^>]*>", re.IGNORECASE)
_OWNER = re.compile(r"the site names its owner: (.+)")


def main(copies: int) -> None:
    web: dict[str, dict[str, Reply]] = {}
    names: dict[str, str] = {}
    for host, pages in _originals():
        name = _owner(host, pages)
        if name is None:
            continue
        for number in range(1, copies + 1):
            copy, there = _copy(host, pages, number)
            web[copy], names[copy] = there, name

    def answer(request: Request) -> Reply:
        if request.method == "CONNECT":
            return NO_TLS
        return web.get(request.host, {}).get(request.path_and_query, NOT_HERE)

    with LoopbackServer(answer) as server:
        print(json.dumps({"CRAWL_PROXY": server.url, "sites": names}), flush=True)
        threading.Event().wait()


def _originals() -> Iterator[tuple[str, dict[str, bytes]]]:
    archive = zipfile.ZipFile(SITES / "pages.zip")
    for site in json.loads((SITES / "manifest.json").read_text())["sites"]:
        yield site["host"], {page["path"]: archive.read(page["file"]) for page in site["pages"]}


def _owner(host: str, pages: dict[str, bytes]) -> str | None:
    """The name under which the site is not refuted; ``None`` when it names several."""
    documents: list[Document] = [
        parse(body, "text/html", f"http://{host}{path}") for path, body in pages.items()
    ]
    name = "Nobody of that name"
    for _ in range(2):
        match = match_site(CompanyFacts(name), documents)
        if not match.is_refuted:
            return name
        said = [_OWNER.match(line.reason) for line in match.lines]
        name = next((found[1] for found in said if found), name)
    return None


def _copy(host: str, pages: dict[str, bytes], number: int) -> tuple[str, dict[str, Reply]]:
    label = name_label(host)
    new = f"{label}{number}"
    links = "".join(f'<a href="{path}">{path}</a> ' for path in pages)
    menu = f"<nav>{links}</nav>".encode()

    def dressed(body: bytes) -> bytes:
        body = body.replace(f"{label}.".encode(), f"{new}.".encode())
        return _BODY.sub(lambda found: found[0] + menu, body, count=1)

    return host.replace(f"{label}.", f"{new}."), {
        path: Reply(200, dressed(body), "text/html") for path, body in pages.items()
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
