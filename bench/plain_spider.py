"""The yardstick of the crawler: a Scrapy spider with our politeness and its own tables.

``python -m bench.plain_spider`` reads one line of JSON (``Order``), says ``ready``, waits for a
line, crawls, and prints one line of JSON with what it did. The proxy is the environment's.
"""

from __future__ import annotations

import hashlib
import json
import re
import resource
import sys
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urldefrag, urlsplit

import psycopg
from scrapy import Request, Spider
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response, TextResponse

from bench.plain_reading import read_page, tree_of

SCHEMA = "yardstick"
TABLES = f"""
DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
CREATE SCHEMA {SCHEMA};
SET search_path = {SCHEMA};
CREATE TABLE body (sha256 text PRIMARY KEY, compressed bytea NOT NULL, size int NOT NULL);
CREATE TABLE page (
    id bigserial PRIMARY KEY, site text NOT NULL, url text NOT NULL UNIQUE, status int NOT NULL,
    headers jsonb NOT NULL, sha256 text NOT NULL REFERENCES body, fetched_at timestamptz NOT NULL
);
CREATE TABLE evidence (
    id bigserial PRIMARY KEY, site text NOT NULL, field text NOT NULL, value text NOT NULL,
    quote text NOT NULL, url text NOT NULL, sha256 text NOT NULL, method text NOT NULL,
    observed_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX ON evidence (site, field, md5(value), url);
"""
WORDS = [
    re.compile(words)
    for words in (
        "contact|enquir", "about|company|profile|story", "team|people|management|director",
        "service|product|solution", "career|job|hiring", "location|branch|outlet",
        "privacy|terms|legal",
    )
]  # fmt: skip
FILES = re.compile(r"\.(?:pdf|jpe?g|png|gif|svg|zip|docx?|xlsx?|css|js|xml)$", re.IGNORECASE)
ROWS_A_BATCH = 1000


class Handler(HTTP11DownloadHandler):
    """Scrapy keeps as many connections to a proxy as one host may have: one. We keep ours too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pool.maxPersistentPerHost = 64


class Store:
    """Rows of many pages in one transaction."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, options=f"-c search_path={SCHEMA}")
        self._bodies: list[tuple[Any, ...]] = []
        self._pages: list[tuple[Any, ...]] = []
        self._evidence: list[tuple[Any, ...]] = []
        self.pages = self.values = 0

    def add(self, site: str, response: TextResponse, values: list[tuple[str, str, str]]) -> None:
        now = datetime.now(UTC)
        sha256 = hashlib.sha256(response.body).hexdigest()
        headers = {
            name.decode("latin-1"): b", ".join(given).decode("latin-1")
            for name, given in response.headers.items()
        }
        self._bodies.append((sha256, zlib.compress(response.body, 6), len(response.body)))
        self._pages.append((site, response.url, response.status, json.dumps(headers), sha256, now))
        self._evidence += [
            (site, field, value.replace("\x00", ""), quote.replace("\x00", ""), response.url,
             sha256, f"regex.{field}", now)
            for field, value, quote in values
        ]  # fmt: skip
        self.pages += 1
        self.values += len(values)
        if len(self._evidence) >= ROWS_A_BATCH:
            self.flush()

    def flush(self) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO body VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", sorted(self._bodies)
            )
            cursor.executemany(
                "INSERT INTO page (site, url, status, headers, sha256, fetched_at)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                self._pages,
            )
            cursor.executemany(
                "INSERT INTO evidence (site, field, value, quote, url, sha256, method, observed_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                self._evidence,
            )
        for rows in (self._bodies, self._pages, self._evidence):
            rows.clear()


class PlainSpider(Spider):
    """The home page, then the best pages it links to, by simple words."""

    name = "plain"

    def __init__(self, *, hosts: list[str], max_pages: int, store: Store) -> None:
        super().__init__()
        self._hosts, self._max_pages, self._store = hosts, max_pages, store

    async def start(self) -> Any:
        for host in self._hosts:
            yield Request(f"http://{host}/", callback=self.parse_home, cb_kwargs={"site": host})

    def parse_home(self, response: Response, site: str) -> Iterator[Request]:
        root = self.keep(response, site)
        if root is None:
            return
        for url in best_links(root, response.url)[: self._max_pages - 1]:
            yield Request(url, callback=self.parse_page, cb_kwargs={"site": site})

    def parse_page(self, response: Response, site: str) -> None:
        self.keep(response, site)

    def keep(self, response: Response, site: str) -> Any:
        if not isinstance(response, TextResponse) or not response.body.strip():
            return None
        root = tree_of(response.body, response.url)
        self._store.add(site, response, read_page(response.body, response.url, root))
        return root


def best_links(root: Any, home: str) -> list[str]:
    """Links of the site, those whose words promise most first."""
    host = urlsplit(home).hostname
    ranked: dict[str, tuple[int, int, str]] = {}
    for anchor in root.iter("a"):
        url = urldefrag(anchor.get("href") or "").url
        parts = urlsplit(url)
        if parts.hostname != host or url == home or FILES.search(parts.path):
            continue
        words = f"{parts.path} {anchor.text_content()}".lower()
        rank = next((at for at, rule in enumerate(WORDS) if rule.search(words)), len(WORDS))
        place = (rank, len(parts.path), url)
        ranked[url] = min(ranked.get(url, place), place)
    return sorted(ranked, key=lambda url: ranked[url])


def crawl(order: dict[str, Any]) -> dict[str, Any]:
    """Crawl the sites of ``order``; seconds and CPU count from the word to go."""
    store = Store(order["conninfo"])
    process = CrawlerProcess(
        {
            "USER_AGENT": order["user_agent"],
            "ROBOTSTXT_OBEY": True,
            "CONCURRENT_REQUESTS": order["concurrency"],
            "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
            "DOWNLOAD_DELAY": 0,
            "DOWNLOAD_HANDLERS": {"http": Handler},
            "COOKIES_ENABLED": False,
            "RETRY_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
            "LOG_LEVEL": "ERROR",
        }
    )
    process.crawl(PlainSpider, hosts=order["hosts"], max_pages=order["max_pages"], store=store)
    print("ready", flush=True)
    sys.stdin.readline()
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    process.start()
    store.flush()
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"pages": store.pages, "values": store.values, "seconds": seconds, "cpu": cpu}


if __name__ == "__main__":
    print(json.dumps(crawl(json.loads(sys.stdin.readline()))), flush=True)
