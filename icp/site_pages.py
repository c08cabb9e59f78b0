"""The pages of a site import: upload, preview with all mistakes at once, decide, undo."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from icp import import_sites
from icp.models import SiteImport
from icp.read_table import MOST_BYTES, MOST_ROWS, UnreadableFileError
from icp.uploads import UploadError, error_file, rows_of
from tenants.console import may_do, reason_of
from tenants.tenant_page import TenantPage, name_of

ACTION = "icp.work_lead"
SHOWN_ROWS = 200  # of each outcome; the file has them all


class SitePages(TenantPage):
    def site_urls(self) -> list[URLPattern]:
        return [
            self.at("sites_new", "sites/", self.sites_view),
            self.at("sites_show", "sites/<int:import_id>/", self.sites_page),
            self.at("sites_decide", "sites/<int:import_id>/decide/",
                    require_POST(self.sites_decide_view)),
            self.at("sites_errors", "sites/<int:import_id>/refused.csv", self.sites_errors_view),
        ]  # fmt: skip

    def sites_view(self, request: HttpRequest) -> HttpResponse:
        self.guard(request, ACTION)
        mistake = ""
        if request.method == "POST":
            try:
                upload = _upload(request)
            except UnreadableFileError as exc:
                mistake = str(exc)
            else:
                return HttpResponseRedirect(reverse("admin:icp_sites_show", args=[upload.pk]))
        past = SiteImport.objects.defer("accepted_rows", "refused_rows", "applied_rows")
        return self.page(request, "sites_import", "Import web sites", mistake=mistake,
                         past=past.order_by("-pk")[:50], megabytes=MOST_BYTES // 2**20,
                         most_rows=MOST_ROWS)  # fmt: skip

    def sites_page(self, request: HttpRequest, import_id: int) -> HttpResponse:
        self.guard(request)
        upload = get_object_or_404(SiteImport, pk=import_id)
        rows = {name: [row for row in rows_of(upload) if row.outcome == name]
                for name in ("refused", "new", "present")}  # fmt: skip
        shown = [(name, found[:SHOWN_ROWS], len(found)) for name, found in rows.items() if found]
        later = sum(row.values[0][4] == "later" for row in rows["new"])
        return self.page(request, "sites_show", f"Import of {upload.file_name}", upload=upload,
                         shown=shown, most=SHOWN_ROWS, later=later, now=len(rows["new"]) - later,
                         may_work=may_do(request, ACTION))  # fmt: skip

    def sites_decide_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """Import, discard or undo."""
        self.guard(request, ACTION)
        upload = get_object_or_404(SiteImport, pk=import_id)
        verdict, actor = request.POST.get("verdict", ""), name_of(request)
        try:
            if verdict == "undo":
                reason = reason_of(request)
                count = import_sites.undo_sites(upload, reason=reason, actor=actor)
                text = f"Gave back {count:,} sites as they stood before."
            elif verdict == "discard":
                import_sites.discard_sites(upload, actor=actor)
                text = "Discarded; no site was changed."
            else:
                text = f"Set {import_sites.confirm_sites(upload, actor=actor):,} sites."
        except UploadError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:icp_sites_show", args=[upload.pk]))

    def sites_errors_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        self.guard(request)
        upload = get_object_or_404(SiteImport, pk=import_id)
        answer = HttpResponse("\ufeff" + error_file(upload), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="refused-sites-{upload.pk}.csv"'
        return answer


def _upload(request: HttpRequest) -> SiteImport:
    file = request.FILES.get("file")
    if file is None:
        raise UnreadableFileError("Choose a file.")
    if (file.size or 0) > MOST_BYTES:
        raise UnreadableFileError(f"The file is larger than {MOST_BYTES // 2**20} MB. Split it.")
    return import_sites.preview_sites(
        file.read(), file_name=file.name or "upload", actor=name_of(request)
    )
