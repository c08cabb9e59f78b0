"""The child of ``bench.memory``: look at sites as a worker does and print by how much it grew."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psutil

LOOK_SECONDS = 0.005


def main(port: int, hosts: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadgen_project.settings")
    import django

    django.setup()

    from enrichment.site.discover import Candidate
    from enrichment.site.look import Finding, Task, look_for_site
    from enrichment.site.match import CompanyFacts
    from enrichment.tests.web import AGENT, fetcher
    from enrichment.web.crawl import crawl_site
    from enrichment.web.gate import InProcessGate
    from enrichment.web.pages import CrawlPolicy, CrawlResult

    allowed = frozenset((host, port) for host in [*hosts, "warm.example"])
    policy = CrawlPolicy(AGENT, delay_seconds=0, site_seconds=600, allow_private=allowed)
    fetching, gate = fetcher(policy), InProcessGate()

    def crawl(site: str) -> CrawlResult:
        return crawl_site(
            site, policy=policy, fetcher=fetching, gate=gate, now=lambda: datetime.now(UTC)
        )

    def look(host: str) -> Finding:
        company = CompanyFacts(name="WORST PTE. LTD.", uen="202000001A")
        place = Candidate(f"http://{host}:{port}/", "given")
        return look_for_site(Task(0, company, (place,)), crawl=crawl, threshold=70)

    look("warm.example")  # what is loaded once is no growth
    process = psutil.Process()
    before = peak = process.memory_info().rss
    began, done = time.monotonic(), threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(LOOK_SECONDS):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(len(hosts)) as pool:
        found = list(pool.map(look, hosts))  # all are held until the last has landed
    done.set()
    watcher.join()
    pages = sum(len(one.crawl.pages) if one.crawl else 0 for one in found)
    grown = {"mb": (peak - before) / 1024**2, "pages": pages, "seconds": time.monotonic() - began}
    print(json.dumps(grown))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
