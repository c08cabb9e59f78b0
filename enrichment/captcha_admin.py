"""The CAPTCHA desk: one page in hand at a time, worked by keyboard, and what becomes of walls."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from enrichment.captcha import claim as claims
from enrichment.captcha import figures
from enrichment.captcha.errors import ChallengeError, FoundError
from enrichment.captcha.found import LONGEST
from enrichment.captcha.resolve import fail, resolve, wants_name
from enrichment.captcha.stop import resume_source
from enrichment.captcha_models import CaptchaChallenge
from enrichment.harvest_models import HarvestSource
from tenants.clock import database_now
from tenants.console import ModelAdmin, may_do
from tenants.context import is_public

WORK = "enrichment.work_desk"
LISTED = 25  # of the queue at once


@admin.register(CaptchaChallenge)
class CaptchaDesk(ModelAdmin):
    """A queue to be emptied: the longest waiting first, one field to fill in."""

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self._at("claim", "claim/", self.claim_view),
            self._at("claim_this", "<int:pk>/claim/", self.claim_view),
            self._at("act", "<int:pk>/act/", self.act_view),
            self._at("resume", "source/<int:pk>/resume/", self.resume_view),
        ]
        return [*mine, *super().get_urls()]

    def _at(self, name: str, route: str, view: Any) -> URLPattern:
        return path(route, self.admin_site.admin_view(require_POST(view)), name=f"desk_{name}")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """What the caller has in hand, the head of the queue, and the figures. Writes nothing."""
        self._admit(request)
        return self._show(request)

    def _show(self, request: HttpRequest, *, typed: str = "") -> HttpResponse:
        now = database_now()
        rows = CaptchaChallenge.objects.select_related("lead", "listing__request", "source").defer(
            "lead__facts", "lead__trace"
        )
        actor = request.user.get_username()
        mine = rows.waiting().held_by(actor, now=now).order_by("held_until").first()
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": "CAPTCHA desk",
            "mine": mine, "now": now, "typed": typed[:LONGEST], "longest": LONGEST,
            "seconds": int((mine.held_until - now).total_seconds()) if mine and mine.held_until
            else 0,
            "wants_name": mine is not None and wants_name(mine),
            "count": figures.waiting_count(),
            "queue": rows.waiting().order_by("queued_at", "pk")[:LISTED],
            "sources": figures.of_sources(now=now), "hosts": figures.of_hosts(now=now),
            "may_work": may_do(request, WORK),
        }  # fmt: skip
        return TemplateResponse(request, "enrichment/desk.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A challenge has no page of its own: its lead has, and the desk."""
        self._admit(request)
        row = get_object_or_404(CaptchaChallenge, pk=_number(object_id) or 0)
        if row.lead_id:
            return HttpResponseRedirect(reverse("admin:icp_lead_change", args=[row.lead_id]))
        return _desk()

    def claim_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """The next one, or this very one."""
        self._admit(request, WORK)
        actor = request.user.get_username()
        if pk is None:
            if claims.claim_next(actor=actor) is None:
                self.message_user(request, "Nothing is free to be claimed now.", messages.WARNING)
            return _desk()
        try:
            claims.claim(get_object_or_404(CaptchaChallenge, pk=pk), actor=actor)
        except ChallengeError as exc:
            self.message_user(request, str(exc), messages.WARNING)
        return _desk()

    def act_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Save, nothing there, could not pass, skip, release, or hold it longer."""
        self._admit(request, WORK)
        challenge = get_object_or_404(CaptchaChallenge, pk=pk)
        typed = request.POST.get("found", "")
        try:
            said = _act(
                challenge, request.POST.get("act", ""), typed,
                actor=request.user.get_username(), lease=_number(request.POST.get("lease", "")),
            )  # fmt: skip
        except (ChallengeError, FoundError) as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return self._show(request, typed=typed)
        self.message_user(request, said, messages.SUCCESS)
        return _desk()

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a source that paused itself be asked again."""
        self._admit(request, WORK)
        source = get_object_or_404(HarvestSource, pk=pk)
        if resume_source(source, actor=request.user.get_username()):
            text = f"{source.name} is asked again. Its walls are counted from now on."
            self.message_user(request, text, messages.SUCCESS)
        else:
            self.message_user(request, f"{source.name} was not paused.", messages.WARNING)
        return _desk()

    def _admit(self, request: HttpRequest, action: str = "") -> None:
        if is_public() or not self.has_view_permission(request):
            raise PermissionDenied("The CAPTCHA desk belongs to a tenant.")
        if action and not may_do(request, action):
            raise PermissionDenied(f"Your role may not do this: {action}.")


def _act(
    challenge: CaptchaChallenge, verb: str, typed: str, *, actor: str, lease: int | None
) -> str:
    """Do what a button of the desk says; the sentence that tells of it."""
    match verb:
        case "save":
            if not typed.strip():
                raise FoundError("Write what you found, or choose Nothing there.")
            resolve(challenge, typed, actor=actor, lease=lease)
            return "Saved. The lead goes on with the next night."
        case "nothing":
            resolve(challenge, "", actor=actor, lease=lease)
            return "Noted that nothing is there. The lead goes on with the next night."
        case "failed":
            fail(challenge, actor=actor, lease=lease)
            return "Back in the queue, as its last."
        case "skip":
            claims.skip(challenge, actor=actor, lease=lease)
            return "Skipped: it comes last now."
        case "release":
            claims.release(challenge, actor=actor, lease=lease)
            return "Put back where it was."
        case "longer":
            claims.claim(challenge, actor=actor)
            return "Yours for as long again."
    raise Http404("There is no such button.")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _desk() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:enrichment_captchachallenge_changelist"))
