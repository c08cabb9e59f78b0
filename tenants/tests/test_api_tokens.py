"""Tokens of our own, invitations, and the tenant endpoints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tenants.context import in_tenant
from tenants.identity_models import ApiToken, Invitation
from tenants.models import AuditEvent, Membership, Tenant, User
from tenants.roles import ACTIONS, may, scopes_of_role
from tenants.sign_in import api_tokens, invitations
from tenants.sign_in.api_tokens import ApiTokenError

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


@pytest.fixture
def sam(db):
    user = User.objects.create_user("sam", password="correct horse battery", is_staff=True)
    Membership.objects.create(user=user, tenant_id="acme", role="OPERATOR")
    return user


@pytest.fixture
def make(sam):
    def made(*scopes, days=30, now=None) -> str:
        tenant = Tenant.objects.get(pk="acme")
        _, text = api_tokens.create(
            tenant, sam, name="robot", scopes=list(scopes or ["read"]), days=days,
            now=now or timezone.now(),
        )  # fmt: skip
        return text

    return made


def ask(client, text, path="/info", **headers):
    return client.get(path, headers={"Authorization": f"Bearer {text}", **headers})


def test_a_token_acts_for_its_owner_in_its_tenant(make, client):
    answer = ask(client, make("read", "icp.work_lead"))

    assert answer.json() == {
        "ok": True, "user": "sam", "tenant_id": "acme", "roles": ["operator"],
        "scopes": ["icp.work_lead", "read"],
    }  # fmt: skip


def test_only_its_hash_is_kept(make):
    text = make()

    row = ApiToken.objects.values().get()
    assert text.startswith("lg_")
    assert text not in str(row)
    assert text.split("_", 2)[2] not in str(row)
    assert text not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1] + "x", lambda t: t + "x", lambda t: "lg_" + t[4:], lambda t: "lg_",
               lambda t: "lg__", lambda t: t.replace("_", "-"), lambda t: "lg_" + "é"]
)  # fmt: skip
def test_a_wrong_token_is_401(change, make, client):
    assert ask(client, change(make())).status_code == 401


def test_an_expired_or_revoked_token_is_401(make, client, sam):
    assert ask(client, make(days=1, now=timezone.now() - timedelta(days=2))).status_code == 401
    text = make()
    row = ApiToken.objects.order_by("-pk").first()
    assert api_tokens.revoke(row, actor="sam", now=NOW)
    assert not api_tokens.revoke(row, actor="sam", now=NOW)

    assert ask(client, text).status_code == 401


def test_a_token_ends_with_its_owners_access(make, client, sam):
    text = make()
    Membership.objects.all().delete()

    assert ask(client, text).status_code == 401


def test_no_token_is_made_beyond_the_owners_rights(make):
    with pytest.raises(ApiTokenError, match=r"tenants\.manage_people"):
        make("read", "tenants.manage_people")


def test_a_demoted_owners_token_is_demoted_too(make, client, sam):
    text = make("read", "icp.work_lead")
    Membership.objects.update(role="AUDITOR")

    assert ask(client, text).json()["scopes"] == ["read"]


def test_a_token_may_do_what_its_scopes_say_and_no_more(make, sam):
    row = api_tokens.check(make("read", "icp.suppress"), now=timezone.now())

    with in_tenant("acme"):
        assert {action for action in ACTIONS if may(row.user, action)} == {"icp.suppress"}


def test_a_platform_admins_token_is_a_members_token(make, sam, client):
    User.objects.update(is_superuser=True)
    text = make()

    assert ask(client, text).json()["roles"] == ["operator"]
    assert ask(client, text, **{"X-Tenant-ID": "beta"}).status_code == 403
    assert User.objects.get().is_superuser


def test_a_token_does_not_reach_the_owners_other_tenant(make, sam, client):
    Membership.objects.create(user=sam, tenant_id="beta", role="OWNER")
    text = make()

    assert ask(client, text, **{"X-Tenant-ID": "beta"}).status_code == 403
    assert [one["id"] for one in ask(client, text, "/api/tenants").json()] == ["acme"]


def test_a_token_without_read_reads_nothing(make, client):
    assert ask(client, make("icp.suppress"), "/api/leads").status_code == 403
    assert ask(client, make("read"), "/api/leads").status_code == 200


def test_last_used_is_written_once_a_minute(make, client, django_assert_num_queries):
    text = make()
    ask(client, text)
    first = ApiToken.objects.get().last_used_at
    ask(client, text)

    assert first is not None
    assert ApiToken.objects.get().last_used_at == first


# --- console ----------------------------------------------------------------------------------
def test_the_page_shows_a_new_token_once(sam, client):
    client.force_login(sam)
    page = "/admin/tenants/apitoken/add/"
    form = client.get(page).content.decode()
    assert "tenants.manage_people" not in form
    assert "icp.work_lead" in form

    made = client.post(page, {"name": "robot", "days": "7", "scopes": ["read"]})

    row = ApiToken.objects.get()
    assert "no-store" in made.headers["Cache-Control"]
    assert f"lg_{row.prefix}_" in made.content.decode()
    shown = client.get("/admin/tenants/apitoken/")
    assert shown.status_code == 200
    assert "robot" in shown.content.decode()
    detail = client.get(f"/admin/tenants/apitoken/{row.pk}/change/")
    assert detail.status_code == 200

    client.post(f"/admin/tenants/apitoken/{row.pk}/revoke/")
    assert ApiToken.objects.get().revoked_at is not None


def test_others_tokens_are_seen_by_owners_alone(make, sam, client):
    make()
    row = ApiToken.objects.get()
    pal = User.objects.create(username="pal", is_staff=True)
    Membership.objects.create(user=pal, tenant_id="acme", role="OPERATOR")
    client.force_login(pal)
    page = f"/admin/tenants/apitoken/{row.pk}/change/"

    assert client.get(page).status_code == 404
    assert client.post(f"/admin/tenants/apitoken/{row.pk}/revoke/").status_code == 404
    Membership.objects.filter(user=pal).update(role="OWNER")
    assert client.get(page).status_code == 200


# --- tenants ----------------------------------------------------------------------------------
def test_a_person_of_two_tenants_switches_without_signing_in_again(sam, client):
    Membership.objects.create(user=sam, tenant_id="beta", role="AUDITOR")
    client.force_login(sam)

    assert [(one["id"], one["role"]) for one in client.get("/api/tenants").json()] == [
        ("acme", "operator"), ("beta", "auditor"),
    ]  # fmt: skip
    assert client.post("/api/tenants/beta/switch").json()["is_current"] is True
    assert client.get("/info").json()["tenant_id"] == "beta"
    assert AuditEvent.objects.filter(action="tenants.enter", tenant_id="beta").count() == 1


@pytest.mark.parametrize("wanted", ["nobody", "public", "beta"])
def test_switching_to_a_foreign_tenant_is_refused_and_audited(wanted, sam, client):
    client.force_login(sam)

    assert client.post(f"/api/tenants/{wanted}/switch").status_code == 403
    assert AuditEvent.objects.get(action="tenants.enter.refused").subject == wanted
    assert client.get("/info").json()["tenant_id"] == "acme"


def test_the_header_is_believed_alone_only_in_development(db, client, settings):
    settings.DEV_TENANT_HEADER = True
    assert client.get("/api/leads", headers={"X-Tenant-ID": "acme"}).status_code in {401, 403}

    settings.DEBUG = True
    assert client.get("/api/leads", headers={"X-Tenant-ID": "acme"}).status_code == 200
    assert client.get("/info", headers={"X-Tenant-ID": "acme"}).status_code == 401


# --- invitations ------------------------------------------------------------------------------
@pytest.fixture
def beta_owner(db):
    return Tenant.objects.get(pk="beta")


def test_an_invited_account_joins_with_its_next_sign_in(sam, beta_owner, client):
    User.objects.filter(pk=sam.pk).update(email="Sam@people.example")
    invitations.invite(beta_owner, "sam@PEOPLE.example", role="AUDITOR", actor="bee")

    client.post("/admin/login/", {"username": "sam", "password": "correct horse battery"})

    assert Membership.objects.get(tenant_id="beta").role == "AUDITOR"
    assert not Invitation.objects.exists()


def test_who_is_signed_in_already_joins_on_the_page_of_their_tenants(sam, beta_owner, client):
    invitations.invite(beta_owner, "sam", role="AUDITOR", actor="bee")
    client.force_login(sam)
    assert "Join Beta" in client.get("/admin/switch-tenant/").content.decode()

    client.post("/admin/switch-tenant/", {"join": "acme"})
    assert not Membership.objects.filter(tenant_id="beta").exists()
    client.post("/admin/switch-tenant/", {"join": "beta"})

    assert Membership.objects.get(tenant_id="beta").role == "AUDITOR"


def test_an_address_only_a_provider_vouches_for_takes_no_invitation(sam, beta_owner):
    """The account of a provider's person: its address is what that provider says."""
    User.objects.filter(pk=sam.pk).update(email="ceo@beta.example")
    sam.refresh_from_db()
    sam.identities.create(issuer="https://evil.example", subject="x")
    invitations.invite(beta_owner, "ceo@beta.example", role="OWNER", actor="bee")

    assert invitations.waiting_for(sam) == []


def test_an_invitation_can_be_taken_back(sam, beta_owner):
    invitations.invite(beta_owner, "sam", role="OWNER", actor="bee")

    assert invitations.withdraw(beta_owner, "sam", actor="bee")
    assert invitations.accept_waiting(sam) == 0


def test_a_role_has_the_scopes_of_its_actions():
    assert scopes_of_role("AUDITOR") == {"read"}
    assert set(ACTIONS) < scopes_of_role("OWNER")
