"""What every page of the console inherits: read-only unless said otherwise, every change audited.

A page names the action (a key of ``tenants.roles.ACTIONS``) that adding, changing or deleting
needs; ``PLATFORM`` instead means a platform admin outside any tenant.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.admin import StackedInline as UnfoldStackedInline
from unfold.admin import TabularInline as UnfoldTabularInline

from tenants import audit
from tenants.context import is_public
from tenants.files.list_export import RIGHT, ExportsList
from tenants.models import AuditEvent
from tenants.paging import EstimatedPaginator
from tenants.roles import PLATFORM_ONLY, may
from tenants.templatetags.console import ago

PLATFORM = "platform"
REASON_FIELD = "_reason"
HISTORY_LENGTH = 200
SET = "(set)"


def may_do(request: HttpRequest, action: str | None) -> bool:
    """Whether the caller may do ``action`` here; ``None`` is nobody's, ``PLATFORM`` see above."""
    if action is None:
        return False
    if action == PLATFORM:
        return is_public() and is_platform_admin(request)
    return may(request.user, action)


def is_platform_admin(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


def lives_in_tenant(model: type[models.Model]) -> bool:
    """Whether the model's table exists in tenants' schemas only."""
    config = model._meta.app_config  # noqa: SLF001 -- Django's documented meta API
    return config.name in settings.TENANT_APPS


def audit_subject(thing: models.Model) -> str:
    """How audit events name a row, e.g. ``lead 12``; the history page searches for it."""
    return f"{thing._meta.verbose_name} {thing.pk}"  # noqa: SLF001 -- documented meta API


def reason_of(request: HttpRequest) -> str:
    """The reason the operator typed into the page's reason box, or nothing."""
    return request.POST.get(REASON_FIELD, "").strip()[:500]


class ReadOnly:
    """Permissions of pages and inlines: looking is for members, changing needs a named action."""

    add_action: str | None = None
    change_action: str | None = None
    delete_action: str | None = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        label = self.opts.label_lower  # type: ignore[attr-defined]
        if is_public():
            return is_platform_admin(request) and not lives_in_tenant(self.model)  # type: ignore[attr-defined]
        return label not in PLATFORM_ONLY and super().has_view_permission(request, obj)  # type: ignore[misc]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_do(request, self.add_action)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_do(request, self.change_action)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_do(request, self.delete_action)


class TabularInline(ReadOnly, UnfoldTabularInline):
    extra = 0
    show_change_link = True

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The column's heading is no label to a screen reader, so each field names itself."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            widget = getattr(field.widget, "widget", field.widget)
            widget.attrs.setdefault("aria-label", capfirst(db_field.verbose_name))
        return field


class StackedInline(ReadOnly, UnfoldStackedInline):
    extra = 0
    show_change_link = True


class ModelAdmin(ReadOnly, ExportsList, UnfoldModelAdmin):
    """Base of all admin pages of the product.

    Ids of another tenant answer 404. Saving, adding and deleting write one audit event each, with
    the changed fields before and after and the reason typed. Filters, page and sort of the list
    survive every action.
    """

    paginator = EstimatedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200
    list_filter_submit = True
    list_filter_sheet = False
    list_fullwidth = True
    show_facets = ShowFacets.NEVER  # each costs a query over the whole list
    warn_unsaved_form = True
    compressed_fields = True
    preserve_filters = True
    actions_on_top = True
    change_form_after_template = "console/reason.html"
    object_history_template = "console/history.html"
    list_title = ""  # what the operator calls the list; empty: the model's plural
    empty_title = ""  # what a list without rows says, and what to do next
    empty_text = ""
    secret_fields: Sequence[str] = ()  # of the form; the audit says that they were set, no more

    def audit_subject(self, obj: models.Model) -> str:
        return audit_subject(obj)

    def may_export(self, request: HttpRequest) -> bool:
        return may_do(request, PLATFORM if is_public() else RIGHT)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        place = self._place()
        context = {**place, "title": place["list_title"], **(extra_context or {})}
        return super().changelist_view(request, context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id)) if object_id else None
        context = {
            **self._place(),
            "title": str(obj or "") if object_id else f"Add {self.opts.verbose_name}",
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
            **(self.about(request, obj) if obj else {}),
        }
        return super().changeform_view(
            request, object_id, form_url, {**context, "subtitle": None, **(extra_context or {})}
        )

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        return super().delete_view(request, object_id, {**self._place(), **(extra_context or {})})

    def _place(self) -> dict[str, str]:
        """Where the page stands, for its header: the list it belongs to."""
        info = self.opts.app_label, self.opts.model_name
        title = self.list_title or capfirst(self.opts.verbose_name_plural)
        return {"list_title": title, "list_link": reverse("admin:{}_{}_changelist".format(*info))}

    def about(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What a page says of its row around the form, for its own templates."""
        return {}

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Asked before anything else, so that a page nobody may see here reads no row."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().get_object(request, object_id, from_field)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # loads every row; pages write their own, by SQL
        return actions

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        raise Http404(f"There is no {opts.verbose_name} {object_id!r} here.")

    # --- said after saving, in our words ---------------------------------------------------------
    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """To the list; to the page of the new row where a form asks for that."""
        self.message_user(request, capfirst(f"{obj} was added."), messages.SUCCESS)
        if "_continue" in request.POST and self.has_change_permission(request, obj):
            info = self.opts.app_label, self.opts.model_name
            return HttpResponseRedirect(reverse("admin:{}_{}_change".format(*info), args=[obj.pk]))
        return self.response_post_save_add(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self.message_user(request, capfirst(f"{obj} is saved."), messages.SUCCESS)
        return self.response_post_save_change(request, obj)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        self.message_user(request, capfirst(f"{obj_display} was removed."), messages.SUCCESS)
        return self.response_post_save_change(request, None)

    # --- audit instead of Django's log, which no tenant may write ------------------------------
    def construct_change_message(
        self, request: HttpRequest, form: forms.Form, formsets: Any, add: bool = False
    ) -> Any:
        before, after = _changed(form, add=add)
        for formset in formsets or ():
            _add_rows(after, formset)
        for values in (before, after):
            values.update(dict.fromkeys(values.keys() & set(self.secret_fields), SET))
        return {"before": before or None, "after": after or None, "reason": reason_of(request)}

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        self._record(request, "add", obj, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        self._record(request, "change", obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            hidden = {"password", *self.secret_fields, *obj.get_deferred_fields()}
            names = [field.attname for field in obj._meta.concrete_fields]  # noqa: SLF001 -- meta API
            before = {name: getattr(obj, name) for name in names if name not in hidden}
            message = {"before": plain(before), "reason": reason_of(request)}
            self._record(request, "delete", obj, message)

    def _record(self, request: HttpRequest, verb: str, obj: models.Model, message: Any) -> None:
        given: dict[str, Any] = (
            message if isinstance(message, dict) else {"after": {"message": str(message)}}
        )
        audit.record(
            f"{self.opts.app_label}.{self.opts.model_name}.{verb}",
            actor=request.user.get_username(),
            subject=self.audit_subject(obj),
            before=given.get("before"),
            after=given.get("after"),
            reason=given.get("reason", ""),
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Every recorded change of one row, newest first, with before and after."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None or not self.has_view_or_change_permission(request, obj):
            raise Http404(f"There is no {self.opts.verbose_name} {object_id!r} here.")
        events = AuditEvent.objects.filter(subject=self.audit_subject(obj)).order_by("-at")
        context = {
            **self.admin_site.each_context(request),
            **self._place(),
            "title": f"Changes of {obj}",
            "object": obj,
            "opts": self.opts,
            "events": events[:HISTORY_LENGTH],
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.object_history_template, context)


def state_cell(tag: str, state: str, *, since: Any, words: str) -> SafeString:
    """A state in a list: its name in colour, how long it lasts, and what it means or asks for."""
    return format_html(
        '<span class="lg-tag lg-tag-{}">{}</span> <span class="lg-muted">{}</span><br>{}',
        tag, state, ago(since), words,
    )  # fmt: skip


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it: dates as text, model rows by their key."""
    return json.loads(json.dumps(value, cls=_AuditEncoder))


class _AuditEncoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, models.Model):
            return o.pk
        if isinstance(o, QuerySet):
            return [item.pk for item in o]
        try:
            return super().default(o)
        except TypeError:
            return str(o)


def _changed(form: forms.Form, *, add: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    secret = {name for name in form.fields if "password" in name}
    names = [name for name in form.changed_data if name not in secret]
    after = plain({name: form.cleaned_data.get(name) for name in names})
    before = {} if add else plain({name: form.initial.get(name) for name in names})
    return before, after


def _add_rows(after: dict[str, Any], formset: Any) -> None:
    """What an inline added, changed and deleted, under the inline's own name."""
    rows = {
        "added": [str(obj) for obj in formset.new_objects],
        "changed": [[str(obj), list(fields)] for obj, fields in formset.changed_objects],
        "deleted": [str(obj) for obj in formset.deleted_objects],
    }
    if any(rows.values()):
        name = str(formset.model._meta.verbose_name_plural)  # noqa: SLF001 -- meta API
        after[name] = {key: value for key, value in rows.items() if value}
