"""The notices of the tenant, and what of them the reader wants by mail."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from icp.models import Notice, NoticeReader, Watch
from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from leadgen_project.notices.mail import notices_for, wanted_by
from leadgen_project.notices.watched import TooManyWatchedError, page_of, switch
from tenants.roles import role_of

SHOWN = 100
WATCHED = "You are told when it changes."


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
             notices_for(person).order_by("-at", "-pk")[:SHOWN]]  # fmt: skip
    context = {
        **admin.site.each_context(request), "title": "Notices", "shown": shown,
        "has_new": any(is_new for _, is_new in shown),
        "kinds": [(value, label, value in wanted) for value, label in Notice.Kind.choices],
        "can_mail": bool(settings.EMAIL_HOST), "address": getattr(request.user, "email", ""),
        "is_member": bool(role),
        "watched": [(watch, page_of(watch)) for watch in
                    Watch.objects.filter(person=person).order_by("record", "-since")],
    }  # fmt: skip
    return TemplateResponse(request, "console/notices.html", context)


@require_POST
def watch(request: HttpRequest) -> HttpResponse:
    """Begin or end to watch a record, then go back to its page or to the notices."""
    if tenant_of(request) is None or not role_of(request.user):
        raise PermissionDenied("Only members of a tenant watch its records.")
    record, key = request.POST.get("record", ""), request.POST.get("key", "")
    back = link("notices")
    try:
        is_watched = switch(request.user.get_username(), record, key)
    except LookupError as exc:
        raise Http404(str(exc)) from exc
    except TooManyWatchedError as exc:
        messages.error(request, str(exc))
    else:
        messages.success(
            request,
            "You are told when it changes." if is_watched else "You are no longer told of it.",
        )
    if "stay" not in request.POST:
        back = page_of(Watch(record=record, key=key))
    return HttpResponseRedirect(back)
