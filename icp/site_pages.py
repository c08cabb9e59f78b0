"""The pages of a site import, on the page of the leads."""

from __future__ import annotations

from typing import Any

from icp import import_sites
from icp.models import SiteImport
from icp.upload_pages import UploadKind, UploadPages


class SitePages(UploadPages):
    upload_route = "sites/"
    upload_kind = UploadKind(
        name="sites", model=SiteImport, action="icp.work_lead", title="Import web sites",
        preview=import_sites.preview_sites, confirm=import_sites.confirm_sites,
        undo=import_sites.undo_sites,
        confirmed="Set {:,} sites.", discarded="Discarded; no site was changed.",
        undone="Gave back {:,} sites as they stood before.",
    )  # fmt: skip

    def upload_figures(self, rows: dict[str, list[Any]]) -> dict[str, Any]:
        later = sum(row.values[0][4] == "later" for row in rows["new"])
        return {"later": later, "now": len(rows["new"]) - later}
