"""What receivers find in DNS about the domain mail comes from: MX, SPF, DKIM, DMARC.

Google asks all senders for SPF or DKIM, and bulk senders for SPF, DKIM and DMARC
(support.google.com/mail/answer/14229414); Microsoft's consumer domains refuse bulk without them
(550 5.7.515). Rules read: RFC 7208 (SPF), 6376 (DKIM), 7489 (DMARC), 7505 (null MX).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import tldextract

from enrichment.verification.mail_hosts import Ask, MailHosts, NoSuchNameError, NotToldError
from outreach.models import Mailbox

MOST_LOOKUPS = 10  # RFC 7208, 4.6.4
USUAL_SELECTORS = ("default", "dkim", "mail", "s1", "s2", "k1")
_NESTED = 5  # includes within includes that are followed
Kind = Mailbox.Transport
# Transport -> what SPF must include, and the selectors its maker gives out.
_OF_MAKER: dict[str, tuple[str, tuple[str, ...]]] = {
    Kind.GRAPH_DRAFT: ("spf.protection.outlook.com", ("selector1", "selector2")),
    Kind.GRAPH_DIRECT: ("spf.protection.outlook.com", ("selector1", "selector2")),
    Kind.GMAIL: ("_spf.google.com", ("google",)),
}
_WITHOUT_NETWORK = tldextract.TLDExtract(suffix_list_urls=())


class Grade(StrEnum):
    GOOD = "good"
    WEAK = "wait"
    BAD = "bad"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What DNS says of one thing, and what to do about it."""

    what: str
    grade: Grade
    sentence: str


def look_at_dns(
    domain: str, *, transport: str, selectors: Sequence[str] = (), ask: Ask | None = None
) -> list[Finding]:
    """Findings about ``domain``, in the order MX, SPF, DKIM, DMARC.

    ``selectors``: DKIM's, if they are known; else the maker's and the usual ones are tried.
    ``ask``: any resolver; by the settings if left out. Some 15 questions, each 4 s at most.
    """
    ask = ask or MailHosts.by_settings().ask
    if ask is None:
        return [Finding("DNS", Grade.UNKNOWN, "No DNS server can be asked from here.")]
    include, own = _OF_MAKER.get(transport, ("", ()))
    named = tuple(selectors) or (*own, *USUAL_SELECTORS)
    looks: list[tuple[str, Callable[[], Finding]]] = [
        ("MX", lambda: _mx(domain, ask)),
        ("SPF", lambda: _spf(domain, ask, include=include)),
        ("DKIM", lambda: _dkim(domain, ask, selectors=named, are_known=bool(selectors))),
        ("DMARC", lambda: _dmarc(domain, ask)),
    ]
    return [_said(what, look) for what, look in looks]


def _bad(what: str, sentence: str) -> Finding:
    return Finding(what, Grade.BAD, sentence)


def _weak(what: str, sentence: str) -> Finding:
    return Finding(what, Grade.WEAK, sentence)


def _good(what: str, sentence: str) -> Finding:
    return Finding(what, Grade.GOOD, sentence)


def _said(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except NotToldError:
        return Finding(what, Grade.UNKNOWN, "DNS did not answer. Look again later.")


def _mx(domain: str, ask: Ask) -> Finding:
    hosts = _records(domain, "MX", ask)
    if hosts == ["."]:
        return _bad(
            "MX", f"{domain} says that it takes no mail (null MX), so answers and bounces are lost."
        )
    if not hosts:
        return _bad("MX", f"{domain} has no mail host, so answers and bounces are lost.")
    return _good("MX", f"Answers go to {hosts[0].rstrip('.')}.")


def _spf(domain: str, ask: Ask, *, include: str) -> Finding:
    found = [text for text in _texts(domain, ask) if _is_spf(text)]
    if not found:
        return _bad("SPF", _missing_spf(domain, include))
    if len(found) > 1:
        return _bad(
            "SPF",
            f"{domain} has {len(found)} SPF records; receivers then count none. Make one of them.",
        )
    terms = found[0].lower().split()[1:]
    end = next((term for term in terms if term.lstrip("+-~?") == "all"), "")
    if end in {"all", "+all"}:
        return _bad(
            "SPF", "It ends in +all, which lets anybody send as you. End it in ~all or -all."
        )
    lookups = _lookups(terms, ask, depth=0)
    if lookups > MOST_LOOKUPS:
        return _bad(
            "SPF",
            f"It needs {lookups} look-ups; above {MOST_LOOKUPS} receivers give up. Drop includes.",
        )
    if include and not _includes(terms, include, ask, depth=0):
        return _bad("SPF", f"It does not name this mailbox's servers. Add include:{include}.")
    if end in {"", "?all"} and not any(term.startswith("redirect=") for term in terms):
        return _weak(
            "SPF", "It does not say what to do with mail from elsewhere. End it in ~all or -all."
        )
    return _good("SPF", "One record, and it names the servers that send.")


def _missing_spf(domain: str, include: str) -> str:
    wanted = f"v=spf1 {f'include:{include} ' if include else '... '}-all"
    return f'{domain} has no SPF record. Publish one, such as "{wanted}".'


def _dkim(domain: str, ask: Ask, *, selectors: Sequence[str], are_known: bool) -> Finding:
    revoked = ""
    for selector in selectors:
        for text in _texts(f"{selector}._domainkey.{domain}", ask):
            tags = _tags(text)
            if tags.get("p"):
                return _good("DKIM", f"There is a key ({selector}).")
            if "p" in tags:
                revoked = selector
    if revoked:
        return _bad(
            "DKIM",
            f"The key {revoked} is revoked (it is empty). Switch"
            " signing on again at your provider.",
        )
    if are_known:
        return _bad(
            "DKIM",
            f"There is no key {' or '.join(selectors)}. Switch signing"
            " on at your provider, and publish what it says.",
        )
    return _weak(
        "DKIM",
        "No key was found under the usual names. If mail is signed,"
        " enter the selector; else switch signing on.",
    )


def _dmarc(domain: str, ask: Ask) -> Finding:
    found = _dmarc_records(domain, ask)
    organisation = _WITHOUT_NETWORK(domain).top_domain_under_public_suffix
    above = organisation or ".".join(domain.split(".")[-2:])
    if not found and above != domain:
        found = _dmarc_records(above, ask)
    if not found:
        return _bad(
            "DMARC",
            f"{domain} has no DMARC record, which the large receivers"
            " ask of bulk senders. Begin with"
            ' "v=DMARC1; p=none; rua=mailto:...".',
        )
    if len(found) > 1:
        return _bad(
            "DMARC", f"There are {len(found)} DMARC records; receivers then count none. Keep one."
        )
    policy = _tags(found[0]).get("p", "").lower()
    if policy not in {"none", "quarantine", "reject"}:
        return _bad("DMARC", "Its policy (p=) is missing or misspelt, so it counts for nothing.")
    if policy == "none":
        return _weak(
            "DMARC", "Its policy is p=none: enough for the receivers' rules, no protection yet."
        )
    return _good("DMARC", f"Its policy is {policy}.")


def _dmarc_records(domain: str, ask: Ask) -> list[str]:
    return [text for text in _texts(f"_dmarc.{domain}", ask)
            if re.match(r"v\s*=\s*DMARC1(\s*;|\s*$)", text)]  # fmt: skip


def _includes(terms: Sequence[str], wanted: str, ask: Ask, *, depth: int) -> bool:
    for target in _targets(terms):
        if target == wanted:
            return True
        if depth < _NESTED and _includes(_terms_of(target, ask), wanted, ask, depth=depth + 1):
            return True
    return False


def _lookups(terms: Sequence[str], ask: Ask, *, depth: int) -> int:
    """Questions a receiver has to ask; counted no further than it takes to be too many."""
    asked = [term for term in terms
             if re.match(r"[+?~-]?(a|mx|ptr|exists|include)([:/]|$)|redirect=", term)]  # fmt: skip
    total = len(asked)
    for target in _targets(terms) if depth < _NESTED else ():
        if total > MOST_LOOKUPS:
            break
        total += _lookups(_terms_of(target, ask), ask, depth=depth + 1)
    return total


def _targets(terms: Sequence[str]) -> list[str]:
    found = (re.fullmatch(r"[+?~-]?include:(\S+)|redirect=(\S+)", term) for term in terms)
    return [each[1] or each[2] for each in found if each]


def _terms_of(domain: str, ask: Ask) -> list[str]:
    if "%" in domain:  # a macro; who would send is not known yet
        return []
    found = [text for text in _texts(domain, ask) if _is_spf(text)]
    return found[0].lower().split()[1:] if len(found) == 1 else []


def _is_spf(text: str) -> bool:
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in pairs if name.strip()}


def _texts(name: str, ask: Ask) -> list[str]:
    """TXT records, each joined from its pieces as DNS gives them: in quotes."""
    return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', each)) or each
            for each in _records(name, "TXT", ask)]  # fmt: skip


def _records(name: str, kind: str, ask: Ask) -> list[str]:
    try:
        return ask(name, kind)
    except NoSuchNameError:
        return []
