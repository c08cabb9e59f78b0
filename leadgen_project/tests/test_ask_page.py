"""The frame of the chat page: who may open it, and what it offers to ask."""

from __future__ import annotations

import pytest

from chat.agent.commands import understand
from leadgen_project.console.ask_page import QUESTIONS
from leadgen_project.tests.console_data import make_people
from tenants.context import in_public


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_the_page_offers_to_ask_is_understood_without_a_model(question):
    assert understand(question) is not None


@pytest.mark.parametrize("name", ["owner", "operator", "reviewer", "auditor"])
def test_members_of_every_role_find_the_page_in_the_sidebar(name, db, client):
    with in_public():
        client.force_login(make_people()[name], backend="tenants.roles.RoleBackend")

    page = client.get("/admin/ask/").content.decode()

    assert 'href="/admin/ask/"' in page
    assert 'data-tenant="acme"' in page
    assert QUESTIONS[0] in page


def test_outside_a_tenant_there_is_nothing_to_ask(db, client):
    client.force_login(make_people()["root"], backend="tenants.roles.RoleBackend")

    assert client.get("/admin/ask/").status_code == 403
    assert 'href="/admin/ask/"' not in client.get("/admin/").content.decode()
