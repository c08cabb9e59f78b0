"""Signing in through a provider: what mozilla-django-oidc leaves unchecked, and RFC 9700."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from tenants import secrets
from tenants.identity_models import Identity, Invitation, Issuer
from tenants.models import AuditEvent, Membership, TenantSettings, User
from tenants.sign_in.sso.discover import Discovery
from tenants.sign_in.sso.keys import forget_keys
from tenants.sign_in.sso.providers import forget_discoveries
from tenants.tests.token_minter import Minter, unsigned

CLIENT = "leadgen"


@pytest.fixture(scope="module")
def running():
    minter = Minter()
    yield minter
    minter.close()


@pytest.fixture
def provider(running, settings, db):
    """The deployment's provider, willing and honest until told otherwise.

    The tenants let in everybody it names with a role.
    """
    TenantSettings.objects.update(first_login="JOIN")
    forget_keys()
    forget_discoveries()
    running.asked.clear()
    running.fault, running.document, running.codes = "", {}, {}
    running.id_token_is, running.userinfo = running.mint, {}
    running.wants_secret_in_form, running.seen_forms = False, []
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = running.issuer, CLIENT
    settings.OIDC_CLIENT_SECRET = "s3cret"
    return running


def start(client, key="deployment", query="", **options) -> str:
    """Where the button leads."""
    answer = client.get(f"/oidc/start/{key}/{query}", **options)
    assert answer.status_code == 302, answer.content
    return answer.headers["Location"]


def asked(location) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def come_back(client, provider, location, **claims):
    """The whole round through the provider, with these claims in the ID token."""
    code = provider.let_in(location, **claims)
    return client.get("/oidc/callback/", {"code": code, "state": asked(location)["state"]})


def sign_in(client, provider, query="", **claims):
    return come_back(client, provider, start(client, query=query), **claims)


def is_signed_in(client) -> bool:
    return "_auth_user_id" in client.session


def assert_refused(client, answer, status=403):
    """A plain page, nobody signed in, no account made."""
    assert answer.status_code == status
    assert "You are not signed in" in answer.content.decode()
    assert not is_signed_in(client)
    assert not Identity.objects.exists()
    assert not User.objects.filter(username__contains="alice").exists()


def test_a_good_sign_in_makes_the_account_and_the_membership(provider, client):
    answer = sign_in(client, provider, "?next=/admin/settings/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/settings/")
    user = User.objects.get()
    assert user.identities.get().subject == "alice"
    assert not user.has_usable_password()
    assert [(m.tenant_id, m.role) for m in user.memberships.all()] == [("acme", "OPERATOR")]
    assert client.get("/admin/").status_code == 200
    assert AuditEvent.objects.get(action="tenants.sign_in").actor == user.username


def test_the_request_has_state_nonce_and_pkce(provider, client):
    sent = asked(start(client))

    assert sent["response_type"] == "code"
    assert sent["code_challenge_method"] == "S256"
    assert len(sent["code_challenge"]) == 43
    assert len(sent["state"]) >= 32
    assert len(sent["nonce"]) >= 32
    assert sent["redirect_uri"] == "http://testserver/oidc/callback/"


def test_the_verifier_goes_along_so_that_a_stolen_code_is_worth_nothing(provider, client):
    sign_in(client, provider)

    assert len(provider.seen_forms[0]["code_verifier"]) >= 43
    assert "client_secret" not in provider.seen_forms[0]


def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(provider, client):
    provider.wants_secret_in_form = True

    assert sign_in(client, provider).status_code == 302
    assert provider.seen_forms[-1]["client_secret"] == "s3cret"


NOW = int(time.time())
BAD_CLAIMS = {
    "aud of another client": {"aud": "other"},
    "several aud without azp": {"aud": [CLIENT, "other"]},
    "azp of another client": {"azp": "other"},
    "several aud, azp of another": {"aud": [CLIENT, "other"], "azp": "other"},
    "iss of somebody else": {"iss": "https://evil.example"},
    "no iss": {"iss": ...},
    "expired": {"iat": NOW - 900, "exp": NOW - 600},
    "no exp": {"exp": ...},
    "issued in an hour": {"iat": NOW + 3600, "exp": NOW + 7200},
    "no iat": {"iat": ...},
    "another nonce": {"nonce": "of-somebody-else"},
    "no nonce": {"nonce": ...},
    "nonce a list": {"nonce": ["x"]},
    "no sub": {"sub": ...},
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_an_id_token_that_is_not_ours_signs_nobody_in(name, provider, client):
    assert_refused(client, sign_in(client, provider, **BAD_CLAIMS[name]))


def test_an_unsigned_or_foreign_id_token_signs_nobody_in(provider, client):
    provider.id_token_is = lambda **c: unsigned(provider.claims(**c), header={"alg": "none"})
    assert_refused(client, sign_in(client, provider))

    provider.id_token_is = lambda **_: None
    assert_refused(client, sign_in(client, provider))

    provider.add_key("hidden")
    key = provider.keys.pop("hidden")
    provider.id_token_is = lambda **c: provider.mint(key=key, **c)
    assert_refused(client, sign_in(client, provider))


def test_an_access_token_is_no_id_token(provider, client):
    provider.id_token_is = lambda **c: provider.mint(headers={"typ": "at+jwt"}, **c)

    assert_refused(client, sign_in(client, provider))


def test_a_clock_five_seconds_ahead_is_forgiven(provider, client):
    assert sign_in(client, provider, iat=int(time.time()) + 5).status_code == 302


def test_userinfo_about_another_person_signs_nobody_in(provider, client):
    provider.userinfo = {"sub": "mallory", "email": "alice@acme.example"}

    assert_refused(client, sign_in(client, provider))


def test_userinfo_cannot_change_what_the_id_token_says(provider, client):
    provider.userinfo = {"roles": ["owner"], "tenant_id": "beta"}
    sign_in(client, provider)

    member = Membership.objects.get()
    assert (member.tenant_id, member.role) == ("acme", "OPERATOR")


def test_claims_the_id_token_lacks_are_taken_from_userinfo(provider, client):
    provider.userinfo = {"roles": ["auditor"], "tenant_id": "beta"}
    sign_in(client, provider, roles=..., tenant_id=...)

    member = Membership.objects.get()
    assert (member.tenant_id, member.role) == ("beta", "AUDITOR")


def test_a_failing_userinfo_takes_no_role_away(provider, client):
    sign_in(client, provider)
    provider.userinfo = None

    assert sign_in(Client(), provider).status_code == 302
    answer = sign_in(Client(), provider, roles=..., iat=int(time.time()) + 9)
    assert answer.status_code == 403
    assert Membership.objects.get().role == "OPERATOR"


# --- the flow itself --------------------------------------------------------------------------
def test_a_callback_works_once(provider, client):
    location = start(client)
    code = provider.let_in(location)
    query = {"code": code, "state": asked(location)["state"]}

    assert client.get("/oidc/callback/", query).status_code == 302
    again = client.get("/oidc/callback/", query)

    assert again.status_code == 403
    assert provider.asked["/token"] == 1


def test_a_code_of_another_browser_signs_nobody_in(provider, client):
    """Log-in CSRF and code injection: state belongs to the session, the verifier to the state."""
    mallory = Client()
    location = start(mallory)
    code = provider.let_in(location)

    answer = client.get("/oidc/callback/", {"code": code, "state": asked(location)["state"]})
    assert_refused(client, answer)
    own = asked(start(client))["state"]
    assert_refused(client, client.get("/oidc/callback/", {"code": code, "state": own}))


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"code": "x"},
        {"state": "x"},
        {"code": "x", "state": "y"},
        {"error": "access_denied"},
        {"error": "x", "state": "y"},
    ],
)
def test_a_callback_nobody_started_ends_on_a_plain_page(query, provider, client):
    assert_refused(client, client.get("/oidc/callback/", query))


def test_an_error_nobody_asked_for_signs_nobody_out(provider, client):
    """The library ends the session on any ``error``, whoever made the link."""
    sign_in(client, provider)

    client.get("/oidc/callback/", {"error": "login_required", "state": "made-up"})

    assert is_signed_in(client)


def test_a_person_who_declines_reads_so(provider, client):
    state = asked(start(client))["state"]

    answer = client.get("/oidc/callback/", {"error": "access_denied", "state": state})

    assert_refused(client, answer)
    assert "did not let you in" in answer.content.decode()


def test_an_answer_in_the_name_of_another_provider_is_refused(provider, client):
    location = start(client)
    code = provider.let_in(location)
    query = {"code": code, "state": asked(location)["state"], "iss": "https://evil.example"}

    assert_refused(client, client.get("/oidc/callback/", query))
    assert provider.asked["/token"] == 0


def test_the_callback_asks_the_provider_that_was_started(provider, client):
    """Mix-up: the code of the honest provider must never be sent to the other."""
    other = Minter()
    row = make_issuer(other, name="Other")
    location = start(client, key=row.pk)
    code = provider.let_in(start(client))  # a second sign-in, at the honest provider

    client.get("/oidc/callback/", {"code": code, "state": asked(location)["state"]})

    assert other.asked["/token"] == 1
    assert provider.asked["/token"] == 0
    other.close()


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
     "javascript:alert(1)", "http:evil.example", "https:///evil.example", "/%09/evil.example\t",
     "http://testserver@evil.example/", "\t//evil.example", "data:text/html,x", "evil.example"],
)  # fmt: skip
def test_nobody_is_sent_to_a_foreign_page_afterwards(wanted, provider, client):
    location = client.get("/oidc/start/deployment/", {"next": wanted}).headers["Location"]

    answer = come_back(client, provider, location)

    target = answer.headers["Location"]
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\"))


def test_signing_in_changes_the_session_key(provider, client):
    location = start(client)
    before = client.session.session_key

    come_back(client, provider, location)

    assert client.session.session_key != before


def test_signing_in_as_another_person_leaves_nothing_of_the_first(provider, client):
    sign_in(client, provider)
    session = client.session
    session["left"] = "behind"
    session.save()

    sign_in(client, provider, sub="bob", email="bob@acme.example")

    assert "left" not in client.session
    assert User.objects.get(pk=client.session["_auth_user_id"]).email == "bob@acme.example"


# --- who it is --------------------------------------------------------------------------------
def test_people_are_never_merged_by_their_address(provider, client):
    root = User.objects.create(username="root", email="alice@acme.example", is_superuser=True)

    sign_in(client, provider, email="Alice@Acme.example", email_verified=True)

    assert User.objects.get(pk=client.session["_auth_user_id"]) != root
    assert not root.identities.exists()


def test_a_platform_admin_comes_through_the_provider_once_somebody_has_linked_them(
    provider, client
):
    root = User.objects.create(username="root", is_superuser=True, is_staff=True)
    call_command("link_identity", "root", "alice")

    assert sign_in(client, provider, tenant_id=..., roles=...).status_code == 302
    assert User.objects.get(pk=client.session["_auth_user_id"]) == root
    User.objects.create(username="bob")
    with pytest.raises(CommandError, match="another account already: root"):
        call_command("link_identity", "bob", "alice")


def test_the_same_subject_of_two_providers_is_two_people(provider, client):
    other = Minter()
    row = make_issuer(other)
    sign_in(client, provider)

    location = start(fresh := Client(), key=row.pk)
    assert come_back(fresh, other, location).status_code == 302
    assert Identity.objects.filter(subject="alice").values("user").distinct().count() == 2
    other.close()


def test_roles_are_asked_at_every_sign_in_and_dropped_when_gone(provider, client):
    now = int(time.time())
    sign_in(client, provider, roles=["owner"], iat=now - 20)
    assert Membership.objects.get().role == "OWNER"

    sign_in(client, provider, roles=["auditor"], iat=now - 10)
    assert Membership.objects.get().role == "AUDITOR"

    fresh = Client()
    answer = sign_in(fresh, provider, roles=[], iat=now)
    assert answer.status_code == 403
    assert "gives you no role" in answer.content.decode()
    assert not is_signed_in(fresh)
    assert not Membership.objects.exists()
    assert client.get("/admin/").status_code == 302, "the other session goes on without a tenant"


def test_a_stranger_without_a_tenant_or_role_gets_no_account(provider, client):
    assert_refused(client, sign_in(client, provider, tenant_id=...))
    assert_refused(client, sign_in(client, provider, roles="operator"))
    assert_refused(client, sign_in(client, provider, tenant_id="nobody"))


def test_a_switched_off_account_stays_out(provider, client):
    sign_in(client, provider)
    User.objects.update(is_active=False)
    fresh = Client()

    assert sign_in(fresh, provider).status_code == 403
    assert not is_signed_in(fresh)


def test_a_tenant_takes_those_it_invited_unless_its_owner_says_otherwise(provider, client):
    TenantSettings.objects.update(first_login=TenantSettings().first_login)
    assert_refused(client, sign_in(client, provider))
    Invitation.objects.create(tenant_id="acme", who="alice@acme.example", role="REVIEWER")

    assert_refused(client, sign_in(client, provider, email_verified=False))
    assert sign_in(client, provider, email_verified=True).status_code == 302
    assert Membership.objects.get().role == "REVIEWER"
    assert not Invitation.objects.exists()


# --- a tenant's own provider ------------------------------------------------------------------
def make_issuer(minter, *, tenant="beta", name="Beta ID", **changes) -> Issuer:
    at = minter.issuer
    found = Discovery(at, f"{at}/authorize", f"{at}/token", f"{at}/jwks", f"{at}/userinfo", "")
    return Issuer.objects.create(
        **{
            "tenant_id": tenant, "name": name, "issuer": at, "client_id": CLIENT,
            "secret": secrets.encrypt("s3cret"), "metadata": found.as_json(),
            "discovered_at": timezone.now(), "tenant_claim": "", **changes,
        }
    )  # fmt: skip


@pytest.fixture
def own(running, settings, provider):
    """The provider of beta alone."""
    settings.OIDC_ISSUER = ""
    settings.OIDC_ALLOW_PRIVATE = [urlsplit(running.issuer).netloc]
    return running


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings, running):
    settings.DEBUG = True


def test_a_tenants_provider_opens_that_tenant_and_no_other(own, client):
    row = make_issuer(own)

    answer = come_back(client, own, start(client, key=row.pk), tenant_id="acme", roles=["owner"])

    assert answer.status_code == 302
    assert [m.tenant_id for m in Membership.objects.all()] == ["beta"]
    assert client.get("/info").json()["tenant_id"] == "beta"
    assert client.get("/info", headers={"X-Tenant-ID": "acme"}).status_code == 403


def test_a_session_of_a_tenants_provider_opens_no_other_place_of_that_person(own, client):
    row = make_issuer(own)
    come_back(client, own, start(client, key=row.pk))
    user = User.objects.get()
    Membership.objects.create(user=user, tenant_id="acme", role="OWNER")

    assert client.get("/info", headers={"X-Tenant-ID": "acme"}).status_code == 403
    assert client.post("/api/tenants/acme/switch").status_code == 403
    assert [one["id"] for one in client.get("/api/tenants").json()] == ["beta"]


def test_a_claim_for_another_tenant_is_refused_when_the_provider_must_name_it(own, client):
    row = make_issuer(own, tenant_claim="tid", tenant_value="9f2c")

    assert_refused(client, come_back(client, own, start(client, key=row.pk), tid="other"))
    assert come_back(client, own, start(client, key=row.pk), tid="9f2c").status_code == 302


def test_roles_may_lie_inside_another_claim_and_have_other_names(own, client):
    row = make_issuer(own, roles_claim="realm_access.roles", role_map={"sales-lead": "OWNER"})

    come_back(client, own, start(client, key=row.pk), realm_access={"roles": ["x", "sales-lead"]})

    assert Membership.objects.get().role == "OWNER"


def test_a_claim_whose_name_is_an_address_is_found_whole(own, client):
    name = "https://leadgen.example/roles"
    row = make_issuer(own, roles_claim=name)

    come_back(client, own, start(client, key=row.pk), **{name: ["auditor"]})

    assert Membership.objects.get().role == "AUDITOR"


def test_platform_admins_do_not_come_through_a_tenants_provider(own, client):
    root = User.objects.create(username="root", is_superuser=True)
    Identity.objects.create(issuer=own.issuer, subject="alice", user=root)
    row = make_issuer(own)

    assert come_back(client, own, start(client, key=row.pk)).status_code == 403
    assert not is_signed_in(client)


def test_a_provider_that_is_switched_off_lets_nobody_in(own, client):
    row = make_issuer(own, is_on=False)

    assert client.get(f"/oidc/start/{row.pk}/").status_code == 403
    assert client.get("/oidc/start/99999999999999999999999/").status_code == 403
    assert client.get("/oidc/start/deployment/").status_code == 403


def test_the_sign_in_page_offers_a_tenants_provider_on_its_host_alone(own, client):
    make_issuer(own, name="Beta ID")

    page = client.get("/admin/login/", headers={"host": "beta.localhost"}).content.decode()
    assert "Sign in with Beta ID" in page
    assert "Beta ID" not in client.get("/admin/login/").content.decode()


# --- trouble, renewal, out --------------------------------------------------------------------
def test_a_provider_that_cannot_be_reached_is_a_page_and_not_an_error(provider, client, settings):
    settings.OIDC_ISSUER = "http://127.0.0.1:9"

    answer = client.get("/oidc/start/deployment/")

    assert answer.status_code == 503
    assert "cannot be reached" in answer.content.decode()


def age(client, seconds) -> None:
    session = client.session
    session["sign_in"] = {**session["sign_in"], "renew_at": time.time() - seconds}
    session.save()


def test_an_aged_sign_in_is_renewed_without_a_word(provider, client):
    sign_in(client, provider)
    key = client.session.session_key
    age(client, 5)

    detour = client.get("/admin/settings/", headers={"Accept": "text/html"})
    assert detour.headers["Location"] == (
        "/oidc/start/deployment/?renew=1&next=%2Fadmin%2Fsettings%2F"
    )
    location = client.get(detour.headers["Location"]).headers["Location"]
    assert asked(location)["prompt"] == "none"
    assert come_back(client, provider, location).headers["Location"] == "/admin/settings/"

    assert client.session.session_key == key, "open forms stay good"
    assert client.get("/admin/", headers={"Accept": "text/html"}).status_code == 200


def test_a_renewal_that_changes_the_role_changes_it_here(provider, client):
    now = int(time.time())
    sign_in(client, provider, iat=now - 10)
    location = start(client, query="?renew=1&next=/admin/")

    come_back(client, provider, location, roles=["auditor"], iat=now)

    assert client.get("/info").json()["roles"] == ["auditor"]


def test_who_is_signed_out_at_the_provider_is_signed_out_here(provider, client):
    sign_in(client, provider)
    state = asked(start(client, query="?renew=1&next=/admin/"))["state"]

    answer = client.get("/oidc/callback/", {"error": "login_required", "state": state})

    assert "has signed you out" in answer.content.decode()
    assert not is_signed_in(client)


def test_while_the_provider_is_away_nobody_is_thrown_out(provider, client, settings):
    sign_in(client, provider)
    age(client, 5)
    forget_discoveries()
    settings.OIDC_ISSUER = "http://127.0.0.1:9"

    answer = client.get("/oidc/start/deployment/?renew=1&next=/admin/settings/")

    assert answer.headers["Location"] == "/admin/settings/"
    assert client.get("/admin/", headers={"Accept": "text/html"}).status_code == 200


def test_a_form_sent_shortly_after_is_taken_and_long_after_is_not(provider, client):
    sign_in(client, provider)
    age(client, 60)
    assert client.post("/api/tenants/acme/switch").status_code == 200

    age(client, 7200)
    assert client.post("/api/tenants/acme/switch").status_code == 401
    assert not is_signed_in(client)


def test_signing_out_goes_on_to_the_provider(provider, client):
    sign_in(client, provider)

    answer = client.post("/admin/logout/")

    assert answer.status_code == 200
    assert f"{provider.issuer}/logout?id_token_hint=" in answer.content.decode()
    assert not is_signed_in(client)


def test_a_foreign_page_cannot_sign_anybody_out(provider):
    client = Client(enforce_csrf_checks=True)
    sign_in(client, provider)

    assert client.get("/admin/logout/").status_code == 405
    assert client.post("/admin/logout/").status_code == 403
    assert is_signed_in(client)


def test_the_id_token_is_not_kept_in_clear(provider, client):
    sign_in(client, provider)

    kept = client.session["sign_in"]["sealed_id_token"]
    assert not kept.startswith("eyJ")
    assert secrets.decrypt(kept.encode()).startswith("eyJ")


# --- the page of providers --------------------------------------------------------------------
@pytest.fixture
def olga(client, db):
    """An owner of beta, signed in."""
    user = User.objects.create(username="olga", is_staff=True)
    Membership.objects.create(user=user, tenant_id="beta", role="OWNER")
    client.force_login(user)
    return user


def issuer_form(minter, **changes):
    return {
        "name": "Beta ID", "issuer": minter.issuer, "client_id": CLIENT, "scopes": "openid email",
        "client_secret": "s3cret", "audiences": "https://a.example, https://b.example",
        "tenant_claim": "tid", "tenant_value": "9f2c", "roles_claim": "roles", "is_on": "on",
        "roles": "boss = owner\nhttps://x/y=z = auditor", **changes,
    }  # fmt: skip


def test_an_owner_connects_a_provider_which_is_asked_first(own, client, olga):
    page = "/admin/tenants/issuer/add/"
    assert "http://testserver/oidc/callback/" in client.get(page).content.decode()

    assert client.post(page, issuer_form(own)).status_code == 302

    row = Issuer.objects.get()
    assert (row.tenant_id, row.metadata["jwks"]) == ("beta", f"{own.issuer}/jwks")
    assert row.role_map == {"boss": "OWNER", "https://x/y=z": "AUDITOR"}
    assert row.audiences == ["https://a.example", "https://b.example"]
    assert secrets.decrypt(bytes(row.secret)) == "s3cret"
    event = AuditEvent.objects.get(action="tenants.issuer.add")
    assert "s3cret" not in str(event.after)
    shown = client.get(f"/admin/tenants/issuer/{row.pk}/change/").content.decode()
    assert "s3cret" not in shown
    assert "boss = owner" in shown
    assert client.get("/admin/tenants/issuer/").status_code == 200

    client.logout()
    key = Issuer.objects.get().pk
    answer = come_back(client, own, start(client, key=key), tid="9f2c", roles=["boss"])
    assert answer.status_code == 302
    assert Membership.objects.exclude(user=olga).get().role == "OWNER"


def test_saving_without_a_secret_keeps_the_one_there_is(own, client, olga):
    client.post("/admin/tenants/issuer/add/", issuer_form(own))
    row = Issuer.objects.get()

    client.post(
        f"/admin/tenants/issuer/{row.pk}/change/", issuer_form(own, client_secret="", name="Other")
    )

    row.refresh_from_db()
    assert (row.name, secrets.decrypt(bytes(row.secret))) == ("Other", "s3cret")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"issuer": "https://evil.example"}, "calls itself"),
        ({"jwks_uri": None}, "has no jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "no address"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "neither RS256 nor ES256"),
    ],
)
def test_a_provider_that_does_not_fit_is_not_kept(document, said, own, client, olga):
    own.document = document

    answer = client.post("/admin/tenants/issuer/add/", issuer_form(own))

    assert said in answer.content.decode()
    assert not Issuer.objects.exists()


@pytest.mark.parametrize(
    "address",
    ["http://id.example", "https://127.0.0.1:1/", "https://localhost", "https://169.254.169.254",
     "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://10.0.0.1", "https://user@id.example",
     "ftp://id.example", "https://id.example:x", "id.example"],
)  # fmt: skip
def test_an_address_inside_the_house_is_not_asked(address, own, client, olga, settings):
    settings.DEBUG = False

    answer = client.post("/admin/tenants/issuer/add/", issuer_form(own, issuer=address))

    assert answer.status_code == 200
    assert not Issuer.objects.exists()


def test_the_test_button_says_what_came_of_it(own, client, olga):
    row = make_issuer(own)
    page = f"/admin/tenants/issuer/{row.pk}/test/"

    assert "its keys can be read" in client.post(page, follow=True).content.decode()
    own.document = {"issuer": "https://evil.example"}
    assert "did not work" in client.post(page, follow=True).content.decode()
    assert client.get(page).status_code == 405


def test_who_is_no_owner_changes_no_provider(own, client, olga):
    row = make_issuer(own)
    Membership.objects.update(role="OPERATOR")

    assert client.get("/admin/tenants/issuer/add/").status_code == 403
    assert client.post(f"/admin/tenants/issuer/{row.pk}/test/").status_code == 403
    assert (
        client.post(f"/admin/tenants/issuer/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    assert (
        client.post(f"/admin/tenants/issuer/{row.pk}/change/", issuer_form(own)).status_code == 403
    )
