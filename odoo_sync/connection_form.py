"""The form of a connection: where the Odoo is, its key, and what is the same for all leads."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from odoo_sync.clients.line import check_address
from odoo_sync.clients.trouble import OdooError
from odoo_sync.models import OdooConnection
from odoo_sync.values import without_repeats
from tenants import secrets
from tenants.paid.credentials import ending_of

CHOSEN = {"team": "teams", "stage": "stages", "user": "users"}  # option -> list of the findings


class ConnectionForm(forms.ModelForm):
    """``options`` stand in fields of their own; the key is only ever written."""

    key = forms.CharField(
        label="API key", required=False, max_length=2000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Kept encrypted and never shown again. Empty: the one kept stays.",
    )  # fmt: skip
    team = forms.TypedChoiceField(label="Sales team of new leads", required=False, coerce=int,
                                  empty_value="", widget=UnfoldAdminSelectWidget())  # fmt: skip
    stage = forms.TypedChoiceField(label="Stage of new leads", required=False, coerce=int,
                                   empty_value="", widget=UnfoldAdminSelectWidget())  # fmt: skip
    user = forms.TypedChoiceField(label="Salesperson of new leads", required=False, coerce=int,
                                  empty_value="", widget=UnfoldAdminSelectWidget())  # fmt: skip
    tags = forms.CharField(
        label="Tags on everything", required=False, max_length=300,
        widget=UnfoldAdminTextInputWidget(), help_text="Parted by commas. Made there if missing.",
    )  # fmt: skip
    vat = forms.BooleanField(
        label="UEN also as tax number", required=False, widget=UnfoldBooleanSwitchWidget(),
        help_text="Odoo may refuse numbers it takes for wrong.",
    )  # fmt: skip
    direct_sql = forms.BooleanField(
        label="Write into Odoo's tables all the same", required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text="I have read what that breaks, and there is no other way.",
    )  # fmt: skip

    class Meta:
        model = OdooConnection
        fields = ["name", "url", "database", "login", "key_expires_on", "is_on", "is_automatic",
                  "threshold"]  # fmt: skip
        help_texts = {
            "url": "Such as https://yourcompany.odoo.com",
            "database": "May stay empty where the address serves only one.",
            "login": "The key's user. Needed before Odoo 19.",
            "key_expires_on": "As Odoo showed it when the key was made; keys of Odoo 19 expire.",
            "is_on": "Off: nothing is sent and nothing is read.",
            "is_automatic": "Off: only leads accepted at review are sent.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, of in CHOSEN.items():
            known = [(number, text) for number, text in self.instance.findings.get(of, [])]
            field: Any = self.fields[name]
            field.choices = [("", self._nothing(name, bool(known))), *known]
            field.initial = self.instance.options.get(name) or ""
        self.fields["tags"].initial = ", ".join(self.instance.options.get("tags", []))
        self.fields["direct_sql"].initial = self.instance.options.get("direct_sql", False)
        self.fields["vat"].initial = self.instance.options.get("vat", False)

    @staticmethod
    def _nothing(name: str, is_known: bool) -> str:
        if not is_known:
            return "Test the connection to see them"
        return "Nobody" if name == "user" else "Odoo's default"

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip()
        if self.instance.way == OdooConnection.Way.SQL and not url:
            return ""
        allowed = frozenset(
            (host, int(port)) for host, _, port in
            (each.rpartition(":") for each in settings.ODOO_ALLOW_PRIVATE) if port.isdigit()
        )  # fmt: skip
        try:
            return check_address(url, allow_private=allowed)
        except OdooError as exc:
            raise ValidationError(exc.sentence) from None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.instance.pk and self.instance.pushes.exists():
            for name in ("url", "database"):
                if name in self.changed_data:
                    self.add_error(name, "Leads have gone to this Odoo, and their numbers belong to"
                                         " it. Add a connection for another one.")  # fmt: skip
        is_sql = self.instance.way == OdooConnection.Way.SQL
        has_way = (given.get("url") and given.get("key")) or given.get("direct_sql")
        if is_sql and given.get("is_on") and not has_way:
            self.add_error("is_on", "Enter the address and an API key first, or say below that"
                                    " Odoo's tables are to be written into.")  # fmt: skip
        if given.get("is_on"):
            others = OdooConnection.objects.filter(is_on=True).exclude(pk=self.instance.pk)
            if other := others.first():
                self.add_error("is_on", f"{other} is in use; one is at a time.")
        return given

    def save(self, commit: bool = True) -> Any:
        """Another address or key has to be tested anew."""
        connection, given = self.instance, self.cleaned_data
        connection.options = {
            **{name: given.get(name) or 0 for name in CHOSEN},
            "tags": list(without_repeats(str(given.get("tags") or "").split(","))),
            "vat": bool(given.get("vat")),
            "direct_sql": bool(given.get("direct_sql")),
        }
        is_another = {"url", "database", "login", "direct_sql"} & set(self.changed_data)
        if secret := given.get("key"):
            connection.secret = secrets.encrypt(secret)
            connection.ending = ending_of(secret)
            connection.way = OdooConnection.Way.RPC
        if is_another or secret:
            connection.state, connection.state_reason = OdooConnection.State.NEW, ""
            connection.version, connection.not_before, connection.failures = "", None, 0
        return super().save(commit)
