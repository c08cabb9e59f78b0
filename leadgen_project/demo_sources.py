"""The demo's harvest sources: made-up places and a made-up directory, both of the sandbox."""

from __future__ import annotations

from typing import Any

from enrichment.harvest.save_source import switch, try_selectors
from enrichment.harvest_models import HarvestSource
from leadgen_project.sandbox.listing_site import HOST, OPTIONS, answer
from leadgen_project.sandbox.loopback import Request
from tenants.clock import database_now

Kind = HarvestSource.Kind
TERMS: dict[str, Any] = {
    "terms_url": "http://sandbox.test/terms", "terms_read_by": "demo",
    "allowed_use": "Made up for the demo; nobody's data.", "licence": "made up",
    "attribution": "Sandbox: made-up places", "min_interval_s": 0.2,
}  # fmt: skip


def give_sources() -> None:
    """Make the current tenant's two sources, switched on; those that are there stay as they are."""
    now = database_now()
    for name, kind, options in (
        ("Made-up places", Kind.OVERPASS, {}), ("Made-up directory", Kind.HTML_LIST, OPTIONS),
    ):  # fmt: skip
        source, is_new = HarvestSource.objects.get_or_create(
            name=name, defaults={"kind": kind, "options": options, "terms_read_on": now.date(),
                                 **TERMS}
        )  # fmt: skip
        if not is_new:
            continue
        if kind == Kind.HTML_LIST:
            try_selectors(source, list_page=_page("/list/singapore"), entry_page=_page("/entry/1"),
                          actor="demo", now=now)  # fmt: skip
        switch(source, on=True, actor="demo")


def _page(path: str) -> str:
    return answer(Request("GET", f"http://{HOST}{path}", {})).body.decode()
