"""The CAPTCHA desk: one page in hand at a time, worked by keyboard, and what becomes of walls."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from enrichment.captcha import claim as claims
from enrichment.captcha import figures
from enrichment.captcha.errors import ChallengeError, FoundError
from enrichment.captcha.found import LONGEST
from enrichment.captcha.resolve import fail, resolve, wants_name
from enrichment.captcha.stop import resume_source
from enrichment.captcha_models import CaptchaChallenge
from enrichment.harvest_models import HarvestSource, Listing
from tenants.clock import database_now
from tenants.console import may_do
from tenants.row_number import row_number
from tenants.tenant_page import TenantPage, name_of

WORK = "enrichment.work_desk"
LISTED = 25  # of the queue at once


@admin.register(CaptchaChallenge)
class CaptchaDesk(TenantPage):
    """A queue to be emptied: the longest waiting first, one field to fill in."""

    what_belongs = "Pages behind walls"

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("desk_claim", "claim/", require_POST(self.claim_view)),
            self.at("desk_claim_this", "<int:pk>/claim/", require_POST(self.claim_view)),
            self.at("desk_act", "<int:pk>/act/", require_POST(self.act_view)),
            self.at("desk_resume", "source/<int:pk>/resume/", require_POST(self.resume_view)),
        ]
        return [*mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """What the caller has in hand, the head of the queue, and the figures. Writes nothing."""
        self.guard(request)
        return self._show(request)

    def _show(self, request: HttpRequest, *, typed: str = "") -> HttpResponse:
        now = database_now()
        rows = CaptchaChallenge.objects.select_related("lead", "listing__request", "source").defer(
            "lead__facts", "lead__trace"
        )
        actor = name_of(request)
        mine = rows.waiting().held_by(actor, now=now).order_by("held_until").first()
        left = mine.held_until - now if mine and mine.held_until else None
        return self.page(
            request, "desk", "CAPTCHA desk", mine=mine, now=now, typed=typed[:LONGEST],
            longest=LONGEST, seconds=int(left.total_seconds()) if left else 0,
            wants_name=mine is not None and wants_name(mine), count=figures.waiting_count(),
            queue=rows.waiting().order_by("queued_at", "pk")[:LISTED],
            sources=figures.of_sources(now=now), hosts=figures.of_hosts(now=now),
            may_work=may_do(request, WORK),
        )  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A challenge has no page of its own: its lead has, and the desk."""
        self.guard(request)
        row = get_object_or_404(CaptchaChallenge, pk=row_number(object_id))
        if row.lead_id:
            return HttpResponseRedirect(reverse("admin:icp_lead_change", args=[row.lead_id]))
        return _desk()

    def claim_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """The next one, or this very one."""
        self.guard(request, WORK)
        actor = name_of(request)
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
        self.guard(request, WORK)
        challenge = get_object_or_404(CaptchaChallenge, pk=pk)
        typed = request.POST.get("found", "")
        try:
            said = _act(
                challenge, request.POST.get("act", ""), typed,
                actor=name_of(request), lease=row_number(request.POST.get("lease", "")) or None,
            )  # fmt: skip
        except (ChallengeError, FoundError) as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return self._show(request, typed=typed)
        self.message_user(request, said, messages.SUCCESS)
        return _desk()

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a source that paused itself be asked again."""
        self.guard(request, WORK)
        source = get_object_or_404(HarvestSource, pk=pk)
        if resume_source(source, actor=name_of(request)):
            text = f"{source.name} is asked again. Its walls are counted from now on."
            self.message_user(request, text, messages.SUCCESS)
        else:
            self.message_user(request, f"{source.name} was not paused.", messages.WARNING)
        return _desk()


def _act(
    challenge: CaptchaChallenge, verb: str, typed: str, *, actor: str, lease: int | None
) -> str:
    """Do what a button of the desk says; the sentence that tells of it."""
    match verb:
        case "save":
            if not typed.strip():
                raise FoundError("Write what you found, or choose Nothing there.")
            resolve(challenge, typed, actor=actor, lease=lease)
            return f"Saved. {_what_follows(challenge)}"
        case "nothing":
            resolve(challenge, "", actor=actor, lease=lease)
            return f"Noted that nothing is there. {_what_follows(challenge)}"
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


def _what_follows(challenge: CaptchaChallenge) -> str:
    """What becomes of what stood before the wall, in a sentence."""
    row = CaptchaChallenge.objects.select_related("listing").get(pk=challenge.pk)
    if row.lead_id:
        return "The lead goes on with the next night."
    if row.listing is None:
        return "Start the harvest again when its list can be read."
    if row.listing.outcome == Listing.Outcome.FOUND:
        return "Its harvest takes the entry up."
    return f"The entry: {row.listing.get_outcome_display().lower()}."


def _desk() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:enrichment_captchachallenge_changelist"))
