"""The made-up web: which site stands at which host."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from leadgen_project.sandbox import listing_site, traps_on_the_page, traps_on_the_wire
from leadgen_project.sandbox.companies import Company, SiteKind
from leadgen_project.sandbox.loopback import Request
from leadgen_project.sandbox.sites import Content, Site, namesake_site, parked_site, site_of

TRAP_BUILDERS = {**traps_on_the_wire.TRAPS, **traps_on_the_page.TRAPS}


class Web:
    """Answers for every host of the given companies; sites are built when first asked for.

    About 2 kB stay in memory for each company, and the ``kept_sites`` sites asked for last
    (some 30 kB each).
    """

    def __init__(
        self, companies: Iterable[Company], *, slow_seconds: float = 20.0, kept_sites: int = 2000
    ) -> None:
        self._own: dict[str, Company] = {}
        self._others: dict[str, Company] = {}
        self._sites: OrderedDict[str, Site] = OrderedDict()
        self._slow_seconds = slow_seconds
        self._kept_sites = kept_sites
        self._lock = Lock()
        for company in companies:
            self.add(company)

    def add(self, company: Company) -> None:
        """Put a company's hosts on the web."""
        if company.host:
            self._own[company.host] = company
        if company.other_host:
            self._others[company.other_host] = company

    def hosts(self) -> list[str]:
        """Return every host that answers, without the ``www.`` variants."""
        return sorted({*self._own, *self._others})

    def knows(self, host: str) -> bool:
        bare = self._bare(host)
        return bare in self._own or bare in self._others or bare == listing_site.HOST

    def answer(self, request: Request) -> Content | None:
        """Return what the host answers, or ``None`` when there is no such host."""
        site = self._site(self._bare(request.host))
        return None if site is None else site.answer(request)

    @staticmethod
    def _bare(host: str) -> str:
        return host.partition(":")[0].removeprefix("www.")

    def _site(self, host: str) -> Site | None:
        with self._lock:
            if host in self._sites:
                self._sites.move_to_end(host)
                return self._sites[host]
        site = self._build(host)
        if site is None:
            return None
        with self._lock:
            site = self._sites.setdefault(host, site)
            if len(self._sites) > self._kept_sites:
                self._sites.popitem(last=False)
        return site

    def _build(self, host: str) -> Site | None:
        if host == listing_site.HOST:
            return Site(otherwise=listing_site.answer)
        if company := self._own.get(host):
            site = site_of(company)
            if company.trap:
                return TRAP_BUILDERS[company.trap](company, site, self._slow_seconds)
            return site
        if company := self._others.get(host):
            parked = company.site is SiteKind.PARKED
            return parked_site(company) if parked else namesake_site(company)
        return None
