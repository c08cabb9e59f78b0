"""The pages every uploaded list has: choose a file, see what it would do, decide once, undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from icp.models import Upload
from icp.read_table import MOST_BYTES, MOST_ROWS, UnreadableFileError
from icp.suppressions import SuppressionError
from icp.uploads import UploadError, discard, error_file, rows_of
from tenants.console import may_do, reason_of
from tenants.files.csv_files import BOM, csv_answer
from tenants.tenant_page import TenantPage, name_of

SHOWN_ROWS = 200  # of each outcome; the file has them all
OUTCOMES = ("refused", "new", "changed", "present")
MISTAKES = (UploadError, SuppressionError)  # whose texts are for the operator
PACKED = ("accepted_rows", "refused_rows", "applied_rows")


@dataclass(frozen=True, kw_only=True)
class UploadKind:
    """What is done with one kind of list, and how its pages are called.

    ``preview(content, file_name=, actor=)`` returns the upload; ``confirm(upload, actor=)`` and
    ``undo(upload, reason=, actor=)`` return a count, which the sentences ``confirmed`` and
    ``undone`` hold a place for. All may raise one of ``MISTAKES``.
    """

    name: str  # of the addresses and templates: NAME_new, NAME_show, NAME_decide, NAME_errors
    model: type[Upload]
    action: str
    title: str
    preview: Callable[..., Upload]
    confirm: Callable[..., object]
    undo: Callable[..., object]
    confirmed: str
    discarded: str
    undone: str
    undo_action: str = ""  # where another right is needed to undo than to import
    refused_name: str = ""  # of the file of refused rows, with a place for the upload's number

    def right_to(self, verdict: str) -> str:
        """The action one needs to decide so."""
        return (self.undo_action if verdict == "undo" else "") or self.action


class UploadPages(TenantPage):
    """A list page that offers an import below ``import/``."""

    upload_kind: UploadKind
    upload_route = "import/"

    def upload_urls(self) -> list[URLPattern]:
        name, route = self.upload_kind.name, self.upload_route
        one = f"{route}<int:import_id>/"
        return [
            self.at(f"{name}_new", route, self.upload_new_view),
            self.at(f"{name}_show", one, self.upload_show_view),
            self.at(f"{name}_decide", f"{one}decide/", require_POST(self.upload_decide_view)),
            self.at(f"{name}_errors", f"{one}refused.csv", self.upload_errors_view),
        ]

    def upload_said(self, request: HttpRequest) -> dict[str, Any]:
        """What the form asks beside the file: for ``preview``, and to stand there again."""
        return {}

    def upload_words(self) -> dict[str, Any]:
        """What the page to choose a file says beside the limits."""
        return {}

    def upload_figures(self, rows: dict[str, list[Any]]) -> dict[str, Any]:
        """What the preview says beside the rows, which come by outcome."""
        return {}

    def upload_new_view(self, request: HttpRequest) -> HttpResponse:
        kind = self.upload_kind
        self.guard(request, kind.action)
        mistake, said = "", self.upload_said(request)
        if request.method == "POST":
            try:
                content, file_name = _file(request)
                upload = kind.preview(content, file_name=file_name, actor=name_of(request), **said)
            except (UnreadableFileError, *MISTAKES) as exc:
                mistake = str(exc)
            else:
                return HttpResponseRedirect(self._address("show", upload))
        past = kind.model._default_manager.defer(*self._packed()).order_by("-pk")  # noqa: SLF001 -- Django's documented meta API
        words = {"most_rows": MOST_ROWS, **self.upload_words(), **said}
        return self.page(request, f"{kind.name}_new", kind.title, mistake=mistake, past=past[:50],
                         megabytes=MOST_BYTES // 2**20, show=self._name("show"),
                         **words)  # fmt: skip

    def upload_show_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        self.guard(request)
        kind, upload = self.upload_kind, self._get(import_id)
        rows: dict[str, list[Any]] = {outcome: [] for outcome in OUTCOMES}
        for row in rows_of(upload):
            rows[row.outcome].append(row)
        shown = [(name, found[:SHOWN_ROWS], len(found)) for name, found in rows.items() if found]
        return self.page(request, f"{kind.name}_show", f"Import of {upload.file_name}",
                         upload=upload, shown=shown, most=SHOWN_ROWS, decide=self._name("decide"),
                         errors=self._name("errors"), may_work=may_do(request, kind.action),
                         may_undo=may_do(request, kind.right_to("undo")),
                         **self.upload_figures(rows))  # fmt: skip

    def upload_decide_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """Import, discard or undo."""
        kind, verdict = self.upload_kind, request.POST.get("verdict", "")
        self.guard(request, kind.right_to(verdict))
        upload, actor = self._get(import_id), name_of(request)
        try:
            match verdict:
                case "undo":
                    text = kind.undone.format(
                        kind.undo(upload, reason=reason_of(request), actor=actor)
                    )
                case "discard":
                    discard(upload, actor=actor)
                    text = kind.discarded
                case _:
                    text = kind.confirmed.format(kind.confirm(upload, actor=actor))
        except MISTAKES as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(self._address("show", upload))

    def upload_errors_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        self.guard(request)
        upload = self._get(import_id)
        name = self.upload_kind.refused_name or f"refused-{self.upload_kind.name}-{{}}.csv"
        return csv_answer(BOM + error_file(upload), name=name.format(upload.pk))

    def _get(self, import_id: int) -> Upload:
        return get_object_or_404(self.upload_kind.model, pk=import_id)

    def _packed(self) -> list[str]:
        there = {field.name for field in self.upload_kind.model._meta.concrete_fields}  # noqa: SLF001 -- as above
        return [name for name in PACKED if name in there]

    def _name(self, what: str) -> str:
        return f"admin:{self.opts.app_label}_{self.upload_kind.name}_{what}"

    def _address(self, what: str, upload: Upload) -> str:
        return reverse(self._name(what), args=[upload.pk])


def _file(request: HttpRequest) -> tuple[bytes, str]:
    """The bytes and the name of the uploaded file. Raises ``UnreadableFileError``."""
    file = request.FILES.get("file")
    if file is None:
        raise UnreadableFileError("Choose a file.")
    if (file.size or 0) > MOST_BYTES:
        raise UnreadableFileError(f"The file is larger than {MOST_BYTES // 2**20} MB. Split it.")
    return file.read(), file.name or "upload"
