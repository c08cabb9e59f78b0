"""The operator's console: who may enter, and which tenant it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, re_path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.sites import UnfoldAdminSite

from leadgen_project.console import (
    ask_page,
    candidates,
    config_page,
    device_page,
    doors,
    hours_page,
    moves_page,
    notice_page,
    opt_out_pages,
    run_pages,
    spend_page,
    vendor_pages,
    view_pages,
)
from leadgen_project.console.context import console_context, tenant_of
from leadgen_project.console.home import home_context
from leadgen_project.console.platform_home import platform_context
from leadgen_project.console.sign_in import (
    SignInForm,
    SignInView,
    address_to_sign_out,
    sign_in_choices,
    sign_out_page,
)
from tenants import audit
from tenants.context import in_public
from tenants.roles import role_of

# Their pages would let whoever opens them run any code (the queue) or mean nothing here (groups:
# rights come from memberships).
NOT_SHOWN = ("auth", "django_q")
NO_TENANT_NEEDED = ("/admin/logout/", "/admin/login/", "/admin/password_change/", "/admin/jsi18n/")


class ConsoleSite(UnfoldAdminSite):
    """Staff see only the tenants they are members of; platform admins see the platform too."""

    site_header = "leadgen"
    site_title = "leadgen"
    index_title = "Today"
    login_form = SignInForm
    enable_nav_sidebar = True

    def register(self, model_or_iterable: Any, *args: Any, **options: Any) -> None:
        given = (
            model_or_iterable if isinstance(model_or_iterable, Iterable) else [model_or_iterable]
        )
        shown = [model for model in given if not _is_hidden(model)]
        if shown:
            super().register(shown, *args, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        if not user.is_active:
            return False
        return bool(getattr(user, "is_superuser", False)) or role_of(user) is not None

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """A signed-in member who has not chosen a tenant yet is asked to, not to sign in again."""
        inner = super().admin_view(view, cacheable)

        def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            signed_in = request.user.is_authenticated and request.user.is_active
            if signed_in and not self.has_permission(request) and _needs_tenant(request):
                query = urlencode({"next": request.get_full_path()})
                return HttpResponseRedirect(f"{reverse('switch-tenant')}?{query}")
            return inner(request, *args, **kwargs)

        asking.csrf_exempt = getattr(inner, "csrf_exempt", False)  # type: ignore[attr-defined]
        return asking

    def get_urls(self) -> list[Any]:
        """Without Django's shortcut that loads any row of any table by two numbers."""
        return [
            entry for entry in super().get_urls() if getattr(entry, "name", "") != "view_on_site"
        ]

    def extra_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, Callable[..., Any], str]] = [
            ("ask/", ask_page.ask_page, "ask"),
            ("ask/pass/", ask_page.give_pass, "ask-pass"),
            ("device/", device_page.device_page, "device"),
            ("exports/", doors.exports_page, "exports"),
            ("notices/", notice_page.notices_page, "notices"),
            ("notices/watch/", notice_page.watch, "watch"),
            ("opt-outs/", opt_out_pages.opt_outs_page, "opt-outs"),
            ("settings/file/", config_page.config_page, "config-import"),
            ("settings/", doors.tenant_settings, "tenant-settings"),
            ("moves/", moves_page.moves_page, "moves"),
            ("moves/<int:move_id>/undo/", moves_page.undo_page, "move-undo"),
            ("moves/<int:move_id>/not-taken.csv", moves_page.refused_file, "move-refused"),
            ("hours/", hours_page.hours_page, "hours"),
            ("vendors/", vendor_pages.vendors_page, "vendors"),
            ("vendors/lanes/<slug:verb>/", vendor_pages.change_lane, "lane-change"),
            ("spend/", spend_page.spend_page, "spend"),
            ("views/save/", view_pages.save_view, "view-save"),
            ("views/<int:view_id>/remove/", view_pages.remove_view, "view-remove"),
            ("runs/start/", run_pages.start_run, "run-start"),
            ("runs/<int:run_id>/progress/", run_pages.run_progress, "run-progress"),
            ("runs/<int:run_id>/candidates.csv", candidates.run_candidates, "run-candidates"),
        ]
        changes = r"^runs/(?P<run_id>\d+)/(?P<verb>pause|resume|cancel)/$"
        vendor = r"^vendors/(?P<vendor>[A-Z]+)/(?P<verb>switch|limits|key|remove-key|lift|test)/$"
        return [
            re_path(vendor, self.admin_view(vendor_pages.change_vendor), name="vendor-change"),
            *(path(route, self.admin_view(view), name=name) for route, view, name in pages),
            re_path(changes, self.admin_view(run_pages.change_run), name="run-change"),
        ]

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """Today's work of the tenant, or the state of the platform."""
        tenant, now = tenant_of(request), timezone.now()
        if tenant is None:
            template, content = "console/platform.html", platform_context(request, now=now)
        else:
            template, content = "console/home.html", home_context(request, tenant=tenant, now=now)
        context = {
            **self.each_context(request),
            "title": self.index_title,
            "subtitle": None,
            **content,
            **(extra_context or {}),
        }
        request.current_app = self.name
        return TemplateResponse(request, template, context)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        """Breadcrumbs lead here; a list of tables is nobody's job, so it is the first page."""
        return HttpResponseRedirect(reverse("admin:index"))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), **console_context(request)}

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(_next_of(request))
        goes_to = reverse("admin:index")
        context = {
            **self.each_context(request),
            "title": "Sign in",
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            REDIRECT_FIELD_NAME: request.GET.get(REDIRECT_FIELD_NAME, goes_to),
            **sign_in_choices(request),
            **(extra_context or {}),
        }
        request.current_app = self.name
        view = SignInView.as_view(
            extra_context=context,
            authentication_form=self.login_form,
            template_name="admin/login.html",
        )
        with in_public():  # accounts and sessions belong to the platform
            response: Any = view(request)
            if isinstance(response, TemplateResponse):
                response.render()
        return response

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        with in_public():
            address = address_to_sign_out(request)
            return sign_out_page(request, super().logout(request, extra_context), address)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        here = self.each_context(request)
        with in_public():
            response = super().password_change(request, {**here, **(extra_context or {})})
            if response.status_code == 302:
                name = request.user.get_username()
                audit.record("tenants.user.password", actor=name, subject=f"account {name}")
        return response


def _is_hidden(model: type[models.Model]) -> bool:
    return model._meta.app_label in NOT_SHOWN  # noqa: SLF001 -- Django's documented meta API


def _needs_tenant(request: HttpRequest) -> bool:
    return not request.path.startswith(NO_TENANT_NEEDED)


def _next_of(request: HttpRequest) -> str:
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else reverse("admin:index")
