"""What an automatic mail reports: a bounce, a complaint, a machine's answer, or nothing of these.

The order of the checks decides (PROMISES, finding 14: real bounces carry ``Auto-Submitted`` too):
feedback report (RFC 5965), delivery status (RFC 3464), a daemon as sender, then automatic answers
(RFC 3834). Addresses of bounces in no standard form are found by flufl.bounce, Mailman's reader.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from email.message import Message as Part

from flufl.bounce import all_failures

from outreach.bounces.bounce_report import Kind, Refusal, Report
from outreach.bounces.bounce_words import Says, any_of, meaning
from outreach.bounces.mail import Mail, address_in, parts_of, plain_header, text_of
from outreach.bounces.service_notes import notified

logger = logging.getLogger(__name__)

MOST_RECIPIENTS = 20


_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_AFTER_DATA = re.compile(r"end of data\b|after (?:end of )?data", re.IGNORECASE)
_REPLY_CODE = re.compile(r"(?<![\d.])([45]\d\d)[ \-](?=\D|\d\.\d)")
_BEGINS_WITH_ADDRESS = re.compile(r"\s*[\"'<(]*([\w.+=-]{1,64}@[\w.-]{3,255})")
_ADDRESS = re.compile(r"[\w.+=-]{1,64}@[\w.-]{3,255}\.\w{2,24}")
_DAEMON = any_of(
    r"^(?:mailer-?daemon|mail-?daemon|postmaster|mmdf|mailadmin|mdaemon"
    r"|mail-delivery\S*|.*bounce\S*|mailsystem|mail\.?system|no-?reply-?smtp"
    r"|microsoftexchange\w*|mailer|root|admin(?:istrator)?)@",
)
_DAEMON_NAME = any_of(
    r"mail(?:er)?[- ]?(?:delivery|daemon|deliver|administrator|system|router)",
    r"delivery (?:sub|sys|service)",
    r"postmaster",
)
_BOUNCE_SUBJECT = any_of(
    r"undeliver",
    r"returned (?:mail|message)",
    r"returning message",
    r"failure notice",
    r"delivery (?:status|fail|report|notification|problem|error)",
    r"mail (?:delivery|error|failure|system error|not deliver)",
    r"(?:not|un)[- ]?delivered",
    r"could ?n[o']t be delivered",
    r"message (?:not|status|delivery)",
    r"mail could not",
    r"rejected",
    r"bounce",
    r"warning: (?:could|message)",
    r"user unknown",
    r"non recapitabile",
    r"unzustellbar",
    r"non remis",
    r"unable to deliver",
    r"nondeliverable",
    r"error sending",
    r"permanent error",
    r"onbestelbaar",
    r"devuelto",
    r"未达",
    r"退信",
)
_ORIGINAL = re.compile(
    r"(?im)^(?:"
    r"[-= *>]*(?:original|returned|unsent|undelivered|rejected)? ?(?:message|mail)(?: headers?)?"
    r" ?(?:follows|text|header|attached|source|is (?:below|attached)).*"
    r"|[-=* ]*(?:original|unsent|returned|undelivered) message.*"
    r"|-+ (?:this is a copy|below this line|message header|transcript of message|body of message"
    r"|the body|forwarded).*"
    r"|received: (?:from|by) .*|return-path: .*|message-id: .*"
    r"|the following is a copy.*|this is a copy of.*)$"
)
_AUTO_SUBJECT = any_of(
    r"^(?:re: ?)?(?:auto(?:matic|mated|matische|matisch)?[ -]?(?:reply|response"
    r"|responder|antwort|answer|svar|replied)|out of (?:the )?office|ooo\b|abwesen"
    r"|away from|on (?:annual |sick |maternity )?leave|vacation"
    r"|r[eé]ponse automatique|absence|respuesta autom|risposta automatica|自动回复|自動回覆"
    r"|自動返信|不在)",
    r"out of (?:the )?office",
)
_AUTO_HEADERS = ("X-Autoreply", "X-Autorespond", "X-AutoReply-From", "X-Auto-Reply", "X-Vacation")


_STATUS_TYPES = {
    "message/delivery-status", "message/global-delivery-status", "text/delivery-status"
}  # fmt: skip


def judge(mail: Mail) -> Report:
    """What ``mail`` reports. Never raises; reads no more than the bounded mail."""
    parts = parts_of(mail.root)
    returned = tuple(_returned(parts))
    if is_complaint(parts):
        return Report(Kind.COMPLAINT, tuple(_complained(parts)), returned)
    if (noted := notified(mail)) is not None:
        return noted
    refusals = tuple(_delivery_status(parts, mail))[:MOST_RECIPIENTS]
    if refusals:
        return Report(_kind_of(refusals), refusals, returned)
    if _is_delivered(parts):
        return Report(Kind.DELIVERED, (), returned)
    if not is_answered_by_machine(mail) and is_from_daemon(mail):
        told = tuple(_told(mail))[:MOST_RECIPIENTS]
        if told:
            return Report(_kind_of(told), told, returned)
    if is_automatic(mail):
        return Report(Kind.AUTO_REPLY, (), returned)
    return Report(Kind.OTHER, (), returned)


def is_complaint(parts: list[Part]) -> bool:
    """A feedback report of abuse; one that only tells of a failed authentication is none."""
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            kind = fields_of(part).get("feedback-type", "abuse").lower()
            return kind not in {"auth-failure", "not-spam"}
    return False


def is_from_daemon(mail: Mail) -> bool:
    """Whether a mail server wrote it, by its sender and subject."""
    if mail.header("X-Failed-Recipients"):
        return True
    is_daemon = bool(_DAEMON.match(mail.sender) or _DAEMON_NAME.search(mail.header("From")))
    has_no_way_back = mail.header("Return-Path") == "<>" or not mail.sender
    if is_daemon or has_no_way_back:
        return bool(_BOUNCE_SUBJECT.search(mail.subject)) or (
            is_daemon and not mail.header("In-Reply-To")
        )
    return False


def is_answered_by_machine(mail: Mail) -> bool:
    """An automatic answer by its very subject, whoever it is from."""
    return bool(_AUTO_SUBJECT.search(mail.subject))


def is_automatic(mail: Mail) -> bool:
    """Written by a machine on receipt of a mail, as RFC 3834 and the large products mark it."""
    submitted = mail.header("Auto-Submitted").lower()
    if submitted and not submitted.startswith("no"):
        return True
    if any(mail.root.get(name) is not None for name in _AUTO_HEADERS):
        return True
    precedence = mail.header("Precedence").lower()
    if precedence in {"auto_reply", "auto-reply"}:
        return True
    if mail.root.get_content_subtype() == "report":
        return True
    if precedence in {"bulk", "junk"} and mail.header("X-Auto-Response-Suppress"):
        return True
    return is_answered_by_machine(mail)


def fields_of(part: Part) -> dict[str, str]:
    """The fields of a report part, names in small letters; of the first block that has any."""
    for block in blocks_of(part):
        return block
    return {}


def blocks_of(part: Part) -> list[dict[str, str]]:
    """The blocks of a delivery status or feedback report, as the parser or plain text has them."""
    payload = part.get_payload()
    if isinstance(payload, list):
        found = [
            {name.lower(): plain_header(value) for name, value in block.items()}
            for block in payload[: MOST_RECIPIENTS + 1]
            if not isinstance(block, str)
        ]
        if any(found):
            return [each for each in found if each]
        blocks = [block for block in payload[:MOST_RECIPIENTS] if not isinstance(block, str)]
        text = "\n\n".join(str(block.get_payload()) for block in blocks)
    else:
        text = text_of(part)
    return [_fields(block) for block in re.split(r"\n\s*\n", text) if ":" in block]


def _fields(block: str) -> dict[str, str]:
    unfolded = re.sub(r"\n[ \t]+", " ", block)
    pairs = (line.partition(":") for line in unfolded.splitlines() if ":" in line)
    return {name.strip().lower(): plain_header(value) for name, _, value in pairs}


def _delivery_status(parts: list[Part], mail: Mail) -> Iterator[Refusal]:
    """The failed recipients of RFC 3464 reports; delayed ones count as passing."""
    words = _own_words(mail)
    reports = [part for part in parts if part.get_content_type() in _STATUS_TYPES]
    blocks = [block for part in reports for block in blocks_of(part)]
    if not reports and _BOUNCE_SUBJECT.search(mail.subject):
        blocks = list(_status_in_text(mail.text))
    for block in blocks:
        action = block.get("action", "").lower()
        if not ({"action", "status", "final-recipient", "diagnostic-code"} & block.keys()):
            continue
        if action.startswith(("deliver", "relay", "expand")) or block.get("status", "").startswith(
            "2"
        ):
            continue
        if "reporting-mta" in block and not {"action", "status"} & block.keys():
            continue
        yield _refusal(block, action=action, words=words)


def _status_in_text(text: str) -> Iterator[dict[str, str]]:
    """Blocks of a delivery status that stand in the text, of a broken or a forwarded report."""
    bare = re.sub(r"(?m)^[> \t]+", "", text)
    for block in re.split(r"\n\s*\n", bare):
        fields = _fields(block)
        if {"final-recipient", "action"} <= fields.keys():
            yield fields


def _refusal(block: dict[str, str], *, action: str, words: str) -> Refusal:
    address = _bare(block.get("original-recipient") or block.get("final-recipient", ""))
    final = _bare(block.get("final-recipient", ""))
    said = block.get("diagnostic-code", "")
    status = _best_status(block.get("status", ""), said)
    known = said if len(said) > 12 else f"{said} {_about(final or address, words)}"
    text = f"{known} {block.get('x-display-name', '')}".strip()
    if _AFTER_DATA.search(_about(final or address, words)):
        text += " in reply to end of DATA"
    says = Says.PASSING if action.startswith("delay") else meaning(status, text)
    if says is Says.UNKNOWN:
        says = meaning(status, f"{text} {words[:4000]}")
    return Refusal(address or final, says, status, (said or _about(address, words))[:500])


def _best_status(field: str, said: str) -> str:
    """The enhanced status: that in the diagnosis, when the field is vague (x.0.0)."""
    own = _STATUS.search(field)
    told = _STATUS.search(said)
    status = own.group(1) if own else ""
    if told and (not status or status.endswith(".0.0") or status.split(".")[1:] == ["0", "0"]):
        status = told.group(1)
    if not status:
        code = _REPLY_CODE.search(said)
        status = f"{code.group(1)[0]}.0.0" if code else ""
    return status


def _is_delivered(parts: list[Part]) -> bool:
    return any(
        part.get_content_type() == "message/delivery-status"
        and any(block.get("action", "").lower().startswith(("deliver", "relay", "expand"))
                for block in blocks_of(part))
        for part in parts
    )  # fmt: skip


def _told(mail: Mail) -> Iterator[Refusal]:
    """Refusals of a daemon that writes prose."""
    words = _own_words(mail)
    status = next(iter(_STATUS.findall(words)), "")
    if not status and (code := _REPLY_CODE.search(words)):
        status = f"{code.group(1)[0]}.0.0"
    addresses = _failed_addresses(mail, words)
    says = meaning(status, words[:8000])
    if not (addresses or status or _BOUNCE_SUBJECT.search(mail.subject)) and says is Says.UNKNOWN:
        return
    for address in addresses or [""]:
        about = _about(address, words)
        own = next(iter(_STATUS.findall(about)), status)
        one = meaning(own, about) if about else Says.UNKNOWN
        yield Refusal(address, says if one is Says.UNKNOWN else one, own, (about or words)[:500])


def _failed_addresses(mail: Mail, words: str) -> list[str]:
    named = address_in(mail.header("X-Failed-Recipients"))
    if named:
        return [named]
    try:
        passing, lasting = all_failures(mail.root)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError):
        logger.info("flufl.bounce could not read a bounce", exc_info=True)
        passing = lasting = frozenset()
    found = [each.decode("ascii", "replace").lower() for each in (*lasting, *passing)]
    if found:
        return sorted(found)
    shown = (each.lower() for each in _ADDRESS.findall(words[:8000]))
    own = address_in(mail.header("To"))
    return [each for each in shown if each != own][:1]


def _complained(parts: list[Part]) -> Iterator[Refusal]:
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            for block in blocks_of(part)[:MOST_RECIPIENTS]:
                address = _bare(block.get("original-rcpt-to", ""))
                if address:
                    yield Refusal(address, Says.POLICY, "", block.get("feedback-type", "abuse"))


def _returned(parts: list[Part]) -> Iterator[Part]:
    for part in parts:
        if part.get_content_type() in {"message/rfc822", "message/global", "text/rfc822-headers",
                                       "message/rfc822-headers"}:  # fmt: skip
            yield part


def _own_words(mail: Mail) -> str:
    """What the server says, without the mail it returns."""
    text = mail.text
    found = _ORIGINAL.search(text)
    # A marker in the first lines is part of the greeting, not the end of it.
    return text[: found.start()] if found and found.start() > 40 else text


def _about(address: str, words: str) -> str:
    """The lines around the first mention of ``address``, where its reason stands."""
    lines = words.splitlines()
    for number, line in enumerate(lines):
        if address and address in line.lower():
            return " ".join(_until_the_next(lines[number : number + 8], address))[:1000]
    return ""


def _until_the_next(lines: list[str], address: str) -> Iterator[str]:
    """The lines, up to one that begins to speak of another address."""
    for number, line in enumerate(lines):
        other = _BEGINS_WITH_ADDRESS.match(line)
        if number and other and other.group(1).lower() != address:
            return
        yield line.strip()


def _bare(field: str) -> str:
    """``rfc822; someone@there`` -> ``someone@there``."""
    return address_in(field.rpartition(";")[2].strip().strip("<>"))


def _kind_of(refusals: tuple[Refusal, ...]) -> Kind:
    return Kind.HARD if any(each.says is Says.GONE for each in refusals) else Kind.SOFT
