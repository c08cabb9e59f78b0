"""Mails as they come back to a mailbox, written as real ones are."""

from __future__ import annotations

from email.message import EmailMessage
from itertools import count

from outreach.models import Message
from outreach.wording.compose import KEY_HEADER

NUMBERS = count(1)


def reply_to(message: Message, text: str, *, subject: str = "Re: Tea", **headers: str) -> bytes:
    """A person's reply that quotes our mail, way out and all."""
    mail = EmailMessage()
    given = {"From": f"Mei <{message.recipient}>", "To": "olga@us.example", "Subject": subject,
             "Message-ID": f"<reply-{next(NUMBERS)}@kaya.example>",
             "In-Reply-To": message.message_id}  # fmt: skip
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in given.items():
        if value:
            mail[name] = value
    quoted = "> Dear Mei\n> If you would rather not hear from us again, unsubscribe here\n"
    mail.set_content(f"{text}\n\nOn Sun, 22 Nov 2026, Olga Tan <olga@us.example> wrote:\n{quoted}")
    return mail.as_bytes()


def bounce_of(
    message: Message, *, status: str = "5.1.1", words: str = "550 5.1.1 User unknown",
    address: str = "", names_us: bool = True,
) -> bytes:  # fmt: skip
    """A delivery report as Postfix writes them, with the head of our mail behind."""
    head = f"{KEY_HEADER}: {message.key}\nMessage-ID: {message.message_id}\n" if names_us else ""
    return (
        "From: MAILER-DAEMON@mx.kaya.example (Mail Delivery System)\n"
        f"To: olga@us.example\nMessage-ID: <bounce-{next(NUMBERS)}@mx.kaya.example>\n"
        "Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\n"
        "MIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nIt could not be delivered.\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.kaya.example\n\n"
        f"Final-Recipient: rfc822; {address or message.recipient}\nAction: failed\n"
        f"Status: {status}\nDiagnostic-Code: smtp; {words}\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nFrom: olga@us.example\n{head}\n--b--\n"
    ).encode()


def complaint_of(message: Message) -> bytes:
    """A feedback report (RFC 5965) with our mail in it."""
    return (
        "From: feedback@mx.kaya.example\nTo: abuse@us.example\nSubject: FW: Tea\n"
        f"Message-ID: <arf-{next(NUMBERS)}@mx.kaya.example>\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nThis is an abuse report.\n\n"
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n"
        f"Original-Rcpt-To: {message.recipient}\n\n"
        "--b\nContent-Type: message/rfc822\n\nFrom: olga@us.example\n"
        f"Message-ID: {message.message_id}\n{KEY_HEADER}: {message.key}\n\nTea\n--b--\n"
    ).encode()
