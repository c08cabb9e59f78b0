"""Messages in the console: the queue, one mail with its events, what waits for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Min, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import DropdownFilter

from enrichment.models import Evidence
from icp.lead_admin import FixedFilter
from icp.normalise import NotAValueError, normalise
from icp.suppressions import hash_of
from outreach import campaigns, decide
from outreach.admission.ask_again import ask_again
from outreach.decide import RELEASABLE, DecisionError
from outreach.mail_page import MailPage, name_of
from outreach.models import Campaign, Message
from outreach.templatetags.mail import status_class
from outreach.why_nothing import why_all, why_single_mails
from tenants.clock import database_now
from tenants.console import may_do, reason_of
from tenants.row_number import row_number
from tenants.templatetags.console import moment

RELEASE, ADOPT = "outreach.release", "icp.work_lead"
LATE = timedelta(days=1)  # that a mail may go and has not gone, before the list says so
DESK = 100  # messages of a desk at once; the rest comes up as these are settled


class StatusFilter(FixedFilter):
    title, parameter_name, field = "status", "status", "status"
    choices_known = tuple(Message.Status.choices)


class StateFilter(DropdownFilter):
    """The words of a campaign's line, each of which may be several statuses."""

    title, parameter_name = "where it is", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(word, word.capitalize()) for word in campaigns.LINE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        statuses = campaigns.LINE.get(self.value() or "")
        return queryset.filter(status__in=statuses) if statuses else queryset


class CampaignFilter(DropdownFilter):
    title, parameter_name = "campaign", "campaign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        newest = Campaign.objects.order_by("-pk").values_list("pk", "name")[:100]
        return [(str(pk), name) for pk, name in newest]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (campaign := row_number(self.value() or "")):
            return queryset
        return queryset.filter(step__campaign=campaign)


@admin.register(Message)
class MessageAdmin(MailPage):
    list_title = "Messages"
    list_display = ["to_whom", "status_tag", "of_campaign", "from_where", "when"]
    list_display_links = None
    list_filter = [StatusFilter, StateFilter, CampaignFilter]
    list_select_related = ["lead", "step__campaign", "mailbox", "template_version__template"]
    search_fields = ["recipient"]
    search_help_text = "An e-mail address in full"
    ordering = ["-pk"]
    sortable_by: list[str] = []
    list_before_template = "outreach/messages_before.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """By the address in full, which also finds what was erased but for its hash."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            email = normalise("EMAIL", term)
        except NotAValueError:
            return queryset.none(), False
        return queryset.filter(recipient_hash=hash_of("EMAIL", email)), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        late = Message.objects.filter(status=Message.Status.QUEUED,
                                      not_before__lte=database_now() - LATE)  # fmt: skip
        oldest = late.aggregate(at=Min("not_before"))["at"]
        context = {"nothing_yet": not Message.objects.exists(), "oldest": oldest,
                   **(extra_context or {})}  # fmt: skip
        return super().changelist_view(request, context)

    @admin.display(description="To")
    def to_whom(self, message: Message) -> SafeString:
        return format_html(
            '<a href="{}" class="lg-link">{}</a><br><span class="lg-muted">{}</span>',
            reverse("admin:outreach_message_change", args=[message.pk]),
            message.recipient or "(no address)", message.lead.name if message.lead else "",
        )  # fmt: skip

    @admin.display(description="Status")
    def status_tag(self, message: Message) -> SafeString:
        return format_html('<span class="{}">{}</span> <span class="lg-muted">{}</span>',
                           status_class(message.status), message.get_status_display().lower(),
                           message.sentence)  # fmt: skip

    @admin.display(description="Campaign")
    def of_campaign(self, message: Message) -> str:
        if message.step is None:
            return f"single mail, {message.template_version}"
        return str(message.step)

    @admin.display(description="From")
    def from_where(self, message: Message) -> str:
        if message.move_id and message.mailbox is None:
            return "the former program" if message.sent_at else "any"
        return message.mailbox.address if message.mailbox else "any of its campaign"

    @admin.display(description="When")
    def when(self, message: Message) -> str:
        if message.sent_at:
            return f"sent {moment(message.sent_at)}"
        if message.status in Message.WAITING and message.not_before:
            return f"not before {moment(message.not_before)}"
        return f"queued {moment(message.created_at)}"

    # --- pages ----------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("held", "held/", self.held_view),
            self.at("held_decide", "held/decide/", require_POST(self.decide_view)),
            self.at("adopt", "<int:pk>/adopt/", require_POST(self.adopt_view)),
            self.at("doubt", "in-doubt/", self.doubt_view),
            self.at("doubt_decide", "<int:pk>/in-doubt/", require_POST(self.settle_view)),
            self.at("why", "why/", self.why_view),
        ]
        return [*mine, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        message = get_object_or_404(_rows(), pk=row_number(object_id))
        return self.page(
            request, "message", f"To {message.recipient or 'nobody'}", message=message,
            events=message.events.order_by("at", "pk")[:200], origin=_origins([message]),
            may_decide=may_do(request, RELEASE), may_adopt=may_do(request, ADOPT),
            is_waiting=message.status in Message.WAITING, can_release=message.code in RELEASABLE,
        )  # fmt: skip

    def held_view(self, request: HttpRequest) -> HttpResponse:
        """Everything that waits for a person, by reason; the longest waiting first."""
        self.guard(request)
        held = Message.objects.filter(status=Message.Status.HELD, not_before=None)
        reasons = held.values("code").annotate(n=Count("pk"), sentence=Min("sentence"))
        code = request.GET.get("code", "")
        rows = list(_rows().filter(pk__in=held.values("pk"), **({"code": code} if code else {}))
                    .order_by("pk")[:DESK])  # fmt: skip
        origins = _origins(rows)
        return self.page(
            request, "held", "Held mail", reasons=reasons.order_by("-n", "code"), code=code,
            rows=[(row, origins.get(row.contact_id or 0)) for row in rows], most=DESK,
            may_decide=may_do(request, RELEASE), may_adopt=may_do(request, ADOPT),
            releasable=RELEASABLE,
        )  # fmt: skip

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        """Release, drop or ask again: the chosen messages, or all of one reason."""
        self.guard(request, RELEASE)
        ids = _chosen(request)
        actor, reason, now = name_of(request), reason_of(request), database_now()
        try:
            if "again" in request.POST:
                number = ask_again(Message.objects.filter(pk__in=ids), now=now)
                text = f"Asked again: {number:,} wait for nothing now."
            elif "drop" in request.POST:
                text = f"Dropped: {decide.drop(ids, actor=actor, reason=reason, now=now):,}."
            else:
                number = decide.release(ids, actor=actor, reason=reason, now=now)
                text = f"Released: {number:,}. The gate is asked once more before each goes."
        except DecisionError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(_back(request, "outreach_held"))

    def adopt_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take an address over on sight of its page, then ask about all mail to it."""
        self.guard(request, ADOPT)
        message = get_object_or_404(_rows(), pk=pk)
        said = _origins([message]).get(message.contact_id or 0)
        url = request.POST.get("url", "").strip() or (said.reference if said else "")
        sha256 = said.page_sha256 if said and said.reference == url else ""
        now = database_now()
        try:
            decide.adopt(message, url=url, page_sha256=sha256, actor=name_of(request), now=now,
                         was_seen=bool(request.POST.get("seen")))  # fmt: skip
        except DecisionError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            ask_again(Message.objects.filter(contact=message.contact), now=now)
            text = f"{message.recipient} is adopted; that you saw it is recorded."
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(_back(request, "outreach_held"))

    def doubt_view(self, request: HttpRequest) -> HttpResponse:
        """Mails of which nobody can tell whether they went out."""
        self.guard(request)
        rows = _rows().filter(status=Message.Status.IN_DOUBT).order_by("asked_at", "pk")[:DESK]
        shown = [(row, row.events.order_by("at", "pk")[:20]) for row in rows]
        return self.page(request, "doubt", "Mail in doubt", rows=shown,
                         may_decide=may_do(request, RELEASE))  # fmt: skip

    def settle_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.guard(request, RELEASE)
        message = get_object_or_404(Message, pk=pk)
        acts = {"sent": decide.it_was_sent, "again": decide.send_again,
                "drop": decide.drop_doubtful}  # fmt: skip
        act = next((acts[name] for name in acts if name in request.POST), decide.drop_doubtful)
        try:
            act(message, actor=name_of(request), reason=reason_of(request), now=database_now())
        except DecisionError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            self.message_user(request, "Settled.", messages.SUCCESS)
        return HttpResponseRedirect(_back(request, "outreach_doubt"))

    def why_view(self, request: HttpRequest) -> HttpResponse:
        self.guard(request)
        now = database_now()
        of_campaigns, of_mailboxes = why_all(now=now)
        return self.page(
            request, "why", "Why is nothing sending?", of_campaigns=of_campaigns,
            of_mailboxes=of_mailboxes, of_singles=why_single_mails(now=now),
        )  # fmt: skip


def _rows() -> QuerySet[Message]:
    return Message.objects.select_related(
        "lead", "contact__adoption", "step__campaign", "mailbox", "template_version__template",
        "variation",
    ).defer("lead__trace", "lead__facts")  # fmt: skip


def _origins(rows: list[Message]) -> dict[int, Evidence]:
    """Contact -> the surest statement of where its address comes from."""
    wanted = {row.contact_id: row.recipient for row in rows if row.contact_id}
    found: dict[int, Evidence] = {}
    leads = {row.contact.lead_id for row in rows if row.contact}
    said = Evidence.objects.filter(lead__in=leads, field="emails", superseded_at=None,
                                   value__in=set(wanted.values()))  # fmt: skip
    by_value = {(each.lead_id, each.value): each for each in said.order_by("confidence", "-pk")}
    for row in rows:
        if row.contact and (each := by_value.get((row.contact.lead_id, row.recipient))):
            found[row.contact.pk] = each
    return found


def _chosen(request: HttpRequest) -> list[int]:
    """The ticked messages, or all held ones of a reason."""
    code = request.POST.get("all_of", "")
    if code:
        held = Message.objects.filter(status=Message.Status.HELD, not_before=None, code=code)
        return list(held.order_by("pk").values_list("pk", flat=True)[: decide.MOST])
    given = request.POST.getlist("message")[: decide.MOST]
    return [number for number in map(row_number, given) if number]


def _back(request: HttpRequest, page: str) -> str:
    """The page the form stood on: one message's, or the desk."""
    if pk := row_number(request.POST.get("from", "")):
        return reverse("admin:outreach_message_change", args=[pk])
    return reverse(f"admin:{page}")
