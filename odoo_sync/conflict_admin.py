"""What waits for a person: values changed in Odoo, and people to be seen to there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from icp import taken_out
from icp.models import FileRecall
from odoo_sync.decide import decide
from odoo_sync.models import OdooConflict, OdooRecall
from odoo_sync.odoo_page import DECIDE, OdooPage
from odoo_sync.recall import mark_done
from odoo_sync.sync import connection_in_use
from odoo_sync.tend import call
from tenants.clock import database_now
from tenants.console import may_do
from tenants.tenant_page import name_of

DESK = 100  # at once; the rest comes up as these are settled


@admin.register(OdooConflict)
class ConflictAdmin(OdooPage):
    list_title = "Conflicts"

    def get_urls(self) -> list[URLPattern]:
        mine = self.at("decide", "<int:pk>/decide/", require_POST(self.decide_view))
        return [mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        rows = OdooConflict.objects.filter(choice=OdooConflict.Choice.OPEN).order_by("pk")
        shown = rows.select_related("record__push__lead")[:DESK]
        return self.page(request, "conflicts", "Conflicts", rows=list(shown),
                         total=rows.count(), may_decide=may_do(request, DECIDE))  # fmt: skip

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.guard(request, DECIDE)
        now = database_now()
        try:
            done = decide(pk, request.POST.get("choice", ""), actor=name_of(request), now=now)
        except ValueError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            if done and (connection := connection_in_use()):
                call(connection, now=now)
            text = "Decided." if done else "It was decided or settled already."
            self.message_user(request, text, messages.SUCCESS if done else messages.WARNING)
        return HttpResponseRedirect(reverse("admin:odoo_sync_odooconflict_changelist"))


@admin.register(OdooRecall)
class RecallAdmin(OdooPage):
    list_title = "Recall list"

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("recalled", "<int:pk>/done/", require_POST(self.done_view)),
            self.at("file_recalled", "files/<int:pk>/done/", require_POST(self.file_view)),
        ]
        return [*mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        files = FileRecall.objects.filter(done_at=None).order_by("created_at", "pk")
        rows = OdooRecall.objects.select_related("push__lead", "suppression")
        rows = rows.prefetch_related("push__records")
        waiting = rows.filter(done_at=None).order_by("created_at")
        return self.page(
            request, "recalls", self.list_title, rows=list(waiting[:DESK]),
            total=waiting.count(),
            done=list(rows.exclude(done_at=None).order_by("-done_at")[:DESK]),
            may_decide=may_do(request, DECIDE), file_total=files.count(),
            files=list(files.select_related("taken_out", "suppression")
                       .defer("taken_out__keys")[:DESK]),
        )  # fmt: skip

    def done_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.guard(request, DECIDE)
        return self._noted(request, done=mark_done(pk, actor=name_of(request)))

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Whoever has the file has been told of one who opted out."""
        self.guard(request, DECIDE)
        return self._noted(request, done=taken_out.mark_done(pk, actor=name_of(request)))

    def _noted(self, request: HttpRequest, *, done: bool) -> HttpResponse:
        text = "Noted." if done else "Somebody has said so already."
        self.message_user(request, text, messages.SUCCESS if done else messages.WARNING)
        return HttpResponseRedirect(reverse("admin:odoo_sync_odoorecall_changelist"))
