"""How people and programs come in: sign-in providers, API tokens, invitations."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from tenants import secrets
from tenants.console import ModelAdmin, may_do, reason_of
from tenants.context import in_public
from tenants.identity_models import ApiToken, Issuer
from tenants.models import Membership, User
from tenants.roles import SCOPES, role_of, scopes_of_role
from tenants.sign_in import api_tokens, invitations
from tenants.sign_in.sso.discover import Discovery, discover
from tenants.sign_in.sso.fetch import ProviderError
from tenants.sign_in.sso.keys import keys_at
from tenants.sign_in.sso.providers import refresh_discovery
from tenants.templatetags.console import moment

MANAGE = "tenants.manage_sign_in"


class IssuerForm(forms.ModelForm):
    """Asks the provider while it is filled in, so that nothing untested is ever switched on."""

    client_secret = forms.CharField(
        required=False,
        max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}, render_value=False),
        help_text="Kept encrypted and never shown again. Empty: the one kept stays.",
    )
    roles = forms.CharField(
        label="Roles, one a line",
        required=False,
        max_length=4000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Word of the provider = role, e.g. sales-managers = owner."
        " Empty: the provider's words are owner, operator, reviewer, auditor.",
    )

    class Meta:
        model = Issuer
        fields = ["name", "issuer", "client_id", "scopes", "audiences", "tenant_claim",
                  "tenant_value", "roles_claim", "is_on"]  # fmt: skip
        widgets = {"audiences": UnfoldAdminTextInputWidget()}
        labels = {
            "name": "Name on the button",
            "audiences": "Audiences of bearer tokens",
            "tenant_claim": "Claim that names the tenant",
            "tenant_value": "What it says for this tenant",
            "roles_claim": "Claim with the roles",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found: Discovery | None = None
        shown = (f"{theirs} = {ours.lower()}" for theirs, ours in self.instance.role_map.items())
        self.fields["roles"].initial = "\n".join(shown)

    def clean_roles(self) -> dict[str, str]:
        found = {}
        for line in filter(str.strip, self.cleaned_data["roles"].splitlines()):
            theirs, _, ours = (part.strip() for part in line.rpartition("="))
            if not theirs or ours.upper() not in Membership.Role.values:
                raise forms.ValidationError(f"{line.strip()!r} is not WORD = ROLE.")
            found[theirs] = ours.upper()
        return found

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("issuer") and given.get("is_on"):
            try:
                self.found = discover(given["issuer"])
            except ProviderError as exc:
                self.add_error("issuer", str(exc))
        return given

    def save(self, commit: bool = True) -> Any:
        row = self.instance
        row.role_map = self.cleaned_data["roles"]
        if secret := self.cleaned_data["client_secret"]:
            row.secret = secrets.encrypt(secret)
        if self.found is not None:
            row.metadata, row.discovered_at = self.found.as_json(), timezone.now()
        return super().save(commit)


@admin.register(Issuer)
class IssuerAdmin(ModelAdmin):
    """The OpenID providers of a tenant, each tried before it is switched on."""

    list_title = "Sign-in"
    empty_title = "People sign in with a password, or through the deployment's provider"
    empty_text = (
        "Connect your own (Entra ID, Keycloak, Auth0, Okta): docs/runbooks/sign-in.md says how."
    )
    form = IssuerForm
    add_action = change_action = delete_action = MANAGE
    secret_fields = ("client_secret",)
    list_display = ["name", "issuer", "state", "tried"]
    ordering = ["name"]
    change_form_outer_after_template = "tenants/issuer_after.html"
    fieldsets = [
        ("Provider", {"fields": [("name", "is_on"), "issuer", ("client_id", "client_secret")]}),
        ("Who comes in", {"fields": [("tenant_claim", "tenant_value"), "roles_claim", "roles"]}),
        ("Tokens", {"fields": ["scopes", "audiences"]}),
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Issuer]:
        return super().get_queryset(request).defer("secret")  # not shown to tenants' own role

    @admin.display(description="State")
    def state(self, obj: Issuer) -> str:
        return "on" if obj.is_on else "off"

    @admin.display(description="Last tried", ordering="discovered_at")
    def tried(self, obj: Issuer) -> str:
        return moment(obj.discovered_at) if obj.discovered_at else "never"

    def audit_subject(self, obj: Any) -> str:
        return f"sign-in provider {obj.name}"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.tenant = request.tenant  # type: ignore[attr-defined]  # by TenantMiddleware
        with in_public():
            obj.save()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with in_public():
            Issuer.objects.filter(pk=obj.pk).delete()

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:  # fmt: skip
        address = request.build_absolute_uri(reverse("oidc-callback"))
        out = request.build_absolute_uri(reverse("admin:login"))
        more = {"callback_address": address, "signed_out_address": out}
        return super().changeform_view(
            request, object_id, form_url, {**more, **(extra_context or {})}
        )

    def get_urls(self) -> list[Any]:
        test = self.admin_site.admin_view(require_POST(self.test_view))
        return [path("<int:pk>/test/", test, name="issuer-test"), *super().get_urls()]

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the provider for its document and keys, and say what came of it."""
        row = self.get_object(request, str(pk))
        if row is None or not may_do(request, MANAGE):
            raise PermissionDenied
        try:
            found = refresh_discovery(row, actor=request.user.get_username())
            keys_at(found.jwks).find(None, algorithm="RS256")
        except ProviderError as exc:
            self.message_user(request, f"It did not work: {exc}", messages.ERROR)
        else:
            text = f"{row.name} answers, and its keys can be read."
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:tenants_issuer_change", args=[pk]))


class ApiTokenForm(forms.ModelForm):
    days = forms.IntegerField(
        label="Good for how many days",
        initial=90,
        min_value=1,
        max_value=api_tokens.LONGEST_DAYS,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do", widget=UnfoldAdminCheckboxSelectMultipleWidget(), initial=["read"]
    )

    class Meta:
        model = ApiToken
        fields = ["name"]
        widgets = {"name": UnfoldAdminTextInputWidget()}


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """One's own tokens for the API; owners see everybody's. Made once, ended any time."""

    list_title = "API tokens"
    empty_title = "No token yet"
    empty_text = "A token lets a program of yours use the API with some of your rights."
    add_action = "tenants.make_api_token"
    list_display = ["name", "owner", "may", "state", "expires", "used"]
    list_display_links = ["name"]
    ordering = ["-created_at"]
    fields = readonly_fields = ["name", "owner", "prefix_shown", "may", "state", "expires", "used"]
    change_form_outer_after_template = "tenants/api_token_after.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        found = super().get_queryset(request).select_related("user")
        found = found.defer("digest", "user__password")  # which tenants' own role may not read
        if may_do(request, "tenants.manage_people"):
            return found
        return found.filter(user_id=request.user.pk)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, **kwargs)
        form = super().get_form(request, obj, **{**kwargs, "form": ApiTokenForm})
        mine = scopes_of_role(role_of(request.user) or "")
        form.base_fields["scopes"].choices = [(key, SCOPES[key]) for key in SCOPES if key in mine]
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name", "days", "scopes"] if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None else self.readonly_fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request) and role_of(request.user) is not None

    @admin.display(description="Owner", ordering="user__username")
    def owner(self, obj: ApiToken) -> str:
        return str(obj.user)

    @admin.display(description="Begins with")
    def prefix_shown(self, obj: ApiToken) -> str:
        return f"{api_tokens.MARK}{obj.prefix}_"

    @admin.display(description="May")
    def may(self, obj: ApiToken) -> str:
        return "; ".join(SCOPES.get(scope, scope) for scope in obj.scopes)

    @admin.display(description="State")
    def state(self, obj: ApiToken) -> str:
        if obj.revoked_at:
            return f"revoked {moment(obj.revoked_at)}"
        return "good" if obj.is_live(now=timezone.now()) else "expired"

    @admin.display(description="Good until", ordering="expires_at")
    def expires(self, obj: ApiToken) -> str:
        soon = obj.is_live(now=timezone.now()) and api_tokens.expires_soon(obj)
        text = moment(obj.expires_at)
        return format_html('<span class="lg-wait">{}</span>', text) if soon else text

    @admin.display(description="Last used", ordering="last_used_at")
    def used(self, obj: ApiToken) -> str:
        return moment(obj.last_used_at) if obj.last_used_at else "never"

    def audit_subject(self, obj: Any) -> str:
        return f"API token {obj.prefix}"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        row, text = api_tokens.create(
            request.tenant,  # type: ignore[attr-defined]  # by TenantMiddleware
            cast(User, request.user),
            name=obj.name,
            scopes=form.cleaned_data["scopes"],
            days=form.cleaned_data["days"],
            now=timezone.now(),
        )
        obj.pk, obj.prefix = row.pk, row.prefix
        obj.shown_once = text

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """``tenants.sign_in.api_tokens`` has written the event already."""

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        context = {**self.admin_site.each_context(request), "title": f"Token {obj.name}",
                   "opts": self.opts, "token": obj.shown_once, **self._place()}  # fmt: skip
        response = TemplateResponse(request, "tenants/api_token_made.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    def get_urls(self) -> list[Any]:
        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [path("<int:pk>/revoke/", revoke, name="api-token-revoke"), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404("There is no such token here.")
        actor = request.user.get_username()
        if api_tokens.revoke(row, actor=actor, now=timezone.now(), reason=reason_of(request)):
            self.message_user(request, f"{row} is revoked; it works no more.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:tenants_apitoken_changelist"))


def withdraw_view(request: HttpRequest) -> HttpResponse:
    """POST ``who``: take an invitation back."""
    tenant = getattr(request, "tenant", None)
    if tenant is None or not may_do(request, "tenants.manage_people"):
        raise PermissionDenied
    who = request.POST.get("who", "")
    if invitations.withdraw(tenant, who, actor=request.user.get_username()):
        messages.success(request, f"The invitation of {who} is withdrawn.")
    return HttpResponseRedirect(reverse("admin:tenants_membership_changelist"))
