"""The base page: what is read-only, what is audited, what bulk actions ask."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.messages.storage.fallback import FallbackStorage
from django.test import Client, RequestFactory

from tenants import audit
from tenants.bulk import CONFIRMED, ask_then_do
from tenants.console import ModelAdmin, plain
from tenants.context import in_tenant
from tenants.identity_models import Issuer
from tenants.models import AuditEvent, Membership, TenantSettings, User


@pytest.fixture
def owner(db):
    user = User.objects.create(username="olga", is_staff=True)
    Membership.objects.create(user=user, tenant_id="acme", role="OWNER")
    return user


@pytest.fixture
def client(owner):
    client = Client()
    client.force_login(owner)
    return client


def settings_form(**changes: object) -> dict[str, object]:
    return {"nightly_enabled": "on", "nightly_at": "01:00", "candidates_per_night": 500,
            "shortlist_cap": 50, "site_match_threshold": 60, "retention_days": 180,
            "people_per_company": 2, "colour": "#2563eb", "first_login": "JOIN",
            "password_sign_in": "on", **changes}  # fmt: skip


def test_a_saved_form_is_audited_with_the_changed_fields_and_the_reason(client):
    page = "/admin/tenants/tenantsettings/acme/change/"

    client.post(page, settings_form(shortlist_cap=80, _reason="bigger team"))

    assert TenantSettings.objects.get(pk="acme").shortlist_cap == 80
    event = AuditEvent.objects.get(action="tenants.tenantsettings.change")
    assert (event.actor, event.tenant_id, event.subject) == ("olga", "acme", "settings acme")
    assert event.before["shortlist_cap"] == 50
    assert event.after["shortlist_cap"] == 80
    assert event.reason == "bigger team"
    assert event.request_id


def test_the_history_of_a_row_shows_its_events(client):
    page = "/admin/tenants/tenantsettings/acme/"
    client.post(f"{page}change/", settings_form(shortlist_cap=80, _reason="bigger team"))

    shown = client.get(f"{page}history/").content.decode()

    assert "bigger team" in shown
    assert "olga" in shown


@pytest.mark.parametrize("asked", ["settings CHANGED", "tenantsettings.ch"])
def test_the_audit_is_searched_by_its_words_and_by_its_codes(client, asked):
    client.post("/admin/tenants/tenantsettings/acme/change/", settings_form(shortlist_cap=80))
    client.post("/admin/tenants/tenantsettings/acme/change/", settings_form(_reason="bigger team"))
    with in_tenant("acme"):
        audit.record("icp.lead.reject", actor="olga", subject="lead 12")

    page = client.get("/admin/tenants/auditevent/", {"action__icontains": asked}).content.decode()

    assert "Settings changed" in page
    assert "Lead rejected" not in page


def test_what_a_form_saved_is_said_in_our_words(client):
    form = {"name": "Keycloak", "issuer": "https://id.example.com/realms/acme", "client_id": "us",
            "scopes": "openid", "tenant_claim": "tenant", "tenant_value": "acme",
            "roles_claim": "roles"}  # fmt: skip

    def said(page: str, form: dict[str, str]) -> str:
        answer = client.post(f"/admin/tenants/issuer/{page}", form, follow=True)
        return " ".join(map(str, answer.context["messages"]))

    assert said("add/", form) == "Keycloak was added."
    row = Issuer.objects.get(tenant_id="acme")
    assert said(f"{row.pk}/change/", {**form, "name": "Our own"}) == "Our own is saved."
    assert said(f"{row.pk}/delete/", {"post": "yes"}) == "Our own was removed."
    gone = AuditEvent.objects.get(action="tenants.issuer.delete")
    assert gone.before["issuer"] == form["issuer"]
    assert "secret" not in gone.before


def test_a_wrong_value_is_refused_with_a_sentence_and_changes_nothing(client):
    page = "/admin/tenants/tenantsettings/acme/change/"

    response = client.post(page, settings_form(colour="red", shortlist_cap=0))

    assert "Write it like #2563eb" in response.content.decode()
    assert TenantSettings.objects.get(pk="acme").shortlist_cap == 50


def test_owners_invite_people_by_name_and_learn_of_no_account_elsewhere(client, db):
    User.objects.create(username="newcomer", email="new@people.example", is_staff=True)
    page = "/admin/tenants/membership/add/"

    def add(who) -> tuple[int, str]:
        answer = client.post(page, {"who": who, "role": "REVIEWER", "_reason": "joins us"})
        return answer.status_code, client.get(answer.headers["Location"]).content.decode()

    known, unknown = add("New@people.example"), add("Old@people.example")

    assert known[0] == unknown[0] == 302
    assert "newcomer" not in known[1]
    assert known[1].count("new@people.example") == unknown[1].count("old@people.example")
    assert not Membership.objects.filter(user__username="newcomer").exists()
    reasons = AuditEvent.objects.filter(action="tenants.invitation.add").values_list("reason")
    assert set(reasons) == {("joins us",)}


def test_the_last_owner_is_told_why_they_cannot_go(client, owner):
    member = Membership.objects.get(user=owner)

    response = client.post(
        f"/admin/tenants/membership/{member.pk}/delete/", {"post": "yes"}, follow=True
    )

    assert "last owner" in response.content.decode()
    assert Membership.objects.filter(pk=member.pk).exists()


def test_filters_page_and_sort_survive_a_saved_form(client, owner):
    other = User.objects.create(username="other")
    member = Membership.objects.create(user=other, tenant_id="acme", role="OPERATOR")
    page = f"/admin/tenants/membership/{member.pk}/change/"

    response = client.post(f"{page}?_changelist_filters=o%3D-1%26q%3Doth", {"role": "REVIEWER"})

    assert response.headers["Location"] == "/admin/tenants/membership/?o=-1&q=oth"


def test_values_are_recorded_as_json(owner):
    assert plain({"who": owner, "all": User.objects.filter(pk=owner.pk)}) == {
        "who": owner.pk, "all": [owner.pk],
    }  # fmt: skip


# --- bulk -----------------------------------------------------------------------------------
class EventPage(ModelAdmin):
    """A list to act on; events stand in for leads here."""


@pytest.fixture
def act(owner, acme):
    page = EventPage(AuditEvent, admin.site)

    def post(**form: object):
        request = RequestFactory().post("/admin/somewhere/?q=x&p=2", form)
        request.user, request.session, request.tenant = owner, {}, acme
        request._messages = FallbackStorage(request)
        done = []
        rows = AuditEvent.objects.filter(action="x")
        response = ask_then_do(
            page, request, rows, verb="Reject", action="scoring.review",
            do=lambda found, reason: done.append((found.count(), reason)) or found.count(),
        )  # fmt: skip
        return response, done

    AuditEvent.objects.bulk_create(
        AuditEvent(tenant=acme, actor="tests", action="x", subject=str(number))
        for number in range(1284)
    )
    return post


def test_bulk_actions_ask_with_the_count_in_words_before_they_act(act):
    response, done = act(action="reject", select_across="1", _selected_action="5")

    shown = response.render().content.decode()
    assert done == []
    assert "Reject 1,284 audit events of Acme?" in shown
    assert 'name="select_across" value="1"' in shown


def test_bulk_actions_need_a_reason(act):
    response, done = act(**{CONFIRMED: "1284", "_reason": " "})

    assert done == []
    assert "Say why" in response.render().content.decode()


def test_a_confirmed_bulk_action_acts_once_and_is_audited(act):
    response, done = act(**{CONFIRMED: "1284", "_reason": "not ours"})

    assert response is None  # Django returns to the list with its filters
    assert done == [(1284, "not ours")]
    event = AuditEvent.objects.get(action="scoring.review")
    assert (event.subject, event.reason) == ("1284 audit events", "not ours")
    assert event.after["list"] == "q=x&p=2"


def test_a_list_that_moved_since_it_was_confirmed_is_asked_again(act):
    response, done = act(**{CONFIRMED: "1200", "_reason": "not ours"})

    assert done == []
    assert "it was 1,200 when you were asked" in response.render().content.decode()


def test_who_may_not_act_is_refused(act, owner):
    from django.core.exceptions import PermissionDenied

    from tenants.context import in_public

    with in_public():
        Membership.objects.filter(user=owner).update(role="AUDITOR")
    owner.__dict__.pop("_role_by_tenant", None)

    with pytest.raises(PermissionDenied):
        act(**{CONFIRMED: "1284", "_reason": "not ours"})
