"""The form of a mailbox: what each way of sending needs, and secrets that are only ever written."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from outreach.clients.microsoft import JSON, MIME
from outreach.mailboxes.makers import WITH_SIGN_IN
from outreach.models import Mailbox
from tenants import secrets

Kind = Mailbox.Transport
MICROSOFT = (Kind.GRAPH_DRAFT, Kind.GRAPH_DIRECT)
SERVICES = ("brevo", "mailersend", "mailgun", "mailjet", "mandrill", "postmark", "resend",
            "sendgrid", "sparkpost")  # fmt: skip
SECURITY = (("starttls", "STARTTLS (port 587)"), ("tls", "TLS from the start (port 465)"),
            ("none", "None: only inside your own network"))  # fmt: skip
# Form field -> (name in ``Mailbox.options``, the transports it belongs to).
OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "account": ("account", WITH_SIGN_IN),
    "format": ("format", MICROSOFT),
    "host": ("host", (Kind.SMTP,)),
    "port": ("port", (Kind.SMTP,)),
    "security": ("security", (Kind.SMTP,)),
    "user": ("user", (Kind.SMTP,)),
    "imap_host": ("imap_host", (Kind.SMTP,)),
    "imap_port": ("imap_port", (Kind.SMTP,)),
    "service": ("service", (Kind.ANYMAIL,)),
    "sender_domain": ("sender_domain", (Kind.ANYMAIL,)),
    "region": ("region", (Kind.ANYMAIL,)),
    "dkim_selector": ("dkim_selector", tuple(Kind.values)),
}
NEEDED = {Kind.SMTP: ("host", "port", "security"), Kind.ANYMAIL: ("service",)}
SECRET_OF = {Kind.SMTP: "password", Kind.ANYMAIL: "key"}


class MailboxForm(forms.ModelForm):
    """``options`` and the secret stand in fields of their own, shown by the way of sending."""

    account = forms.EmailField(
        label="Signs in as", required=False, widget=UnfoldAdminEmailInputWidget(),
        help_text="Only if the account has another address than the mailbox.",
    )  # fmt: skip
    format = forms.ChoiceField(
        label="Handed over as", required=False, widget=UnfoldAdminSelectWidget(),
        choices=[(MIME, "Whole mail (MIME)"), (JSON, "Fields (JSON)")],
        help_text="MIME may carry one-click unsubscribe: the self-test shows. JSON never does.",
    )  # fmt: skip
    host = forms.CharField(
        label="SMTP server", required=False, max_length=255, widget=UnfoldAdminTextInputWidget()
    )
    port = forms.IntegerField(
        label="SMTP port", required=False, min_value=1, max_value=65535, initial=587,
        widget=UnfoldAdminIntegerFieldWidget(),
    )  # fmt: skip
    security = forms.ChoiceField(
        label="Security", required=False, choices=SECURITY, widget=UnfoldAdminSelectWidget()
    )
    user = forms.CharField(
        label="User name", required=False, max_length=320, widget=UnfoldAdminTextInputWidget()
    )
    password = forms.CharField(
        label="Password", required=False, max_length=500, strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Kept encrypted and never shown again. Empty: the one kept stays.",
    )  # fmt: skip
    imap_host = forms.CharField(
        label="IMAP server", required=False, max_length=255, widget=UnfoldAdminTextInputWidget(),
        help_text="Where answers and bounces are read. Empty: they are not read.",
    )  # fmt: skip
    imap_port = forms.IntegerField(
        label="IMAP port", required=False, min_value=1, max_value=65535,
        widget=UnfoldAdminIntegerFieldWidget(),
    )  # fmt: skip
    service = forms.ChoiceField(
        label="Service", required=False, widget=UnfoldAdminSelectWidget(),
        choices=[("", "Choose one"), *((each, each.title()) for each in SERVICES)],
    )  # fmt: skip
    key = forms.CharField(
        label="API key", required=False, max_length=1000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Kept encrypted and never shown again. Empty: the one kept stays. Mailjet has two"
        " parts: key:secret.",
    )  # fmt: skip
    sender_domain = forms.CharField(
        label="Sending domain there", required=False, max_length=255,
        widget=UnfoldAdminTextInputWidget(), help_text="Mailgun asks for it.",
    )  # fmt: skip
    region = forms.ChoiceField(
        label="Region", required=False, widget=UnfoldAdminSelectWidget(),
        choices=[("", "The service's usual one"), ("eu", "Europe")],
    )  # fmt: skip
    dkim_selector = forms.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", label="DKIM selector", required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="For the look at DNS. Empty: the usual names are tried.",
    )  # fmt: skip

    class Meta:
        model = Mailbox
        fields = ["transport", "address", "display_name", "reply_to", "timezone", "gap_seconds",
                  "gap_jitter", "per_minute", "per_day", "ramp_from"]  # fmt: skip
        labels = {
            "transport": "Way of sending",
            "display_name": "Name beside the address",
            "reply_to": "Answers go to",
            "timezone": "Time zone of its day",
            "gap_seconds": "Seconds between mails",
            "gap_jitter": "Longer by up to, per cent",
            "per_minute": "At most a minute",
            "per_day": "At most a day",
            "ramp_from": "New since",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (option, _) in OPTIONS.items():
            if option in self.instance.options and name in self.fields:
                self.fields[name].initial = self.instance.options[option]

    def clean_address(self) -> str:
        return str(self.cleaned_data["address"]).lower()

    def clean_timezone(self) -> str:
        zone = str(self.cleaned_data["timezone"])
        if zone not in available_timezones():
            raise ValidationError("This is no IANA time zone, such as Asia/Singapore.")
        return zone

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        transport = given.get("transport", "")
        for name in NEEDED.get(transport, ()):
            if not given.get(name) and name not in self.errors:
                self.add_error(name, "This way of sending needs it.")
        return given

    def save(self, commit: bool = True) -> Any:
        """A change of who sends, or how, undoes what was shown, and drops tokens of another."""
        mailbox, given = self.instance, self.cleaned_data
        if mailbox.pk and self._is_another():
            mailbox.secret, mailbox.access_until = None, None
            mailbox.secret_version += 1
            mailbox.state, mailbox.state_reason = Mailbox.State.NEW, ""
        if self._shows_otherwise():
            for name in ("one_click", "self_test"):
                mailbox.findings.pop(name, None)
        kept = {name for name, _ in OPTIONS.values()}
        others = {name: value for name, value in mailbox.options.items() if name not in kept}
        mailbox.options = others | {
            option: given[name] for name, (option, transports) in OPTIONS.items()
            if given["transport"] in transports and given.get(name) not in (None, "")
        }  # fmt: skip
        if secret := given.get(SECRET_OF.get(given["transport"], "")):
            mailbox.secret = secrets.encrypt(secret)
            mailbox.secret_version += 1
        return super().save(commit)

    def _is_another(self) -> bool:
        given, options = self.cleaned_data, self.instance.options
        before = (self.initial.get("transport"), self.initial.get("address"))
        return before != (given["transport"], given["address"]) or any(
            str(options.get(name) or "") != str(given.get(name) or "")
            for name in ("account", "host", "service")
        )

    def _shows_otherwise(self) -> bool:
        return self._is_another() or "format" in self.changed_data
