"""The mail policy and the table of origins: what holds, what it rests on, and who changed it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from outreach.admission.policy import PolicyError, set_origin, set_policy, table
from outreach.law import NEEDS_BASIS, THRESHOLDS, Answer, Origin
from outreach.mail_page import MailPage, name_of
from outreach.models import MailPolicy, OriginPolicy
from tenants.clock import database_now
from tenants.console import may_do, reason_of
from tenants.models import AuditEvent

EDIT = "outreach.edit_policy"
ORIGIN_WORDS = {
    Origin.REPLIED: "The recipient wrote to us or gave it",
    Origin.TYPED: "Entered by an operator",
    Origin.ADOPTED: "Adopted on sight of its page",
    Origin.CAPTCHA: "Found by a person behind a CAPTCHA",
    Origin.IMPORTED: "Imported, or sent by the API",
    Origin.PROVIDER: "Bought from a data provider",
    Origin.PAGE: "Read by the crawler on the company's site",
    Origin.GUESSED: "Made by a pattern",
    Origin.HARVESTED: "From a listing of many, or not known",
}
ANSWER_WORDS = {Answer.SEND: "send", Answer.ASK: "ask", Answer.NEVER: "never"}
EVENTS = 20


@admin.register(MailPolicy)
class MailPolicyAdmin(MailPage):
    list_title = "Mail policy"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request, EDIT if request.method == "POST" else "")
        policy, error = MailPolicy.current(), None
        shown = _shown(policy)
        if request.method == "POST":
            shown = {name: request.POST.get(name, "") for name in shown}
            try:
                changed = set_policy(_changes(request), actor=name_of(request),
                                     reason=reason_of(request), now=database_now())  # fmt: skip
            except PolicyError as exc:
                error = exc
            else:
                text = "Saved, and held mail was asked again." if changed else "Nothing differs."
                self.message_user(request, text, messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:outreach_mailpolicy_changelist"))
        events = AuditEvent.objects.filter(action__startswith="outreach.policy").order_by("-at")
        return self.page(
            request, "policy", "Mail policy", policy=policy, shown=shown, error=error,
            hours=[(day, ", ".join(spans)) for day, spans in policy.weekly_hours.items()],
            thresholds=THRESHOLDS,
            bases=[(country, duty, policy.bases.get(country, "")) for country, duty in
                   sorted(NEEDS_BASIS.items())],
            may_edit=may_do(request, EDIT), events=events[:EVENTS],
        )  # fmt: skip


@admin.register(OriginPolicy)
class OriginPolicyAdmin(MailPage):
    list_title = "Origins of addresses"

    def get_urls(self) -> list[URLPattern]:
        mine = self.at("origin_set", "set/", require_POST(self.set_view))
        return [mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        countries, rows = table()
        events = AuditEvent.objects.filter(action="outreach.origin.set").order_by("-at")
        return self.page(
            request, "origins", "Origins of addresses", countries=countries,
            rows=[(ORIGIN_WORDS[origin], origin, cells) for origin, cells in rows],
            origins=[(origin.value, words) for origin, words in ORIGIN_WORDS.items()],
            answers=[(answer.value, words) for answer, words in ANSWER_WORDS.items()],
            may_edit=may_do(request, EDIT), events=events[:EVENTS],
        )  # fmt: skip

    def set_view(self, request: HttpRequest) -> HttpResponse:
        self.guard(request, EDIT)
        post = request.POST
        try:
            set_origin(post.get("origin", ""), post.get("country", ""), post.get("answer", ""),
                       actor=name_of(request), reason=reason_of(request),
                       now=database_now())  # fmt: skip
        except PolicyError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            self.message_user(request, "Set, and held mail was asked again.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:outreach_originpolicy_changelist"))


def _shown(policy: MailPolicy) -> dict[str, str]:
    return {"sending_off": policy.sending_off, "why_sentence": policy.why_sentence,
            "notice": policy.notice, "accepts_risky": "1" if policy.accepts_risky else "",
            "labels": "1" if policy.labels else ""}  # fmt: skip


def _changes(request: HttpRequest) -> dict[str, Any]:
    post = request.POST
    bases = {name.removeprefix("basis."): str(post.get(name, "")).strip()[:300]
             for name in post if name.startswith("basis.")}  # fmt: skip
    return {
        "sending_off": post.get("sending_off", "").strip()[:300],
        "why_sentence": post.get("why_sentence", "").strip()[:300],
        "notice": "\n".join(post.get("notice", "").strip()[:2000].splitlines()),
        "accepts_risky": bool(post.get("accepts_risky")),
        "labels": bool(post.get("labels")),
        "bases": {country: words for country, words in bases.items() if words},
    }
