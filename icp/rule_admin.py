"""The ICP rule editor: fields with a live preview, versions with reasons, a way back."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from acra.models import RegisteredCompany
from icp.current_rule import day_of, read_version
from icp.models import IcpRule, Selection
from icp.payload import Problem
from icp.preview import Preview, preview_rule
from icp.propose_codes import Proposal, propose_codes
from icp.rule_form import field_of, fields_of, payload_of, rest_of, with_codes, words_of
from icp.rules import InvalidRuleError, Rule, read_rule
from icp.save_rule import RuleError, save_rule, use_version
from icp.taxonomy import SsicTitles
from tenants.console import may_do, reason_of
from tenants.files.csv_files import csv_answer, csv_lines
from tenants.row_number import row_number
from tenants.tenant_page import TenantPage, name_of

LONGEST_JSON = 200_000
VERSIONS = 100
BARS = 10  # lines of a distribution
MOST_TAKEN = 200  # companies of a selection that its page names
COUNT_WORDS = {  # counts of ``icp.select.SelectionReport``, in the order they add up
    "meets": "Meet the rule", "unknown": "May meet it", "new": "New leads",
    "returned": "Came back", "waiting_before": "Waited before", "left": "Left the rule",
    "ceased": "Ceased", "suppressed": "Suppressed",
}  # fmt: skip


@admin.register(IcpRule)
class IcpRuleAdmin(TenantPage):
    add_action = "icp.edit_rule"

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("rule_edit", "edit/<str:name>/", self.edit_view),
            self.at("rule_preview", "preview/", require_POST(self.preview_view)),
            self.at("rule_history", "history/<str:name>/", self.history_page),
            self.at("rule_use", "use/<int:version_id>/", require_POST(self.use_view)),
        ]
        return [*mine, *super().get_urls()]

    # --- all rules ------------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        current = IcpRule.objects.filter(is_current=True).order_by("name")
        rules = [(rule, _words(rule)) for rule in current]
        return self.page(request, "rules", "ICP rules", rules=rules,
                         nightly=settings.ICP_RULE_NAME,
                         may_edit=may_do(request, "icp.edit_rule"))  # fmt: skip

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A new rule is edited under the name nights use; that is the one most tenants have."""
        name = request.GET.get("name", "").strip()[:60] or settings.ICP_RULE_NAME
        return HttpResponseRedirect(reverse("admin:icp_rule_edit", args=[name]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        rule = get_object_or_404(IcpRule, pk=row_number(object_id))
        return HttpResponseRedirect(reverse("admin:icp_rule_edit", args=[rule.name]))

    # --- the editor -----------------------------------------------------------------------------
    def edit_view(self, request: HttpRequest, name: str) -> HttpResponse:
        self.guard(request, "icp.edit_rule" if request.method == "POST" else "")
        current = IcpRule.objects.filter(name=name, is_current=True).first()
        if request.method != "POST":
            return self._editor(request, name, current, current.payload if current else {})
        if "load_json" in request.POST:
            return self._load_json(request, name, current)
        payload = payload_of(request.POST)
        if "look" in request.POST:  # Enter in a field: show it anew, save nothing
            return self._editor(request, name, current, payload)
        if "propose" in request.POST:
            proposal = propose_codes(words_of(payload))
            return self._editor(request, name, current, payload, proposal=proposal)
        if "add_codes" in request.POST:
            added = with_codes(payload, request.POST.getlist("proposed"))
            return self._editor(request, name, current, added)
        if request.POST.get("based_on", "") != str(current.version if current else ""):
            self.message_user(
                request, f"{current} was saved in the meantime. Your changes are still here: look "
                         "and save again.", messages.WARNING,
            )  # fmt: skip
            return self._editor(request, name, current, payload)
        if not reason_of(request):
            self.message_user(request, "Say why: the reason stays with the version.",
                              messages.ERROR)  # fmt: skip
            return self._editor(request, name, current, payload)
        return self._save(request, name, current, payload)

    def _save(
        self, request: HttpRequest, name: str, current: IcpRule | None, payload: dict[str, Any]
    ) -> HttpResponse:
        try:
            saved = save_rule(name, payload, actor=name_of(request), reason=reason_of(request))
        except InvalidRuleError as exc:
            count = len(exc.problems)
            text = f"Not saved: {count} {'mistake' if count == 1 else 'mistakes'} in the rule."
            self.message_user(request, text, messages.ERROR)
            return self._editor(request, name, current, payload)
        if saved == current:
            self.message_user(request, f"Nothing has changed; {saved} stays.", messages.INFO)
        else:
            text = f"Saved as {saved}. The next night selects by it."
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:icp_rule_edit", args=[name]))

    def _load_json(self, request: HttpRequest, name: str, current: IcpRule | None) -> HttpResponse:
        """Fill the fields from a payload in JSON; nothing is saved yet."""
        text = request.POST.get("payload_json", "")[:LONGEST_JSON]
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError) as exc:
            self.message_user(request, f"This is no JSON: {exc}.", messages.ERROR)
            return self._editor(request, name, current, payload_of(request.POST))
        if not isinstance(payload, dict):
            self.message_user(request, "A rule is an object with keys.", messages.ERROR)
            payload = payload_of(request.POST)
        return self._editor(request, name, current, payload, is_changed=True)

    def _editor(
        self, request: HttpRequest, name: str, current: IcpRule | None, payload: dict[str, Any],
        *, is_changed: bool = False, proposal: Proposal | None = None,
    ) -> HttpResponse:  # fmt: skip
        shown = _show(payload, saved=current)
        return self.page(
            request, "rule_edit", f"ICP rule {name}", name=name, current=current,
            groups=fields_of(payload, shown["errors"]).items(),
            rest=rest_of(payload, shown["errors"]), preview_html=shown["html"],
            codes_html=shown["codes"], payload_json=json.dumps(payload, indent=2),
            other_errors=shown["other"], may_edit=may_do(request, "icp.edit_rule"),
            is_changed=is_changed or request.method == "POST", reason=reason_of(request),
            proposal=proposal,
        )  # fmt: skip

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What the posted fields would select; the editor asks as one types. Saves nothing."""
        self.guard(request)
        name = request.GET.get("name", "")
        current = IcpRule.objects.filter(name=name, is_current=True).first()
        return JsonResponse(_show(payload_of(request.POST), saved=current))

    # --- versions -------------------------------------------------------------------------------
    def history_page(self, request: HttpRequest, name: str) -> HttpResponse:
        self.guard(request)
        newest_first = list(IcpRule.objects.filter(name=name).order_by("-version")[:VERSIONS])
        if not newest_first:
            raise Http404(f"There is no ICP rule {name!r}.")
        before = dict(zip(newest_first, [*newest_first[1:], None], strict=True))
        versions = [(rule, diff(before[rule], rule)) for rule in newest_first]
        return self.page(request, "rule_history", f"Versions of {name}", name=name,
                         versions=versions, may_edit=may_do(request, "icp.edit_rule"))  # fmt: skip

    def use_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        self.guard(request, "icp.edit_rule")
        version = get_object_or_404(IcpRule, pk=version_id)
        try:
            use_version(version, actor=name_of(request), reason=reason_of(request))
        except RuleError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            self.message_user(request, f"{version} is current now.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:icp_rule_history", args=[version.name]))


@admin.register(Selection)
class SelectionAdmin(TenantPage):
    """Each pass of a rule over the register, with the list of companies it took."""

    list_display = ["__str__", "made_at", "actor", "cap", "new", "returned", "left", "seconds"]
    ordering = ["-made_at"]
    sortable_by: list[str] = []

    def get_urls(self) -> list[URLPattern]:
        mine = self.at("selection_csv", "<int:selection_id>/companies.csv", self.csv_view)
        return [mine, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        found = get_object_or_404(Selection, pk=row_number(object_id))
        first = found.uens[:MOST_TAKEN]
        names = dict(RegisteredCompany.objects.filter(uen__in=first).values_list("uen", "name"))
        counts = [(words, found.counts[name]) for name, words in COUNT_WORDS.items()
                  if name in found.counts]  # fmt: skip
        return self.page(
            request, "selection", str(found).capitalize(), selection=found, counts=counts,
            first=[(uen, names.get(uen, "")) for uen in first],
        )  # fmt: skip

    def csv_view(self, request: HttpRequest, selection_id: int) -> HttpResponse:
        """The companies taken, one UEN a line, in the rule's order."""
        self.guard(request)
        found = get_object_or_404(Selection, pk=selection_id)
        lines = csv_lines([["uen"], *([uen] for uen in found.uens)])
        return csv_answer("".join(lines), name=f"selection-{found.pk}.csv")

    @admin.display(description="New")
    def new(self, selection: Selection) -> int:
        return int(selection.counts.get("new", 0))

    @admin.display(description="Returned")
    def returned(self, selection: Selection) -> int:
        return int(selection.counts.get("returned", 0))

    @admin.display(description="Left")
    def left(self, selection: Selection) -> int:
        return int(selection.counts.get("left", 0))


def diff(before: IcpRule | None, after: IcpRule) -> list[dict[str, str]]:
    """What a version changed: key, before and after in JSON."""
    old = before.payload if before else {}
    keys = sorted({*old, *after.payload})
    return [
        {"key": key, "before": _json(old, key), "after": _json(after.payload, key)}
        for key in keys
        if _json(old, key) != _json(after.payload, key)
    ]


def _json(payload: dict[str, Any], key: str) -> str:
    return json.dumps(payload[key], ensure_ascii=False) if key in payload else ""


def _show(payload: dict[str, Any], *, saved: IcpRule | None) -> dict[str, Any]:
    """Preview, mistakes and codes as the editor puts them on the page."""
    now = timezone.now()
    try:
        rule = read_rule(payload, taxonomy=SsicTitles(), as_of=day_of(now))
    except InvalidRuleError as exc:
        errors = _by_path(exc.problems)
        html = render_to_string("icp/rule_preview.html", {"problems": exc.problems})
        return {"errors": errors, "fields": _by_field(exc.problems), "html": html, "codes": "",
                "other": errors.get("", [])}  # fmt: skip
    before = _read_saved(saved)
    preview = preview_rule(rule, saved=before)
    context = {"preview": preview, "rule": rule, "saved": saved, "bars": _bars(preview)}
    return {
        "errors": {}, "fields": {}, "other": [],
        "html": render_to_string("icp/rule_preview.html", context),
        "codes": render_to_string("icp/rule_codes.html", {"codes": rule.codes.items()}),
    }  # fmt: skip


def _read_saved(saved: IcpRule | None) -> Rule | None:
    """The saved version as a rule; ``None`` when there is none or it can no longer be read."""
    if saved is None:
        return None
    try:
        return read_version(saved, now=timezone.now())
    except InvalidRuleError:
        return None  # the editor shows its mistakes; there is nothing to compare with


def _bars(preview: Preview) -> list[dict[str, Any]]:
    """The distributions, longest bars first, the rest summed up."""
    shown = []
    for title, counts in (("Industry (SSIC section)", preview.by_section),
                          ("Postal district", preview.by_district),
                          ("Year of registration", preview.by_year)):  # fmt: skip
        most = max((count for _, count in counts), default=0)
        lines = [(label or "not known", count, round(100 * count / most))
                 for label, count in counts[:BARS]]  # fmt: skip
        rest = sum(count for _, count in counts[BARS:])
        shown.append({"title": title, "lines": lines, "rest": rest,
                      "rest_count": max(len(counts) - BARS, 0)})  # fmt: skip
    return shown


def _by_path(problems: list[Problem]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for problem in problems:
        found.setdefault(problem.path, []).append(problem.sentence)
    return found


def _by_field(problems: list[Problem]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for problem in problems:
        found.setdefault(field_of(problem.path), []).append(problem.sentence)
    return found


def _words(version: IcpRule) -> list[str]:
    try:
        return read_version(version, now=timezone.now()).words()
    except InvalidRuleError as exc:
        return [f"Cannot be read: {exc}"]
