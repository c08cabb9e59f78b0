"""Saved views as tabs above a list of the console."""

from __future__ import annotations

import pytest

from leadgen_project.tests.console_data import fill, make_people, make_register
from leadgen_project.tests.test_console_isolation import body, sign_in
from tenants.api_models import SavedView
from tenants.context import in_tenant

LEADS = "/admin/icp/lead/"


@pytest.fixture
def filled(db):
    make_people()
    make_register()
    fill("acme", mark="Acmemark", leads=6)


def save(client, name: str, **more: str):
    sent = {"page": "leads", "name": name, "query": "stage=REJECTED", "next": LEADS, **more}
    return client.post("/admin/views/save/", sent)


def test_filters_are_kept_under_a_name_and_come_back_as_a_tab(filled):
    owner, reviewer = sign_in("owner"), sign_in("reviewer")

    answer = save(owner, "Out of the way")
    save(owner, "For all", is_team="on")

    assert answer.headers["Location"] == f"{LEADS}?stage=REJECTED"
    page = body(owner.get(f"{LEADS}?stage=REJECTED"))
    assert 'aria-current="page">Out of the way' in page
    shared = body(reviewer.get(LEADS))
    assert "For all" in shared
    assert "Out of the way" not in shared


def test_only_its_owner_removes_a_view(filled):
    owner, reviewer = sign_in("owner"), sign_in("reviewer")
    save(owner, "For all", is_team="on")
    with in_tenant("acme"):
        number = SavedView.objects.get().pk

    reviewer.post(f"/admin/views/{number}/remove/", {"next": LEADS})
    with in_tenant("acme"):
        assert SavedView.objects.count() == 1
    owner.post(f"/admin/views/{number}/remove/", {"next": LEADS})

    with in_tenant("acme"):
        assert SavedView.objects.count() == 0


def test_an_auditor_keeps_no_views_and_nobody_is_sent_elsewhere(filled):
    refused = save(sign_in("auditor"), "Mine")
    away = save(sign_in("owner"), "Mine", next="https://evil.example/admin/")

    assert refused.status_code == 403
    assert away.headers["Location"].startswith("/admin/")
