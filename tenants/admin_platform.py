"""Pages of the platform: tenants and accounts. Only platform admins, only outside a tenant."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from tenants.console import PLATFORM, ModelAdmin, TabularInline, may_do
from tenants.lifecycle.provision import create_tenant, remove_tenant
from tenants.models import Domain, Membership, PipelineRun, Tenant, User
from tenants.templatetags.console import moment


class DomainInline(TabularInline):
    model = Domain
    verbose_name = "host name"
    fields = ["domain", "is_primary"]
    add_action = change_action = delete_action = PLATFORM


class AddTenantForm(forms.ModelForm):
    host = forms.CharField(
        label="Host name",
        required=False,
        max_length=253,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Leads straight to this tenant, e.g. acme.example.com. Empty: KEY.localhost.",
    )

    class Meta:
        model = Tenant
        fields = ["schema_name", "name"]

    def clean_host(self) -> str:
        host: str = self.cleaned_data["host"].strip().lower()
        if host and Domain.objects.filter(domain=host).exists():
            raise forms.ValidationError(f"{host} leads to another tenant already.")
        return host


@admin.register(Tenant)
class TenantAdmin(ModelAdmin):
    """Make a tenant, switch it off, remove it for good."""

    empty_title = "No tenant yet"
    empty_text = "A tenant holds one customer's rules, leads and people. Make the first."

    add_action = change_action = PLATFORM
    list_display = ["name", "schema_name", "hosts", "is_active", "last_run", "created"]
    list_display_links = ["name"]
    search_fields = ["name", "schema_name"]
    list_filter = ["is_active"]
    ordering = ["name"]
    inlines = [DomainInline]
    change_form_outer_after_template = "tenants/tenant_removal.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        newest = PipelineRun.objects.filter(tenant=OuterRef("pk")).order_by("-started_at")
        return (
            super()
            .get_queryset(request)
            .prefetch_related("domains")
            .annotate(
                last_status=Subquery(newest.values("status")[:1]),
                last_start=Subquery(newest.values("started_at")[:1]),
            )
        )

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = AddTenantForm
        return super().get_form(request, obj, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return (
            ["schema_name", "name", "host"] if obj is None else ["schema_name", "name", "is_active"]
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None else ["schema_name"]

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [] if obj is None else self.inlines

    def get_urls(self) -> list[Any]:
        remove = self.admin_site.admin_view(self.remove_view)
        return [path("<path:key>/remove/", remove, name="remove-tenant"), *super().get_urls()]

    @admin.display(description="Hosts")
    def hosts(self, obj: Tenant) -> str:
        return ", ".join(domain.domain for domain in obj.domains.all()) or "-"

    @admin.display(description="Last run", ordering="last_start")
    def last_run(self, obj: Any) -> str:
        if obj.last_start is None:
            return "never"
        return f"{PipelineRun.Status(obj.last_status).label}, {moment(obj.last_start)}"

    @admin.display(description="Since", ordering="created_at")
    def created(self, obj: Tenant) -> str:
        return moment(obj.created_at)

    def audit_subject(self, obj: Any) -> str:
        return str(obj.pk)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            Tenant.objects.filter(pk=obj.pk).update(name=obj.name, is_active=obj.is_active)
            return
        create_tenant(
            obj.schema_name,
            name=obj.name,
            host=form.cleaned_data["host"],
            actor=request.user.get_username(),
        )

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """``tenants.lifecycle.provision`` has written the event already."""

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        self.message_user(
            request,
            f"{obj} is ready. Next: give it an owner below, under Accounts.",
            messages.SUCCESS,
        )
        return HttpResponseRedirect(reverse("admin:tenants_tenant_change", args=[obj.pk]))

    def remove_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """GET asks for the key to be typed, and why; POST removes the tenant and all it holds."""
        if not may_do(request, PLATFORM):
            raise PermissionDenied("Tenants are removed by platform admins, outside any tenant.")
        tenant = Tenant.objects.filter(pk=key).first()
        if tenant is None:
            raise Http404(f"There is no tenant {key!r}.")
        typed = request.POST.get("typed", "").strip()
        reason = request.POST.get("reason", "").strip()
        if request.method == "POST" and typed == tenant.pk and reason:
            remove_tenant(tenant, actor=request.user.get_username(), reason=reason)
            self.message_user(request, f"{tenant} and all its data are gone.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:tenants_tenant_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Remove {tenant}?",
            "opts": self.opts,
            "doomed": tenant,
            "typed": typed,
            "reason": reason,
            "was_sent": request.method == "POST",
        }
        return TemplateResponse(request, "tenants/remove_tenant.html", context)


class MembershipInline(TabularInline):
    model = Membership
    verbose_name = "membership"
    fields = ["tenant", "role"]
    add_action = change_action = delete_action = PLATFORM


@admin.register(User)
class AccountAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc]  # stubs of both differ
    """Accounts of people. What they may do comes from the memberships below each."""

    list_title = "Accounts"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    add_form_template = None
    add_action = change_action = PLATFORM
    list_display = ["username", "full_name", "email", "place", "is_active", "last_seen"]
    list_filter = ["is_active", "is_superuser"]
    search_fields = ["username", "email", "first_name", "last_name"]
    ordering = ["username"]
    filter_horizontal = []
    inlines = [MembershipInline]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": [("first_name", "last_name"), "email"]}),
        ("Access", {"fields": [("is_active", "is_superuser")]}),
    ]
    add_fieldsets = [
        ("Person", {"fields": ["username", ("first_name", "last_name"), "email"]}),
        ("Password", {"fields": ["password1", "password2"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__tenant")

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [] if obj is None else self.inlines

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "is_superuser" in form.base_fields:
            field = form.base_fields["is_superuser"]
            field.label = "Platform admin"
            field.help_text = (
                "May enter every tenant, make tenants and accounts, load the register."
            )
            form.base_fields["is_active"].help_text = "Switched off, the account cannot sign in."
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.is_staff = True  # Unfold shows its search to staff only; rights are memberships
        super().save_model(request, obj, form, change)

    @admin.display(description="Name", ordering="first_name")
    def full_name(self, obj: User) -> str:
        return obj.get_full_name() or "-"

    @admin.display(description="Works in")
    def place(self, obj: User) -> str:
        places = [f"{one.tenant.name} ({one.get_role_display().lower()})"
                  for one in obj.memberships.all()]  # fmt: skip
        if obj.is_superuser:
            places.insert(0, "Platform")
        return ", ".join(places) or format_html('<span class="lg-muted">{}</span>', "nowhere yet")

    @admin.display(description="Last sign-in", ordering="last_login")
    def last_seen(self, obj: User) -> str:
        return moment(obj.last_login) if obj.last_login else "never"

    def audit_subject(self, obj: Any) -> str:
        return f"account {obj.username}"
