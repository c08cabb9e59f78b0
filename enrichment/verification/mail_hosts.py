"""Does a domain take mail at all? Asked of DNS, which costs nothing, before anybody is paid.

A domain takes mail by its MX records, without any by its own address (RFC 5321, 5.1), and refuses
it by the single MX "." (RFC 7505). Only a clear no counts: a resolver that fails, is slow or is
not there leaves the question open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

import dns.exception
import dns.resolver
from django.conf import settings

Ask = Callable[[str, str], list[str]]
"""Name and record type -> the answers as text; empty when the name has none of the type."""

TRY_SECONDS, GIVE_UP_SECONDS = 2.0, 4.0  # of one server, of one question
AT_ONCE = 16
MOST_FAILURES = 8  # in a row: then DNS is away, and waiting for each domain helps nobody


class Mail(StrEnum):
    TAKEN = "taken"
    REFUSED = "refused"  # null MX
    NO_DOMAIN = "no domain"  # the name does not exist, or neither receives nor has an address
    NOT_KNOWN = "not known"


class NotToldError(Exception):
    """DNS gave no answer; nothing follows from it."""


class NoSuchNameError(Exception):
    """The name does not exist."""


@dataclass(slots=True)
class MailHosts:
    """What DNS says of domains; each is asked about once. ``ask`` can be anything."""

    ask: Ask | None
    _known: dict[str, Mail] = field(default_factory=dict)
    _failures: int = 0

    @classmethod
    def by_settings(cls) -> MailHosts:
        """By ``DNS_SERVERS``, else the system's resolver.

        Behind a proxy for pages nothing is asked unless servers are named: there names are the
        proxy's business, and what the inner DNS does not know may well exist outside.
        """
        if settings.CRAWL_PROXY and not settings.DNS_SERVERS:
            return cls(None)
        return cls(_asker(settings.DNS_SERVERS))

    def look_up(self, domains: Iterable[str]) -> dict[str, Mail]:
        """What each domain does with mail. About 4 s at most for 16 domains when DNS is away."""
        wanted = list(dict.fromkeys(domains))
        fresh = [domain for domain in wanted if domain not in self._known]
        if fresh and self.ask is not None:
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dns") as pool:
                self._known |= dict(zip(fresh, pool.map(self._look, fresh), strict=True))
        return {domain: self._known.get(domain, Mail.NOT_KNOWN) for domain in wanted}

    def _look(self, domain: str) -> Mail:
        if self.ask is None or self._failures >= MOST_FAILURES:
            return Mail.NOT_KNOWN
        try:
            found = _mail_of(domain, self.ask)
        except NoSuchNameError:
            found = Mail.NO_DOMAIN
        except NotToldError:
            self._failures += 1
            return Mail.NOT_KNOWN
        self._failures = 0
        return found


def _mail_of(domain: str, ask: Ask) -> Mail:
    hosts = ask(domain, "MX")
    if hosts:
        return Mail.REFUSED if hosts == ["."] else Mail.TAKEN
    has_address = ask(domain, "A") or ask(domain, "AAAA")
    return Mail.TAKEN if has_address else Mail.NO_DOMAIN


def _asker(servers: Iterable[str]) -> Ask | None:
    """Ask ``servers`` (address:port), or those of the system; ``None`` when it names none."""
    own = [server.rpartition(":") for server in servers]
    try:
        resolver = dns.resolver.Resolver(configure=not own)
    except dns.resolver.NoResolverConfiguration:
        return None
    if own:
        resolver.nameservers = [address for address, _, _ in own]
        resolver.nameserver_ports = {address: int(port) for address, _, port in own}
    resolver.timeout, resolver.lifetime = TRY_SECONDS, GIVE_UP_SECONDS
    resolver.search = []

    def ask(name: str, kind: str) -> list[str]:
        try:
            answer = resolver.resolve(f"{name}.", kind)
        except dns.resolver.NXDOMAIN:
            raise NoSuchNameError from None
        except dns.resolver.NoAnswer:
            return []
        except dns.exception.DNSException:
            raise NotToldError from None
        return [str(each.exchange if kind == "MX" else each) for each in answer]

    return ask
