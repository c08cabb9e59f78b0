"""Every list of the console that says so may be taken out as a file: as filtered, all its pages.

django-import-export gives the way there (its admin mixin reads the list as the page would, its
form asks for columns and format), Unfold its looks; the rules are ours and stand here: who may, how
much, what stays behind, and that it is written down. ``offer`` names the lists.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import slugify
from django.utils.timezone import localdate
from import_export.admin import ExportMixin
from unfold.contrib.import_export.forms import SelectableFieldsExportForm

from tenants import audit
from tenants.context import current_schema, is_public
from tenants.files.csv_files import as_file
from tenants.files.list_files import CsvFile, XlsxFile
from tenants.files.list_rows import MOST_ROWS, ListRows, TooManyRowsError

RIGHT = "scoring.export"
OFFERED: dict[str, type[ListRows]] = {}  # label of the model -> its list's rows


def offer(model: type[models.Model], rows: type[ListRows]) -> None:
    """Let the list of ``model`` be exported; call it in ``AppConfig.ready``."""
    OFFERED[_label(model)] = rows


class ExportForm(SelectableFieldsExportForm):
    """Which columns, by the names they have in the file, and which format."""

    def __init__(self, formats: Any, resources: Any, **kwargs: Any) -> None:
        super().__init__(formats, resources, **kwargs)
        choices = self.fields["format"].choices[1:]  # without "Select format"
        self.fields["format"].choices = self.fields["format"].widget.choices = choices
        self.initial["format"] = "0"

    def _get_field_label(self, resource: Any, field_name: str) -> str:
        return str(resource.fields[field_name].column_name)

    def columns(self) -> list[Any]:
        return [field for field in self if getattr(field.field, "is_selectable_field", False)]


class ExportsList(ExportMixin):
    """The export of an admin page's list; pages whose list is not offered have none."""

    export_form_class = ExportForm
    export_formats = [CsvFile, XlsxFile]
    export_template_name = "console/export.html"

    def may_export(self, request: HttpRequest) -> bool:
        raise NotImplementedError

    def has_export_permission(self, request: HttpRequest) -> bool:
        is_offered = self.opts.label_lower in OFFERED
        return is_offered and self.has_view_permission(request) and self.may_export(request)

    def get_urls(self) -> list[Any]:
        urls = super().get_urls()
        if self.opts.label_lower in OFFERED:
            return urls
        mine = "{}_{}_export".format(*self.get_model_info())
        return [entry for entry in urls if getattr(entry, "name", "") != mine]

    def export_link(self, request: HttpRequest) -> str:
        """Where this list, as it is shown now, can be exported; empty for who may not."""
        if not self.has_export_permission(request):
            return ""
        page = reverse("admin:{}_{}_export".format(*self.get_model_info()))
        return f"{page}?{request.GET.urlencode()}".rstrip("?")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"export_link": self.export_link(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """The list as it is filtered, searched and sorted; GET asks, POST hands it out."""
        self._ask_permission(request)
        back = reverse("admin:{}_{}_changelist".format(*self.get_model_info()))
        try:
            rows = self.get_export_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{back}?e=1")
        return self.hand_out(request, rows, back=back)

    def hand_out(
        self, request: HttpRequest, rows: QuerySet[Any], *, back: str, title: str = ""
    ) -> HttpResponse:
        """Ask for columns and format, or answer with the file of ``rows``, of a model offered.

        ``back`` is the list they come from, shown again with the same filters, page and order.
        """
        self._ask_permission(request)
        title, kind = title or self._place()["list_title"], OFFERED[_label(rows.model)]
        form = ExportForm(self.get_export_formats(), [kind], data=request.POST or None)
        count = self._count(request, rows)
        refused = str(TooManyRowsError(count)) if count > MOST_ROWS else ""
        if request.method == "POST" and form.is_valid() and not refused:
            try:
                return self._file(request, rows, kind, form=form, title=title)
            except TooManyRowsError as exc:  # rows came while it was read
                refused = str(exc)
        context = {
            **self.admin_site.each_context(request), **self._place(), "opts": self.opts,
            "title": f"Export: {title}", "form": form, "count": count, "kind": kind,
            "refused": refused, "most": MOST_ROWS,
            "back": f"{back}?{request.GET.urlencode()}".rstrip("?"),
        }  # fmt: skip
        status = 400 if request.method == "POST" else 200
        return TemplateResponse(request, self.export_template_name, context, status=status)

    def _ask_permission(self, request: HttpRequest) -> None:
        if not self.has_export_permission(request):
            raise PermissionDenied("Your role may look at this list but not export it.")

    def _count(self, request: HttpRequest, rows: QuerySet[Any]) -> int:
        """How many rows match; above ``MOST_ROWS`` about how many. Reads none of them."""
        counted: int = rows.order_by().values("pk")[: MOST_ROWS + 1].count()
        if counted <= MOST_ROWS:
            return counted
        paginator = self.get_paginator(request, rows, self.list_per_page)
        return max(int(paginator.count), counted)

    def _file(
        self, request: HttpRequest, rows: QuerySet[Any], kind: type[ListRows], *, form: ExportForm,
        title: str,
    ) -> HttpResponse:  # fmt: skip
        file = self.get_export_formats()[int(form.cleaned_data["format"])]()
        chosen = form.get_selected_resource_export_fields()
        name = f"{_place()}-{slugify(title)}-{localdate().isoformat()}.{file.get_extension()}"
        with transaction.atomic():
            made = kind()
            data = made.export(queryset=rows, export_fields=chosen)
            file.about = _about(made, title=title, query=request.GET.urlencode())
            content = file.export_data(data)
            self._write_down(request, made, title=title, name=name, content=content,
                             columns=data.headers)  # fmt: skip
        messages.success(request, f"Exported to {name}: {_said(made)}")
        response = HttpResponse(content, content_type=file.get_content_type())
        response["Cache-Control"] = "no-store"
        return as_file(response, name=name)

    def _write_down(
        self, request: HttpRequest, made: ListRows, *, title: str, name: str, content: bytes,
        columns: list[str],
    ) -> None:  # fmt: skip
        """One audit event, and who was in it, in the transaction that read the rows."""
        digest = hashlib.sha256(content).hexdigest()
        actor, query = request.user.get_username(), request.GET.urlencode()
        audit.record(
            "{}.{}.export".format(*self.get_model_info()), actor=actor, subject=title,
            after={"file": name, "filter": query[:1000], "rows": made.count,
                   "withheld": made.withheld, "columns": columns, "sha256": digest},
        )  # fmt: skip
        made.keep(title=title, file_name=name, query=query, sha256=digest, actor=actor)


def _label(model: type[models.Model]) -> str:
    return model._meta.label_lower  # noqa: SLF001 -- Django's documented meta API


def _place() -> str:
    return "platform" if is_public() else current_schema()


def _said(made: ListRows) -> str:
    rows = f"{made.count:,} row{'s' * (made.count != 1)}."
    if not made.withheld:
        return rows
    return f"{rows} {made.withheld:,} withheld, because they are suppressed."


def _about(made: ListRows, *, title: str, query: str) -> list[tuple[str, str]]:
    lines = [
        ("What", title), ("Of", _place()), ("On", localdate().isoformat()),
        ("Filter", query or "none"), ("Rows", _said(made)), ("Note", made.note),
    ]  # fmt: skip
    return [line for line in lines if line[1]]
