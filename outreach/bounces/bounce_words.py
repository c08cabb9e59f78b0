"""What mail servers mean: status codes and phrases, each with what it says of the address. Pure.

Codes are those of RFC 3463 and the IANA registry "SMTP Enhanced Status Codes", and Microsoft's and
Google's own below 5.1, 5.4 and 5.7. Codes lie (5.0.0 for everything, 5.1.1 for a blocked sender),
so a phrase that can only mean one thing goes before a code. When in doubt it is no hard bounce:
an address that is suppressed wrongly is lost, one that bounces again is noticed.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Says(StrEnum):
    """What a refusal is about."""

    GONE = "GONE"  # no such address, no such host: writing again is of no use
    FULL = "FULL"
    POLICY = "POLICY"  # us, our words, our network: says nothing of the address
    PASSING = "PASSING"
    SENDER = "SENDER"  # our domain does not authenticate: a matter of the whole mailbox
    UNKNOWN = "UNKNOWN"


def any_of(*phrases: str) -> re.Pattern[str]:
    """A pattern that finds any of ``phrases``, in small letters or capitals."""
    return re.compile("|".join(phrases), re.IGNORECASE)


_SENDER = any_of(
    r"5\.7\.(?:515|509|26|27|23|20|21|22|24)\b",
    r"dmarc",
    r"(?:not|un)[- ]?authenticated",
    r"spf (?:check|fail|validation)",
    r"dkim (?:fail|check|did not)",
    r"authentication (?:checks? )?(?:fail|required level)",
    r"fails? spf",
    r"unauthenticated (?:e-?)?mail",
)
_FULL = any_of(
    r"mailbox(?: \S+)? (?:is )?(?:currently )?(?:full|exceed)",
    r"(?:over|exceed\w*|out of) (?:its |the |his |user |mail ?box |mail |disk "
    r"|storage )*quota",
    r"quota (?:is )?(?:exceed|violat|full|limit)",
    r"insufficient (?:system )?(?:storage|disk|space)",
    r"disk (?:space|quota|full)",
    r"(?:inbox|mail ?folder|maildir|mailbox|account|storage)\b.{0,40}\b(?:is "
    r"|are )?(?:full|overquota|over quota)",
    r"not enough (?:disk |storage )?space",
    r"too (?:large|much) mail data",
    r"mailbox size limit",
    r"quota[_ -]?exceeded",
)
_POLICY = any_of(
    r"spam",
    r"blacklist",
    r"block ?list",
    r"blocked",
    r"blocking",
    r"dnsbl",
    r"\brbl\b",
    r"spamhaus",
    r"reputation",
    r"virus",
    r"malware",
    r"phish",
    r"relay(?:ing)?[- ](?:denied|not|access|prohibited|is)",
    r"(?:not|cannot|unable to|won't|prohibited) (?:\w+ ){0,2}relay",
    r"rely on relaying",
    r"relaying mail",
    r"policy",
    r"content (?:rejected|filter)",
    r"message (?:content )?(?:rejected|refused|too (?:big|large)|size)",
    r"too (?:big|large)",
    r"size (?:limit|exceed)",
    r"exceeds? (?:the )?(?:maximum|size|limit)",
    r"rdns",
    r"reverse (?:dns|lookup)",
    r"ptr record",
    r"\bhelo\b",
    r"sender (?:address )?(?:rejected|denied|verify|is|unknown|invalid|domain)",
    r"(?:invalid|bad|unresolvable) (?:sender|return)",
    r"domain of sender",
    r"from address",
    r"too many",
    r"rate limit",
    r"throttl",
    r"limit exceeded",
    r"not permitted",
    r"not authori[sz]ed",
    r"unauthori[sz]ed",
    r"forbidden",
    r"banned",
    r"prohibited",
    r"restricted",
    r"permission",
    r"not allowed",
    r"not accept(?:ing)? mail from",
    r"denied by",
    r"security",
    r"attachment",
    r"tls",
    r"certificate",
    r"loop(?:ing|back)?\b",
    r"hop count",
    r"routing loop",
    r"suspended",
    r"inactive",
    r"(?:after|reply to) end of data",
)
_GONE = any_of(
    r"(?:user|recipient|mailbox|account|address|addressee|alias|destination|box|email"
    r"|id|member|person|name)s?(?: \S+)? (?:is |was |does |do )?(?:not |un"
    r"|in)(?:known|exist\w*|found|valid|a valid|listed|recogni[sz]ed|here|active user)",
    r"(?:user|recipient|mailbox|account|address|addressee|host|domain)(?: name"
    r"| address| \S+@\S+| \(?\S+\)?)?:? (?:unknown|not found|doesn'?t exist"
    r"|does not exist|not exist|no longer|invalid)",
    r"no (?:such|mailbox|valid|known|matching)(?: \w+){0,3}",
    r"unknown (?:local |virtual |relay )?(?:user|recipient|mailbox|address|account"
    r"|local|host|domain|addressee)",
    r"unrouteable (?:address|mail domain)",
    r"invalid (?:recipient|mailbox|address|user|destination|final)",
    r"bad (?:recipient|destination|address)",
    r"(?:user|account|mailbox|address|recipient|domain)\b.{0,60}\b(?:doesn'?t"
    r"|does not|do not|did not|didn'?t|don'?t) (?:have|exist|match)",
    r"(?:isn'?t|is not|not) (?:a )?(?:valid|known|in (?:the|our) (?:directory"
    r"|database)|listed|our customer|on this|exist)",
    r"recipient not found",
    r"could ?n[o']t be found",
    r"(?:cannot|can'?t) find (?:a |the |your |that )?(?:user|recipient|mailbox"
    r"|address|account|host|domain|name)",
    r"mailbox (?:not found|unavailable.{0,20}no|does not|doesn't)",
    r"nonexistent",
    r"non-existent",
    r"no (?:longer )?(?:at|with) (?:this|our) ",
    r"user (?:has )?moved",
    r"has moved",
    r"address (?:has )?changed",
    r"no longer (?:works|employed|valid|exists|available|active|in use|accepts)",
    r"domain name not found",
    r"name (?:service error|or service not known|not found)",
    r"nxdomain",
    r"host not found",
    r"host unknown",
    r"null mx",
    r"no mx",
    r"not accept(?:ing)? (?:any )?(?:mail|e-?mail)s?\b(?! from)",
    r"check (?:if |that )?(?:the |this )?address",
    r"illegal (?:user|alias)",
    r"does not like recipient",
    r"recipient (?:address )?(?:rejected: (?:user|access denied|undeliverable|unknown"
    r"|no such|unverified)|unknown|is unknown|rejected: \S*@)",
)
_PASSING = any_of(
    r"tim(?:e|ed)[- ]?out",
    r"try again",
    r"temporar(?:y|ily)",
    r"greylist",
    r"gr[ae]y-?list",
    r"deferred",
    r"connection (?:refused|reset|lost|dropped)",
    r"network (?:is )?unreachable",
    r"no route",
    r"retry (?:time|limit)",
    r"(?:giv(?:en|ing) up|undelivered|unsuccessful).{0,40}(?:day|hour|long)",
    r"expired",
    r"queue too long",
    r"in queue too long",
    r"too long in",
    r"not responding",
    r"service unavailable",
    r"still trying",
    r"delay",
    r"delivery time",
    r"could not be delivered within",
    r"has not (?:yet )?been delivered",
    r"unable to connect",
    r"could not connect",
    r"cannot connect",
)

_TAKES_NONE = re.compile(r"null mx|(?:host|domain) does not accept (?:e-?)?mail", re.IGNORECASE)

_GONE_CODES = re.compile(r"5\.1\.(?:0|1|2|3|4|6|10|351)\b|5\.4\.4\b|5\.4\.310\b")
_SENDER_CODES = re.compile(r"5\.7\.(?:515|509|2[0-7])\b")


def meaning(status: str, text: str) -> Says:
    """What a refusal with this enhanced ``status`` (or none) and these words is about."""
    passing = status.startswith("4")
    if passing:
        return Says.FULL if _FULL.search(text) else Says.PASSING
    if _FULL.search(text) or status.startswith(("5.2.2", "5.2.3")):
        return Says.FULL
    sure = bool(_GONE_CODES.match(status)) and not status.startswith(("5.1.0", "5.1.3"))
    gone, policy = bool(_GONE.search(text)), bool(_POLICY.search(text))
    if _TAKES_NONE.search(text):
        return Says.GONE
    if _SENDER.search(text) or _SENDER_CODES.match(status):
        return Says.SENDER if not sure else Says.GONE
    if gone and not policy and not status.startswith("5.7"):
        return Says.GONE
    if sure:
        return Says.GONE
    if policy or status.startswith("5.7"):
        return Says.POLICY
    if _PASSING.search(text):
        return Says.PASSING
    if status.startswith(("5.4", "5.3", "5.6")):
        return Says.POLICY
    return Says.GONE if gone or _GONE_CODES.match(status) else Says.UNKNOWN
