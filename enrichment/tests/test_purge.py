from datetime import timedelta

from django.utils import timezone

from enrichment.models import EnrichmentRun, Evidence, Page, PageBody
from enrichment.purge import PurgeReport, purge_pages
from icp.tests.factories import make_lead


def make_page(attempt, *, position, days_old, body):
    fetched_at = timezone.now() - timedelta(days=days_old)
    return Page.objects.create(
        enrichment=attempt, position=position, url="https://a.example/", final_url="", status=200,
        body=body, over_tls=True, fetched_at=fetched_at,
    )  # fmt: skip


def test_old_bodies_go_unless_a_young_page_has_them_and_evidence_stays(acme):
    now = timezone.now()
    old = now - timedelta(days=200)
    attempt = EnrichmentRun.objects.create(lead=make_lead(), corpus=b"x", started_at=old)
    shared, alone = (
        PageBody.objects.create(sha256=name * 64, compressed=b"x", size=1, created_at=old)
        for name in "ab"
    )
    make_page(attempt, position=0, days_old=200, body=shared)
    page = make_page(attempt, position=1, days_old=200, body=alone)
    make_page(attempt, position=2, days_old=2, body=shared)
    Evidence.objects.create(
        lead=attempt.lead, field="phones", value="1", source="PAGE", reference="u", page=page,
        method="m", confidence=1,
    )  # fmt: skip

    report = purge_pages(keep_days=180, now=now)

    assert report == PurgeReport(pages=2, bodies=1, corpora=1)
    assert list(PageBody.objects.values_list("pk", flat=True)) == [shared.pk]
    assert Evidence.objects.get().page == page
    assert purge_pages(keep_days=180, now=now) == PurgeReport()
