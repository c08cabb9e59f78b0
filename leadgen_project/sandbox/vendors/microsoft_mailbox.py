"""One mailbox as Exchange Online keeps it: items in folders, drafts on their way out, their ids.

An item has two: one that lasts (``Prefer: IdType="ImmutableId"``) and one that names its folder.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr
from itertools import count
from typing import Any

FOLDERS = ("inbox", "drafts", "sentitems", "junkemail", "deleteditems")
UNSUBSCRIBE_PROPERTY = "String 0x1045"  # PidTagListUnsubscribe; Exchange writes the header from it
MOST_CUSTOM_HEADERS = 5
_NUMBERS = count(1)
_KNOWN = {"subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from",
          "importance", "internetMessageHeaders", "internetMessageId",
          "singleValueExtendedProperties", "isRead", "categories"}  # fmt: skip


class BadMailError(Exception):
    """The request is refused: ``status``, Graph's ``code`` and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True)
class Item:
    """A message of the mailbox. While ``leaves_at`` is ahead, a sent draft still looks like one."""

    folder: str
    wire: bytes
    is_draft: bool
    at: datetime
    number: int = field(default_factory=lambda: next(_NUMBERS))
    properties: dict[str, str] = field(default_factory=dict)
    is_read: bool = False
    leaves_at: float | None = None
    is_stuck: bool = False
    keeps_id: bool = True
    has_left: bool = False
    message_id: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.message_id = str(self.mail["Message-ID"] or "")

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.wire, policy=SMTP)

    @property
    def lasting_id(self) -> str:
        moved = "" if self.keeps_id or not self.has_left else "-moved"
        return f"AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A{self.number:08}{moved}"

    @property
    def folder_id(self) -> str:
        return f"AAMkAGUwNjQ4-{self.folder}-{self.number:08}="

    def settle(self, now: float) -> None:
        """A draft that was sent becomes the copy in Sent Items, once that has taken its time."""
        if self.leaves_at is not None and self.leaves_at <= now and not self.is_stuck:
            self.leaves_at, self.is_draft, self.has_left = None, False, True
            self.folder = "sentitems"

    def with_header(self, name: str, value: str) -> None:
        mail = self.mail
        del mail[name]
        mail[name] = value
        self.wire = mail.as_bytes()
        self.message_id = str(mail["Message-ID"] or "")


@dataclass(slots=True)
class ExchangeMailbox:
    """One person's mailbox. ``address`` is also the name they sign in with."""

    address: str
    name: str = ""
    kept: dict[int, Item] = field(default_factory=dict)

    @property
    def items(self) -> list[Item]:
        return list(self.kept.values())

    @property
    def id(self) -> str:
        return f"87d349ed-44d7-43e1-9a83-{sum(self.address.encode()) % 10**12:012d}"

    def add(self, folder: str, wire: bytes, *, is_draft: bool = False) -> Item:
        item = Item(folder, wire, is_draft, datetime.now(UTC))
        if not item.message_id:
            domain = self.address.rpartition("@")[2]
            item.with_header("Message-ID", f"<SANDBOX{item.number:012}@{domain}>")
        self.kept[item.number] = item
        return item

    def find(self, id: str, *, now: float) -> Item:  # noqa: A002 -- the contract's word
        number = re.search(r"(\d{8})(-moved|=)?$", id)
        item = self.kept.get(int(number[1])) if number else None
        if item is not None:
            item.settle(now)
            if id in {item.lasting_id, item.folder_id}:
                return item
        raise BadMailError(404, "ErrorItemNotFound",
                           "The specified object was not found in the store.")  # fmt: skip

    def within(self, folder: str | None, *, now: float) -> Iterator[Item]:
        for item in self.kept.values():
            item.settle(now)
            if folder is None or item.folder == folder:
                yield item


# --- what is sent in ---------------------------------------------------------------------------
def mail_of_mime(body: bytes, *, owner: str) -> tuple[bytes, dict[str, str]]:
    """A MIME request's mail. Raises ``BadMailError``."""
    try:
        wire = base64.b64decode(b"".join(body.split()), validate=True)
    except ValueError:
        wire = b""
    if not wire:
        raise BadMailError(400, "ErrorMimeContentInvalidBase64String",
                           "Invalid base64 string for MIME content.")  # fmt: skip
    mail: EmailMessage = message_from_bytes(wire, policy=SMTP)
    sender = mail["From"].addresses[0].addr_spec if mail["From"] else owner
    check_sender(sender, owner=owner)
    return wire, {}


def mail_of_json(given: Any, *, owner: ExchangeMailbox) -> tuple[bytes, dict[str, str]]:
    """The mail Exchange makes of a ``message`` resource, and its properties. Raises as above."""
    if not isinstance(given, dict):
        raise BadMailError(400, "RequestBodyRead", "An object was expected.")
    for name in given:
        if name not in _KNOWN:
            raise BadMailError(
                400, "RequestBodyRead",
                f"The property '{name}' does not exist on type 'microsoft.graph.message'.",
            )  # fmt: skip
    mail = EmailMessage(policy=SMTP)
    sender = _one_address(given["from"]) if "from" in given else owner.address
    check_sender(sender, owner=owner.address)
    mail["From"] = Address(display_name=owner.name, addr_spec=owner.address)
    for field_name, header in (("toRecipients", "To"), ("ccRecipients", "Cc"),
                               ("bccRecipients", "Bcc"), ("replyTo", "Reply-To")):  # fmt: skip
        if given.get(field_name):
            mail[header] = ", ".join(_formatted(each) for each in given[field_name])
    mail["Subject"] = str(given.get("subject", ""))
    if given.get("internetMessageId"):
        mail["Message-ID"] = given["internetMessageId"]
    for name, value in _custom_headers(given.get("internetMessageHeaders", [])):
        mail[name] = value
    properties = properties_of(given.get("singleValueExtendedProperties", []))
    if UNSUBSCRIBE_PROPERTY in properties:
        mail["List-Unsubscribe"] = properties[UNSUBSCRIBE_PROPERTY]
    body = given.get("body", {})
    if body.get("contentType", "Text").lower() == "html":
        mail.set_content(re.sub(r"<[^>]+>", " ", body.get("content", "")))
        mail.add_alternative(body.get("content", ""), subtype="html")
    else:
        mail.set_content(body.get("content", ""))
    return mail.as_bytes(), properties


def check_sender(sender: str, *, owner: str) -> None:
    if sender.lower() != owner.lower():
        raise BadMailError(
            403, "ErrorSendAsDenied",
            "The user account which was used to submit this request does not have the right to"
            " send mail on behalf of the specified sending account.",
        )  # fmt: skip


def check_recipients(wire: bytes) -> None:
    mail: EmailMessage = message_from_bytes(wire, policy=SMTP)
    found = [each.addr_spec for name in ("To", "Cc", "Bcc") if mail[name]
             for each in mail[name].addresses]  # fmt: skip
    if not found or not all(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", each) for each in found):
        raise BadMailError(400, "ErrorInvalidRecipients",
                           "At least one recipient isn't valid., A message can't be sent because"
                           " it contains no recipients.")  # fmt: skip


def properties_of(given: Any) -> dict[str, str]:
    for each in given:
        if not isinstance(each, dict) or set(each) != {"id", "value"}:
            raise BadMailError(400, "RequestBodyRead", "id and value are expected.")
        if not re.fullmatch(r"String (0x[0-9a-fA-F]+|\{[0-9a-fA-F-]{36}\} Name \S.*)", each["id"]):
            raise BadMailError(400, "ErrorInvalidProperty", "The property id is not valid.")
    return {each["id"]: str(each["value"]) for each in given}


def _custom_headers(given: Any) -> list[tuple[str, str]]:
    if len(given) > MOST_CUSTOM_HEADERS:
        raise BadMailError(400, "InvalidInternetMessageHeaderCollection",
                           "Maximum number of headers in one message should be less than or equal"
                           f" to {MOST_CUSTOM_HEADERS}.")  # fmt: skip
    for each in given:
        if not str(each.get("name", "")).lower().startswith("x-"):
            raise BadMailError(400, "InvalidInternetMessageHeader",
                               f"The internet message header name '{each.get('name')}' should"
                               " start with 'x-' or 'X-'.")  # fmt: skip
    return [(each["name"], each["value"]) for each in given]


def _one_address(each: Any) -> str:
    try:
        return str(each["emailAddress"]["address"])
    except (KeyError, TypeError):
        raise BadMailError(400, "RequestBodyRead", "emailAddress is expected.") from None


def _formatted(each: Any) -> str:
    return formataddr((each.get("emailAddress", {}).get("name", ""), _one_address(each)))


# --- what is given out -------------------------------------------------------------------------
def as_resource(item: Item, *, lasting: bool) -> dict[str, Any]:
    """The ``message`` resource of an item, all that is selectable here."""
    mail = item.mail
    at = item.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    found = {
        "id": item.lasting_id if lasting else item.folder_id,
        "createdDateTime": at,
        "receivedDateTime": at,
        "sentDateTime": at,
        "subject": str(mail["Subject"] or ""),
        "isDraft": item.is_draft,
        "isRead": item.is_read,
        "internetMessageId": item.message_id,
        "conversationId": "AAQkAGUwNjQ4",
        "parentFolderId": f"AQMkAGUwNjQ4-{item.folder}",
        "internetMessageHeaders": [{"name": name, "value": str(value)}
                                   for name, value in mail.items()],
        "from": _person(mail["From"]),
        "sender": _person(mail["From"]),
        "toRecipients": _people(mail["To"]),
        "bodyPreview": "",
    }  # fmt: skip
    body = mail.get_body(("html", "plain"))
    if body is not None:
        kind = "html" if body.get_content_subtype() == "html" else "text"
        text = body.get_payload(decode=True)
        assert isinstance(text, bytes)  # noqa: S101 -- a text part has one payload
        found["body"] = {"contentType": kind, "content": text.decode("utf-8", "replace")}
    return found


def _people(header: Any) -> list[dict[str, Any]]:
    return [{"emailAddress": {"name": each.display_name, "address": each.addr_spec}}
            for each in (header.addresses if header else ())]  # fmt: skip


def _person(header: Any) -> dict[str, Any] | None:
    return next(iter(_people(header)), None)
