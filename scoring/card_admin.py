"""The score card editor: points as a form, with what a change would do before it is saved."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from scoring.cards import CardError, scaled_to_100
from scoring.catalogue import FEATURES
from scoring.conditions import QUESTIONS
from scoring.models import ScoreCard
from scoring.publish import StaleCardError, current_card, save_card
from scoring.whatif import Preview, preview
from tenants.console import may_do, reason_of
from tenants.context import current_schema
from tenants.models import TenantSettings
from tenants.row_number import row_number
from tenants.tenant_page import TenantPage

VERSIONS = 50
NAMED = 12  # leads that enter and leave, by name


class ScoreCardAdmin(TenantPage):
    """The points, with what a change would do before it is saved."""

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("scorecard_preview", "preview/", require_POST(self.preview)),
            self.at("scorecard_scale", "scale/", require_POST(self.scale)),
            self.at("scorecard_save", "save/", require_POST(self.save)),
        ]
        return [*mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The editor of the card in use; ``?version=`` shows an older one to start from."""
        self.guard(request)
        current = current_card()
        shown = current
        if version := request.GET.get("version"):
            shown = get_object_or_404(ScoreCard, name=current.name, version=row_number(version))
        return self._editor(request, current=current, payload=shown.payload, shown=shown)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        card = get_object_or_404(ScoreCard, pk=row_number(object_id))
        url = reverse("admin:scoring_scorecard_changelist")
        return HttpResponseRedirect(f"{url}?version={card.version}")

    def save(self, request: HttpRequest) -> HttpResponse:
        """Save the edited card as the next version; problems come back with what was typed."""
        self.guard(request, "scoring.edit_card")
        payload, based_on = _payload(request), request.POST.get("based_on", "")
        try:
            saved = save_card(
                payload,
                actor=request.user.get_username(),
                reason=reason_of(request),
                based_on=row_number(based_on),
            )
        except CardError as exc:
            return self._editor(
                request, current=current_card(), payload=payload, problems=exc.problems
            )
        except StaleCardError as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return self._editor(request, current=current_card(), payload=payload)
        text = f"{saved} is in use. Open leads are scored by it in the next run."
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:scoring_scorecard_changelist"))

    def preview(self, request: HttpRequest) -> JsonResponse:
        """What the card in the request would change: HTML to show, or all its problems."""
        self.guard(request)
        cap = TenantSettings.objects.get(tenant_id=current_schema()).shortlist_cap
        try:
            found = preview(_payload(request), cap=cap)
        except CardError as exc:
            return JsonResponse({"problems": exc.problems})
        context = {"preview": found, "cap": cap, "bars": _bars(found), "most": NAMED}
        html = render_to_string("scoring/preview.html", context, request=request)
        return JsonResponse({"problems": [], "html": html, "best": found.best_possible})

    def scale(self, request: HttpRequest) -> JsonResponse:
        """The card in the request, stretched so that the best possible lead has 100 points."""
        self.guard(request)
        try:
            return JsonResponse({"problems": [], "payload": scaled_to_100(_payload(request))})
        except CardError as exc:
            return JsonResponse({"problems": exc.problems})

    def _editor(
        self,
        request: HttpRequest,
        *,
        current: ScoreCard,
        payload: Any,
        shown: ScoreCard | None = None,
        problems: Any = (),
    ) -> HttpResponse:
        catalogue = [
            {"key": feature.key, "label": feature.label, "kind": feature.kind,
             "choices": feature.choices, "asks": sorted(QUESTIONS[feature.kind])}
            for feature in FEATURES.values()
        ]  # fmt: skip
        versions = ScoreCard.objects.filter(name=current.name).order_by("-version")[:VERSIONS]
        return self.page(
            request,
            "card",
            "Score card",
            current=current,
            shown=shown or current,
            payload=payload,
            catalogue=catalogue,
            problems=problems,
            versions=versions,
            reason=reason_of(request),
            may_edit=may_do(request, "scoring.edit_card"),
        )


def _payload(request: HttpRequest) -> Any:
    """The card the editor sends; what is no JSON is a card with every problem."""
    try:
        return json.loads(request.POST.get("payload", ""))
    except json.JSONDecodeError:
        return None


def _bars(found: Preview) -> list[dict[str, Any]]:
    """Ten points wide columns of the distribution, heights in percent of the highest."""
    tallest = max([*found.histogram_before, *found.histogram_after, 1])
    pairs = zip(found.histogram_before, found.histogram_after, strict=True)
    return [
        {
            "label": f"{n * 10} to {n * 10 + 9 if n < 9 else 100}",
            "before": before,
            "after": after,
            "height_before": round(100 * before / tallest),
            "height_after": round(100 * after / tallest),
        }
        for n, (before, after) in enumerate(pairs)
    ]
