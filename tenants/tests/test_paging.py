from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants import paging
from tenants.models import AuditEvent
from tenants.paging import EstimatedPaginator


@pytest.fixture
def forty(acme):
    AuditEvent.objects.bulk_create(
        AuditEvent(tenant=acme, actor="tests", action="x", subject=str(number))
        for number in range(40)
    )
    return AuditEvent.objects.filter(action="x").order_by("pk")


def test_small_lists_are_counted_exactly(forty):
    paginator = EstimatedPaginator(forty, 15)

    assert (paginator.count, paginator.num_pages, paginator.is_estimated) == (40, 3, False)


def test_big_lists_are_estimated_and_paged_only_as_far_as_they_are_counted(forty, monkeypatch):
    monkeypatch.setattr(paging, "EXACT_UP_TO", 20)
    paginator = EstimatedPaginator(forty, 15)

    assert paginator.is_estimated
    assert paginator.count > 20
    assert paginator.num_pages == 2
    assert len(paginator.page(1).object_list) == 15


def test_an_empty_list_has_one_empty_page(forty):
    paginator = EstimatedPaginator(forty.none(), 15)

    assert (paginator.count, paginator.num_pages) == (0, 1)


def test_ordinary_lists_can_be_paged_too():
    assert EstimatedPaginator([1, 2, 3], 2).num_pages == 2


def test_counting_never_reads_more_rows_than_it_must(forty, monkeypatch):
    monkeypatch.setattr(paging, "EXACT_UP_TO", 20)

    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert EstimatedPaginator(forty, 15).count

    assert "LIMIT 21" in seen.captured_queries[0]["sql"]
    assert seen.captured_queries[1]["sql"].startswith("EXPLAIN")
