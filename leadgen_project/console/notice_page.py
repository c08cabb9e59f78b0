"""The notices of the tenant, and what of them the reader wants by mail."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from icp.models import Notice, NoticeReader
from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from leadgen_project.notices.mail import wanted_by
from tenants.roles import role_of

SHOWN = 100


def notices_page(request: HttpRequest) -> HttpResponse:
    """The newest first; those since the reader last marked them as read are told apart."""
    if tenant_of(request) is None:
        raise PermissionDenied("Notices belong to a tenant.")
    person, role = request.user.get_username(), role_of(request.user) or ""
    if request.method == "POST" and "read" in request.POST:
        NoticeReader.objects.update_or_create(
            person=person, defaults={"seen_at": timezone.now()},
            create_defaults={"seen_at": timezone.now(), "by_mail": wanted_by(person, role)},
        )  # fmt: skip
        return HttpResponseRedirect(link("notices"))
    if request.method == "POST":
        chosen = [kind for kind in Notice.Kind.values if kind in request.POST.getlist("kind")]
        NoticeReader.objects.update_or_create(person=person, defaults={"by_mail": chosen})
        messages.success(request, "Saved.")
        return HttpResponseRedirect(link("notices"))
    wanted = wanted_by(person, role)
    reader = NoticeReader.objects.filter(person=person).first()
    seen_at = reader.seen_at if reader else None
    shown = [(one, seen_at is None or one.at > seen_at) for one in
             Notice.objects.order_by("-at", "-pk")[:SHOWN]]  # fmt: skip
    context = {
        **admin.site.each_context(request), "title": "Notices", "shown": shown,
        "has_new": any(is_new for _, is_new in shown),
        "kinds": [(value, label, value in wanted) for value, label in Notice.Kind.choices],
        "can_mail": bool(settings.EMAIL_HOST), "address": getattr(request.user, "email", ""),
        "is_member": bool(role),
    }  # fmt: skip
    return TemplateResponse(request, "console/notices.html", context)
