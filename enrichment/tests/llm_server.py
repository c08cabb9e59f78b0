"""A language model on loopback for tests, and leads whose pages it may read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from acra.uen import check_letter
from enrichment.enrich import enrich_batch
from enrichment.tests.pages_of import MadeUpWeb, kolina_pages, site
from icp.models import Lead
from icp.tests.factories import make_company
from leadgen_project.sandbox.vendors.language_model import LanguageModelStandIn
from tenants.clients import language_model
from tenants.models import PipelineRun
from tenants.permits import Vendor

LETTER = check_letter("201912345A")
UEN = f"201912345{LETTER}"
HOST = "kolinawidgets.com.sg"
NAME = "KOLINA WIDGETS PTE. LTD."


@contextmanager
def language_model_at(settings: Any) -> Iterator[LanguageModelStandIn]:
    """A stand-in the product asks, with a model that takes what it is sent."""
    language_model._REFUSED.clear()
    with LanguageModelStandIn() as server:
        settings.OPENAI_BASE_URL = server.base_url
        settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.LLM: "sandbox-key"}
        settings.LANGCHAIN_MODEL = "sandbox-model"
        yield server


def enriched_lead(run: PipelineRun, *, more: str = "", pages: dict[str, str] | None = None) -> Lead:
    """A lead of ``run`` whose site was crawled; ``more`` stands on its home page."""
    company = {"uen": UEN, "name": NAME, "name_key": "KOLINA WIDGETS", "block": "12",
               "street": "KOLINA LANE", "level": "05", "unit": "06",
               "postal_code": "408965"}  # fmt: skip
    make_company(**company)
    lead = Lead.objects.create(run_id=run.pk, source_ref=UEN, uen=UEN, name=NAME)
    web = MadeUpWeb({HOST: site(HOST, pages or kolina_pages(LETTER, more=more))})
    enrich_batch(run, count=5, crawl=web)
    lead.refresh_from_db()
    return lead
