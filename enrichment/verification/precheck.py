"""What can be told of an address without paying anybody: its form, its domain, throw-away hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from enrichment.email_address import normal_email
from enrichment.verification.disposable import is_disposable
from enrichment.verification.mail_hosts import Mail, MailHosts

BY_DNS = {
    Mail.NO_DOMAIN: ("invalid", "no_dns_entries"),
    Mail.REFUSED: ("invalid", "does_not_accept_mail"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody says of an address, in ZeroBounce's words. ``facts``: what else is worth it."""

    status: str
    sub_status: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def precheck(addresses: Iterable[str], *, mail_hosts: MailHosts) -> dict[str, Answer]:
    """Answers for the addresses that cannot be good; the others are for the vendor to judge.

    Asks DNS once per domain; what it does not say, nobody is blamed for.
    """
    found: dict[str, Answer] = {}
    domains: dict[str, str] = {}
    for address in addresses:
        domain = address.rpartition("@")[2]
        if normal_email(address) is None:
            found[address] = Answer("invalid", "failed_syntax_check")
        elif is_disposable(domain):
            found[address] = Answer("do_not_mail", "disposable")
        else:
            domains[address] = domain
    mail = mail_hosts.look_up(domains.values())
    for address, domain in domains.items():
        if mail[domain] in BY_DNS:
            found[address] = Answer(*BY_DNS[mail[domain]])
    return found
