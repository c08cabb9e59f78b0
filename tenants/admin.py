"""The office of a tenant: settings, people, audit. For the platform see ``admin_platform``."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateTimeFilter
from unfold.sections import TemplateSection
from unfold.widgets import (
    UnfoldAdminColorInputWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from tenants import admin_platform, admin_sign_in, admin_vendors, people
from tenants.audit_words import actions_called, words_of
from tenants.console import PLATFORM, ModelAdmin, may_do, reason_of
from tenants.context import is_public
from tenants.identity_models import Invitation
from tenants.models import AuditEvent, HostLease, Membership, TenantSettings
from tenants.sign_in import invitations
from tenants.templatetags.console import moment

__all__ = ["admin_platform", "admin_sign_in", "admin_vendors"]


@admin.register(TenantSettings)
class TenantSettingsAdmin(ModelAdmin):
    """One page per tenant: what its nights take, when they start, how its pages are marked."""

    list_title = "Settings"
    change_action = "tenants.edit_settings"
    fieldsets = [
        ("Nights", {"fields": [("nightly_enabled", "nightly_at"), "candidates_per_night",
                               "shortlist_cap"]}),
        ("Web sites", {"fields": ["site_match_threshold"]}),
        ("Keeping", {"fields": ["retention_days", "legal_hold"]}),
        ("People", {"fields": ["preferred_titles", ("lusha_fallback", "people_per_company"),
                               "buys_phones"]}),
        ("Language model", {"fields": [("llm_model", "llm_temperature"), "llm_sees_contacts"]}),
        ("Sign-in", {"fields": ["first_login", ("password_sign_in", "second_factor_required")]}),
        ("Pages", {"fields": ["colour"]}),
    ]  # fmt: skip

    LABELS = {
        "nightly_enabled": "Run every night",
        "nightly_at": "Start at",
        "candidates_per_night": "Companies a night",
        "shortlist_cap": "Places on the shortlist",
        "site_match_threshold": "Points for a company's own site",
        "retention_days": "Keep pages, lists and conversations for",
        "legal_hold": "Nothing is let go of, because",
        "lusha_fallback": "Ask Lusha for people",
        "preferred_titles": "Wanted titles",
        "people_per_company": "People per company",
        "buys_phones": "Buy telephone numbers",
        "first_login": "First sign-in through a provider lets in",
        "password_sign_in": "People may sign in with a password",
        "second_factor_required": "A second factor is required with passwords",
    }
    HELP = {
        "retention_days": "Fetched pages, the nights' files, answers of vendors and conversations"
                          " of the chat that nobody touched; what is older goes with the next"
                          " night.",
        "legal_hold": "For a legal hold: while something stands here, nights let go of nothing."
                      " Erasing a person who asks for it is decided by you, under People's"
                      " requests.",
    }  # fmt: skip

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        usual = "\n".join(settings.LUSHA_PREFERRED_TITLES)
        widgets = {
            "colour": UnfoldAdminColorInputWidget(),
            "preferred_titles": UnfoldAdminTextareaWidget({"rows": 8, "placeholder": usual}),
        }
        texts = {"labels": self.LABELS, "help_texts": self.HELP}
        return super().get_form(request, obj, **{**kwargs, "widgets": widgets, **texts})

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "lusha_fallback":
            kwargs["choices"] = [("", "As the deployment has it"), *TenantSettings.Fallback.choices]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        named = {"title": "Settings", "list_link": ""}
        return super().changeform_view(
            request, object_id, form_url, {**named, **(extra_context or {})}
        )

    def audit_subject(self, obj: Any) -> str:
        return f"settings {obj.pk}"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row per tenant, so the list is that row."""
        if is_public():
            return HttpResponseRedirect(reverse("admin:tenants_tenant_changelist"))
        return HttpResponseRedirect(reverse("admin:tenant-settings"))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self.message_user(request, "Saved. The next night works with it.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:tenant-settings"))


class AddMemberForm(forms.ModelForm):
    """Invites a person by name. The answer is the same whether or not they have an account."""

    who = forms.CharField(
        label="User name or e-mail address",
        max_length=254,
        widget=UnfoldAdminTextInputWidget(),
        help_text="They become a member when they next sign in, with a password or a provider.",
    )

    class Meta:
        model = Membership
        fields = ["role"]


@admin.register(Membership)
class MembershipAdmin(ModelAdmin):
    """Owners add people, change their role and remove them."""

    list_title = "People"
    add_action = change_action = delete_action = "tenants.manage_people"
    list_before_template = "tenants/invitations_before.html"
    list_display = ["person", "email", "role_in_words", "origin"]
    search_fields = ["user__username", "user__email", "user__first_name", "user__last_name"]
    list_filter = ["role"]
    ordering = ["user__username"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        found = super().get_queryset(request).select_related("user", "tenant")
        return found.defer("user__password")  # which the database does not show to tenants

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = AddMemberForm
        return super().get_form(request, obj, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["who", "role"] if obj is None else ["person", "email", "role"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None else ["person", "email"]

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return ["person", "tenant", *self.list_display[1:]] if is_public() else self.list_display

    @admin.display(description="Person", ordering="user__username")
    def person(self, obj: Membership) -> str:
        return f"{obj.user} ({obj.user.username})" if obj.user.first_name else obj.user.username

    @admin.display(description="E-mail", ordering="user__email")
    def email(self, obj: Membership) -> str:
        return obj.user.email

    @admin.display(description="Role", ordering="role")
    def role_in_words(self, obj: Membership) -> str:
        return obj.get_role_display()

    @admin.display(description="Role from")
    def origin(self, obj: Membership) -> str:
        return "the provider" if obj.granted_by else "an owner"

    def audit_subject(self, obj: Any) -> str:
        return f"member {obj.user.username}"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {
            "invitations": [] if is_public() else Invitation.objects.order_by("who"),
            "may_invite": may_do(request, self.add_action),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def get_urls(self) -> list[Any]:
        withdraw = self.admin_site.admin_view(require_POST(admin_sign_in.withdraw_view))
        return [path("withdraw/", withdraw, name="withdraw-invitation"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor, reason = request.user.get_username(), reason_of(request)
        if change:
            people.change_role(obj, role=obj.role, actor=actor, reason=reason)
            return
        invitations.invite(
            request.tenant,  # type: ignore[attr-defined]  # set by TenantMiddleware
            form.cleaned_data["who"],
            role=obj.role,
            actor=actor,
            reason=reason,
        )

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        text = "Invited. They become a member when they next sign in."
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:tenants_membership_changelist"))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        people.remove_member(obj, actor=request.user.get_username(), reason=reason_of(request))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (people.PeopleError, invitations.InvitationError) as exc:
            return self._refuse(request, exc)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().delete_view(request, *args, **kwargs)
        except people.PeopleError as exc:
            return self._refuse(request, exc)

    def _refuse(self, request: HttpRequest, exc: Exception) -> HttpResponse:
        self.message_user(request, str(exc), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:tenants_membership_changelist"))

    def _record(self, *_args: Any, **_kwargs: Any) -> None:
        """``tenants.people`` has written the event already."""


class BeforeAndAfter(TemplateSection):
    template_name = "console/audit_section.html"


class AreaFilter(admin.SimpleListFilter):
    """What kind of change; a DISTINCT over all actions would read the whole trail."""

    title = "area"
    parameter_name = "area"
    AREAS = (
        ("tenants.run.", "Runs"),
        ("tenants.membership.", "People"),
        ("tenants.invitation.", "Invitations"),
        ("tenants.issuer.", "Sign-in providers"),
        ("tenants.api_token.", "API tokens"),
        ("tenants.tenantsettings.", "Settings"),
        ("tenants.vendor", "Vendors"),
        ("tenants.budget.", "Budget notices"),
        ("tenants.enter", "Entering the tenant"),
        ("icp.", "Rules, leads, suppressions"),
        ("scoring.", "Scores, shortlist, exports"),
        ("enrichment.", "Sites and contacts"),
        ("outreach.", "Mail and calls"),
        ("odoo_sync.", "Odoo"),
        ("acra.", "Register"),
        ("tenants.config.", "Configuration"),
        ("tenants.user", "Accounts"),
        ("moving_in.", "Moving in"),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.AREAS

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action__startswith=self.value()) if self.value() else queryset


class ActionFilter(FieldTextFilter):
    """Finds what was done by its words, and by its code."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        text = self.value()
        if not text:
            return queryset
        named = actions_called(text)
        return queryset.filter(Q(action__icontains=text) | Q(action__in=named))


@admin.register(AuditEvent)
class AuditEventAdmin(ModelAdmin):
    """Who changed what, newest first. Nothing here can be changed, by anybody."""

    list_title = "Audit"
    empty_title = "Nothing was changed yet"
    empty_text = "Every change by a person or a job is written here, with its reason."
    list_display = ["when", "actor", "what", "subject", "reason"]
    list_display_links = ["when"]
    list_filter = [
        AreaFilter,
        ("actor", FieldTextFilter),
        ("action", ActionFilter),
        ("subject", FieldTextFilter),
        ("at", RangeDateTimeFilter),
    ]
    list_sections = [BeforeAndAfter]
    ordering = ["-at", "-pk"]
    readonly_fields = ["shown"]
    fields = ["shown", "action", "request_id"]

    @admin.display(description="When", ordering="at")
    def when(self, obj: AuditEvent) -> str:
        return moment(obj.at)

    @admin.display(description="What was done", ordering="action")
    def what(self, obj: AuditEvent) -> SafeString:
        return format_html('<span title="{}">{}</span>', obj.action, words_of(obj.action))

    @admin.display(description="Change")
    def shown(self, obj: AuditEvent) -> str:
        from django.template.loader import render_to_string  # noqa: PLC0415 -- apps are loading

        return render_to_string("console/audit_event.html", {"event": obj})


@admin.register(HostLease)
class HostLeaseAdmin(ModelAdmin):
    """Which crawler is at which web host: for a platform admin whose crawl seems to stand still."""

    list_title = "Web hosts"
    empty_title = "No host was visited yet"
    empty_text = "While nights run, this shows which crawler is at which host, and until when."
    list_display = ["host", "owner", "leased_until", "not_before"]
    search_fields = ["host"]
    ordering = ["-leased_until"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_do(request, PLATFORM)
