"""The running sandbox: a forward proxy to the made-up web and data.gov.sg's stand-in, one port.

with Sandbox(count=400) as sandbox:
    sandbox.proxy_url        # CRAWL_PROXY
    sandbox.register.url     # DATA_GOV_SG_BASE_URL
    sandbox.companies        # the truth
    sandbox.journal          # who was asked what, and when

with Sandbox(vendors=("tavily",)) as sandbox:
    sandbox.vendors["tavily"]  # the stand-in: its url, journal and faults
    sandbox.environment        # now with TAVILY_BASE_URL and TAVILY_API_KEY

A made-up Microsoft and Google are always there: any mailbox can be connected, and no mail leaves
the sandbox. What they took is shown at ``/_sandbox/mail``. For harvests there are always an
Overpass API and, in the made-up web, a directory of businesses.
"""

import ipaddress
import json
import socket
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from leadgen_project.sandbox.companies import Company, companies
from leadgen_project.sandbox.data_gov_sg import DataGovSg, DataGovSgSettings
from leadgen_project.sandbox.expectations import TRAPS
from leadgen_project.sandbox.journal import Journal, Visit
from leadgen_project.sandbox.loopback import LoopbackServer, Raw, Reply, Request
from leadgen_project.sandbox.name_server import NameServer
from leadgen_project.sandbox.register import write_split
from leadgen_project.sandbox.registered import release_date
from leadgen_project.sandbox.truth import as_truth
from leadgen_project.sandbox.vendors.catalogue import VENDORS
from leadgen_project.sandbox.vendors.google import GoogleStandIn
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.sandbox.vendors.overpass import OverpassStandIn
from leadgen_project.sandbox.vendors.stand_in import VendorStandIn
from leadgen_project.sandbox.web import Web


def _refused(text: bytes, error: str) -> Reply:
    """Return a proxy's own refusal, told from a site's by ``Proxy-Status`` (RFC 9209)."""
    return Reply(502, text, "text/plain", (("Proxy-Status", f"sandbox; error={error}"),))


_NO_TLS = _refused(b"Sandbox: there is no TLS here, use http.\n", "connection_refused")
_NO_HOST = _refused(b"Sandbox: no such host in the made-up web.\n", "dns_error")
_INWARD = _refused(b"Sandbox: that leads inside.\n", "destination_ip_prohibited")


class Sandbox:
    """The made-up register and web of one seed, served while the context is open.

    ``folder`` receives the register's files (``release-0`` and so on); without one a temporary
    folder serves and goes away at the end. ``slow_seconds`` says how long slow sites drip and
    silent ones stay silent, ``traps`` which of them take turns (none for ``()``), ``vendors`` which
    of ``VENDORS`` open a stand-in, each on a port of its own. Ordinary pages: some thousand
    requests a second on one core.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        count: int = 400,
        port: int = 0,
        folder: Path | None = None,
        slow_seconds: float = 20.0,
        traps: tuple[str, ...] = tuple(TRAPS),
        settings: DataGovSgSettings | None = None,
        vendors: Iterable[str] = (),
    ) -> None:
        self.seed, self.count, self.month, self._traps = seed, count, 0, traps
        self.companies: list[Company] = self._companies()
        self.journal = Journal()
        self.web = Web(self.companies, slow_seconds=slow_seconds)
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="sandbox-")
        self._folder = folder or Path(self._temporary.name if self._temporary else "")
        self.register = DataGovSg(self._release(0), settings=settings)
        self._server = LoopbackServer(self.answer, port)
        self.vendors: dict[str, VendorStandIn] = {
            name: VENDORS[name].make(lambda: self.companies) for name in vendors
        }
        self.microsoft, self.google = MicrosoftStandIn(asks_first=True), GoogleStandIn()
        self.overpass = OverpassStandIn(truth=lambda: self.companies)
        self.names = NameServer()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._server.start()
        self._open.enter_context(self.names)
        self._open.enter_context(self.microsoft)
        self._open.enter_context(self.google)
        self._open.enter_context(self.overpass)
        for vendor in self.vendors.values():
            self._open.enter_context(vendor)
        self.register.served_at(self._server.url)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._server.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def proxy_url(self) -> str:
        """The address for ``CRAWL_PROXY``."""
        return self._server.url

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings that lead the product into the sandbox."""
        own = {"CRAWL_PROXY": self.proxy_url, "DATA_GOV_SG_BASE_URL": self.register.url,
               "DNS_SERVERS": self.names.address, **self.microsoft.environment,
               **self.google.environment, **self.overpass.environment}  # fmt: skip
        for name, vendor in self.vendors.items():
            own |= VENDORS[name].environment(vendor)
        return own

    @property
    def register_folder(self) -> Path:
        """The folder of the 27 files now published."""
        return self.register.folder

    def given_hosts(self) -> dict[str, str]:
        """Return the hosts an operator would type in, by UEN: nobody can guess them."""
        return {one.uen: one.given_host for one in self.companies if one.given_host}

    def publish_next_month(self) -> None:
        """Publish the next monthly release; newcomers' sites join the web."""
        self.month += 1
        day = f"{release_date(self.month).isoformat()}T14:07:42+08:00"
        self.register.release(self._release(self.month), last_updated_at=day)
        known = len(self.companies)
        self.companies = self._companies()
        for company in self.companies[known:]:
            self.web.add(company)

    def _companies(self) -> list[Company]:
        return list(
            companies(seed=self.seed, count=self.count, month=self.month, traps=self._traps)
        )

    def _release(self, month: int) -> Path:
        folder = self._folder / f"release-{month}"
        write_split(folder, seed=self.seed, count=self.count, month=month)
        return folder

    # -- answering -----------------------------------------------------------------------

    def answer(self, request: Request) -> Reply | bytes | Raw:
        """Answer as a proxy, as data.gov.sg, or as a site asked directly by its Host header."""
        if request.method == "CONNECT":
            return self._note(request.target.partition(":")[0], request, _NO_TLS)
        if request.is_absolute:
            return self._browse(urlsplit(request.target).hostname or "", request)
        if self.register.knows(request.path):
            return self.register.answer(request)
        if self.web.knows(request.host):
            return self._browse(request.host.partition(":")[0], request)
        return self._about_itself(request)

    def _browse(self, host: str, request: Request) -> Reply | Raw:
        if request.is_absolute and not request.target.lower().startswith("http://"):
            return self._note(host, request, _NO_TLS)
        visit = self._begin(host, request)
        content = None if visit.inward else self.web.answer(request)
        if content is None or isinstance(content, Reply):
            reply = _INWARD if visit.inward else content or _NO_HOST
            self.journal.end(visit, status=reply.status)
            return reply

        def behave(connection: socket.socket) -> None:
            try:
                content(connection)
            finally:
                self.journal.end(visit, status=200)

        return behave

    def _note(self, host: str, request: Request, reply: Reply) -> Reply:
        self.journal.end(self._begin(host, request), status=reply.status)
        return reply

    def _begin(self, host: str, request: Request) -> Visit:
        return self.journal.begin(
            host.lower(),
            request.path_and_query,
            method=request.method,
            agent=request.headers.get("user-agent", ""),
            inward=is_inward(host),
        )

    def _about_itself(self, request: Request) -> Reply:
        if request.path == "/_sandbox/truth":
            lines = "".join(json.dumps(as_truth(one)) + "\n" for one in self.companies)
            return Reply(200, lines.encode(), "application/x-ndjson")
        if request.path == "/_sandbox/journal":
            hosts = dict(self.journal.hosts())
            inward = [visit.host + visit.path for visit in self.journal.inward()]
            return Reply(
                200, json.dumps({"hosts": hosts, "inward": inward}).encode(), "application/json"
            )
        if request.path == "/_sandbox/vendors":
            told = {
                name: {"charged": vendor.charged, "calls": [asdict(one) for one in vendor.asked()]}
                for name, vendor in self.vendors.items()
            }
            return Reply(200, json.dumps(told).encode(), "application/json")
        if request.path == "/_sandbox/mail":
            return Reply(200, json.dumps(self._mails()).encode(), "application/json")
        text = f"Sandbox: {len(self.companies)} made-up companies, {len(self.web.hosts())} hosts.\n"
        return Reply(200 if request.path == "/" else 404, text.encode(), "text/plain")

    def _mails(self) -> list[dict[str, str]]:
        """What both providers took, the newest first."""
        taken_by_both = sorted([*self.microsoft.mails, *self.google.mails],
                               key=lambda taken: taken.at, reverse=True)  # fmt: skip
        return [
            {"from": taken.mailbox, "to": ", ".join(taken.recipients),
             "subject": str(taken.mail["Subject"]), "mail": taken.wire.decode(errors="replace")}
            for taken in taken_by_both
        ]  # fmt: skip


def is_inward(host: str) -> bool:
    """Say whether a host is no public name: an address in any notation, or localhost."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return bool(bare) and all(_is_number(part) for part in bare.split("."))
    return True


def _is_number(part: str) -> bool:
    try:
        int(part, 0)
    except ValueError:
        return part.isdigit()
    return True
