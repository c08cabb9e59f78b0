"""The negative table of bearer tokens (RFC 8725), and what the good ones open."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tenants.identity_models import Identity
from tenants.models import AuditEvent, Membership, TenantSettings, User
from tenants.sign_in.sso.keys import forget_keys
from tenants.sign_in.sso.providers import forget_discoveries
from tenants.tests.token_minter import AUDIENCE, Minter, unsigned


@pytest.fixture(scope="module")
def running():
    minter = Minter()
    yield minter
    minter.close()


@pytest.fixture
def minter(running, settings, db):
    """The deployment's provider; the tenants let in everybody it names with a role."""
    TenantSettings.objects.update(first_login="JOIN")
    forget_keys()
    forget_discoveries()
    running.asked.clear()
    running.fault, running.document = "", {}
    settings.OIDC_ISSUER, settings.OIDC_AUDIENCE = running.issuer, [AUDIENCE]
    return running


def ask(client, token, path="/info", **headers):
    return client.get(path, headers={"Authorization": f"Bearer {token}", **headers})


def by_hand(minter, header, claims=None) -> str:
    """A token with a good RS256 signature over whatever is given."""
    token = unsigned(claims or minter.claims(), header=header)
    signed = token.rsplit(".", 1)[0]
    signature = minter.keys["one"].sign(signed.encode(), padding.PKCS1v15(), SHA256())
    return signed + "." + unsigned({}, header={}, signature=signature).rsplit(".", 1)[1]


def with_public_key_as_secret(minter) -> str:
    signed = unsigned(minter.claims(), header={"alg": "HS256", "kid": "one"}).rsplit(".", 1)[0]
    made = hmac.new(minter.public_pem(), signed.encode(), hashlib.sha256).digest()
    return signed + "." + unsigned({}, header={}, signature=made).rsplit(".", 1)[1]


def tampered(minter) -> str:
    header, _, signature = minter.mint().split(".")
    other = unsigned(minter.claims(tenant_id="beta"), header={}).split(".")[1]
    return f"{header}.{other}.{signature}"


NOW = int(time.time())
STRANGER = rsa.generate_private_key(65537, 2048)
BAD = {
    "alg none": lambda m: unsigned(m.claims(), header={"alg": "none", "kid": "one"}),
    "alg None": lambda m: unsigned(m.claims(), header={"alg": "None", "kid": "one"}),
    "alg none with a signature": lambda m: by_hand(m, {"alg": "none", "kid": "one"}),
    "no alg": lambda m: by_hand(m, {"kid": "one"}),
    "alg a list": lambda m: by_hand(m, {"alg": ["RS256"], "kid": "one"}),
    "HS256 with the public key": with_public_key_as_secret,
    "HS256": lambda m: jwt.encode(m.claims(), "x" * 64, headers={"kid": "one"}),
    "RS384": lambda m: m.mint(alg="RS384"),
    "RS512": lambda m: m.mint(alg="RS512"),
    "PS256": lambda m: m.mint(alg="PS256"),
    "ES256 by a stranger under a known name": lambda m: m.mint(
        alg="ES256", key=ec.generate_private_key(ec.SECP256R1())
    ),
    "wrong key": lambda m: m.mint(key=STRANGER),
    "unknown kid": lambda m: m.mint(kid="nobody"),
    "missing kid": lambda m: m.mint(kid=None),
    "empty kid": lambda m: by_hand(m, {"alg": "RS256", "kid": ""}),
    "kid a number": lambda m: by_hand(m, {"alg": "RS256", "kid": 1}),
    "kid a list": lambda m: by_hand(m, {"alg": "RS256", "kid": ["one"]}),
    "kid a path": lambda m: by_hand(m, {"alg": "RS256", "kid": "../../../dev/null"}),
    "kid with SQL": lambda m: by_hand(m, {"alg": "RS256", "kid": "one' OR '1'='1"}),
    "kid very long": lambda m: by_hand(m, {"alg": "RS256", "kid": "k" * 5000}),
    "embedded jwk": lambda m: m.mint(headers={"jwk": m.jwk("one")}),
    "jku": lambda m: m.mint(headers={"jku": f"{m.issuer}/evil"}),
    "x5u": lambda m: m.mint(headers={"x5u": f"{m.issuer}/evil"}),
    "crit": lambda m: by_hand(m, {"alg": "RS256", "kid": "one", "crit": ["exp"]}),
    "b64 false": lambda m: by_hand(m, {"alg": "RS256", "kid": "one", "b64": False}),
    "zip": lambda m: by_hand(m, {"alg": "RS256", "kid": "one", "zip": "DEF"}),
    "typ of a log-out token": lambda m: m.mint(headers={"typ": "logout+jwt"}),
    "typ of a proof": lambda m: m.mint(headers={"typ": "dpop+jwt"}),
    "typ a number": lambda m: by_hand(m, {"alg": "RS256", "kid": "one", "typ": 7}),
    "wrong iss": lambda m: m.mint(iss="https://evil.example"),
    "iss with a slash more": lambda m: m.mint(iss=m.issuer + "/"),
    "iss in capitals": lambda m: m.mint(iss=m.issuer.upper()),
    "missing iss": lambda m: m.mint(iss=...),
    "iss a list": lambda m: by_hand(
        m, {"alg": "RS256", "kid": "one"}, m.claims(iss=[m.issuer])
    ),
    "wrong aud": lambda m: m.mint(aud="https://other.example"),
    "aud among strangers": lambda m: m.mint(aud=["https://a.example", "https://b.example"]),
    "missing aud": lambda m: m.mint(aud=...),
    "empty aud": lambda m: m.mint(aud=[]),
    "aud null": lambda m: m.mint(aud=None),
    "aud a number": lambda m: m.mint(aud=5),
    "aud a part of ours": lambda m: m.mint(aud=AUDIENCE[:-1]),
    "expired": lambda m: m.mint(iat=NOW - 900, exp=NOW - 600),
    "missing exp": lambda m: m.mint(exp=...),
    "exp null": lambda m: m.mint(exp=None),
    "exp text": lambda m: m.mint(exp=str(NOW + 600)),
    "exp true": lambda m: by_hand(m, {"alg": "RS256", "kid": "one"}, m.claims(exp=True)),
    "exp infinite": lambda m: by_hand(
        m, {"alg": "RS256", "kid": "one"}, m.claims(exp=float("inf"))
    ),
    "exp no number": lambda m: by_hand(
        m, {"alg": "RS256", "kid": "one"}, m.claims(exp=float("nan"))
    ),
    "exp negative": lambda m: m.mint(exp=-5),
    "exp beyond all time": lambda m: m.mint(exp=10**30),
    "nbf in the future": lambda m: m.mint(nbf=NOW + 3600),
    "nbf text": lambda m: by_hand(m, {"alg": "RS256", "kid": "one"}, m.claims(nbf="soon")),
    "iat in the future": lambda m: m.mint(iat=NOW + 3600, exp=NOW + 7200),
    "missing iat": lambda m: m.mint(iat=...),
    "missing sub": lambda m: m.mint(sub=...),
    "empty sub": lambda m: m.mint(sub=""),
    "sub a number": lambda m: by_hand(m, {"alg": "RS256", "kid": "one"}, m.claims(sub=7)),
    "sub with a null byte": lambda m: m.mint(sub="alice\0root"),
    "sub with half a character": lambda m: m.mint(sub="\ud800"),
    "sub very long": lambda m: m.mint(sub="s" * 300),
    "signature cut off": lambda m: m.mint().rsplit(".", 1)[0] + ".",
    "signature changed": lambda m: m.mint()[:-6] + "AAAAAA",
    "claims changed": tampered,
    "two parts": lambda m: "abc.def",
    "four parts": lambda m: m.mint() + ".x",
    "five parts, encrypted": lambda m: "a.b.c.d.e",
    "no token": lambda m: "hello",
    "empty parts": lambda m: "..",
    "header no JSON": lambda m: "####." + m.mint().split(".", 1)[1],
    "header a list": lambda m: unsigned(m.claims(), header=["alg", "RS256"]),
    "claims a list": lambda m: by_hand(m, {"alg": "RS256", "kid": "one"}, [1, 2]),
    "claims twice": lambda m: by_hand(
        m, {"alg": "RS256", "kid": "one"},
        json.dumps(m.claims()).replace("{", '{"sub": "bob", ', 1).encode(),
    ),
    "deeply nested": lambda m: unsigned(b"[" * 8000, header={"alg": "RS256", "kid": "one"}),
    "oversized": lambda m: m.mint(padding="x" * 20_000),
    "beyond ASCII": lambda m: m.mint() + "é",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_401_with_a_problem_and_a_challenge(name, minter, client):
    token = BAD[name](minter)

    answer = client.get("/info", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="leadgen", error=')
    assert answer.json()["status"] == 401
    assert token[:40] not in answer.content.decode()
    assert "/evil" not in minter.asked, "an address in a token was fetched"
    assert not Identity.objects.exists()


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer a b", "Bearer \t"])
def test_a_header_without_one_token_is_401(header, minter, client):
    answer = client.get("/info", headers={"Authorization": header})

    assert answer.status_code == 401
    assert "error=" in answer.headers["WWW-Authenticate"]


def test_no_credential_at_all_is_401_with_a_plain_challenge(minter, client):
    answer = client.get("/info")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="leadgen"'


GOOD = {
    "plain": lambda m: m.mint(),
    "typ at+jwt": lambda m: m.mint(headers={"typ": "at+jwt"}),
    "typ JWT in small letters": lambda m: m.mint(headers={"typ": "jwt"}),
    "aud one of several": lambda m: m.mint(aud=["https://other.example", AUDIENCE]),
    "nbf in the past": lambda m: m.mint(nbf=NOW - 60),
    "a clock 20 seconds ahead": lambda m: m.mint(iat=int(time.time()) + 20),
    "expired 10 seconds ago": lambda m: m.mint(exp=int(time.time()) - 10),
    "exp with a fraction": lambda m: m.mint(exp=time.time() + 60.5),
    "unknown claims and headers": lambda m: m.mint(colour="red", headers={"x5t": "abc"}),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_is_ok(name, minter, client):
    answer = ask(client, GOOD[name](minter))

    assert answer.status_code == 200
    body = answer.json()
    assert (body["ok"], body["tenant_id"], body["roles"]) == (True, "acme", ["operator"])


def test_es256_is_accepted_when_the_provider_has_such_a_key(minter, client):
    minter.add_key("curve", kind="EC")

    assert ask(client, minter.mint(kid="curve", alg="ES256")).status_code == 200
    del minter.keys["curve"]


def test_a_weak_key_signs_nothing(minter, client):
    minter.add_key("weak", bits=1024)

    with pytest.warns(UserWarning, match="key"):
        token = minter.mint(kid="weak")
    assert ask(client, token).status_code == 401
    del minter.keys["weak"]


def test_keys_are_fetched_once_for_many_tokens(minter, client):
    for _ in range(5):
        ask(client, minter.mint())

    assert minter.asked == {"/.well-known/openid-configuration": 1, "/jwks": 1}


def test_a_rotated_key_is_taken_up_without_a_restart_and_the_old_one_is_gone(minter, client):
    old = minter.mint()
    assert ask(client, old).status_code == 200
    before = minter.keys
    minter.keys = {}
    minter.add_key("two")

    assert ask(client, minter.mint(kid="two")).status_code == 200
    assert ask(client, old).status_code == 401
    assert minter.asked["/jwks"] <= 3
    minter.keys = before


def test_made_up_key_names_do_not_flood_the_provider(minter, client):
    ask(client, minter.mint())
    for number in range(30):
        assert ask(client, minter.mint(kid=f"made-up-{number}")).status_code == 401

    assert minter.asked["/jwks"] == 2


@pytest.mark.parametrize("unset", ["OIDC_ISSUER", "OIDC_AUDIENCE"])
def test_without_issuer_or_audience_no_token_is_good(unset, minter, client, settings):
    setattr(settings, unset, "" if unset == "OIDC_ISSUER" else [])

    assert ask(client, minter.mint()).status_code == 401


# --- tenants ------------------------------------------------------------------------------------
def test_the_claim_decides_the_tenant_and_makes_a_member_with_that_role(minter, client):
    assert (
        ask(client, minter.mint(tenant_id="beta", roles=["auditor"])).json()["tenant_id"] == "beta"
    )

    member = Membership.objects.get()
    assert (member.tenant_id, member.role, member.granted_by) == ("beta", "AUDITOR", minter.issuer)
    assert member.user.identities.get().subject == "alice"


def test_a_token_without_a_tenant_has_none_whatever_the_header_says(minter, client):
    token = minter.mint(tenant_id=...)

    assert ask(client, token).json()["tenant_id"] is None
    assert ask(client, token, **{"X-Tenant-ID": "acme"}).status_code == 403
    assert ask(client, token, "/export/latest_scores.csv").status_code in {401, 403, 404}


@pytest.mark.parametrize("wanted", ["beta", "nobody", "public", '"; drop'])
def test_the_header_never_leads_to_another_tenant_than_the_claim(wanted, minter, client):
    answer = ask(client, minter.mint(), **{"X-Tenant-ID": wanted})

    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert AuditEvent.objects.get(action="tenants.enter.refused").subject == wanted


def test_a_token_on_the_host_of_another_tenant_is_refused(minter, client):
    token = minter.mint()

    assert ask(client, token, host="beta.localhost").status_code == 403
    assert ask(client, token, host="acme.localhost").status_code == 200


def test_a_token_for_several_tenants_needs_the_header(minter, client):
    token = minter.mint(tenant_id=["acme", "beta"])

    assert ask(client, token).json()["tenant_id"] is None
    assert ask(client, token, **{"X-Tenant-ID": "beta"}).json()["tenant_id"] == "beta"


@pytest.mark.parametrize("tenant", ["nobody", "public", "tenant_template", "acme' --", "x" * 150])
def test_a_tenant_that_does_not_exist_is_refused(tenant, minter, client):
    assert ask(client, minter.mint(tenant_id=tenant)).status_code == 403


@pytest.mark.parametrize("tenant", [7, True, {"id": "acme"}, [["acme"]], "", None, "acme\0"])
def test_a_tenant_claim_of_a_wrong_type_is_none(tenant, minter, client):
    assert ask(client, minter.mint(tenant_id=tenant)).json()["tenant_id"] is None


@pytest.mark.parametrize("roles", ["operator", ["king"], [], [7], {"operator": True}, None])
def test_roles_that_are_no_list_of_known_names_open_nothing(roles, minter, client):
    assert ask(client, minter.mint(roles=roles)).status_code == 403
    assert not Membership.objects.exists()


def test_of_several_roles_the_strongest_counts(minter, client):
    assert ask(client, minter.mint(roles=["auditor", "king", "OWNER"])).json()["roles"] == ["owner"]


def test_a_role_that_is_gone_is_gone_with_the_next_token(minter, client):
    now = int(time.time())
    old = minter.mint(roles=["owner"], iat=now - 10)
    assert ask(client, old).json()["roles"] == ["owner"]

    assert ask(client, minter.mint(roles=[], iat=now)).status_code == 403
    assert ask(client, old).status_code == 403, "an older token undid the newer one"
    assert not Membership.objects.exists()


def test_a_role_given_by_hand_is_neither_taken_nor_raised_by_claims(minter, client):
    ask(client, minter.mint())
    Membership.objects.update(role="REVIEWER", granted_by="")

    assert ask(client, minter.mint(roles=["owner"])).json()["roles"] == ["reviewer"]
    assert ask(client, minter.mint(roles=["auditor"])).json()["roles"] == ["auditor"]
    assert ask(client, minter.mint(roles=..., iat=int(time.time()) + 5)).json()["roles"] == [
        "reviewer"
    ]
    assert Membership.objects.get().role == "REVIEWER"


def test_a_tenant_lets_no_stranger_in_unless_its_owner_says_so(minter, client):
    TenantSettings.objects.update(first_login=TenantSettings().first_login)

    assert ask(client, minter.mint()).status_code == 403
    assert not User.objects.exists()


def test_the_same_address_at_the_provider_is_not_the_account_with_that_address(minter, client):
    root = User.objects.create(username="root", email="alice@acme.example", is_superuser=True)
    Membership.objects.create(user=root, tenant_id="acme", role="OWNER")

    answer = ask(client, minter.mint(email="Alice@Acme.example", email_verified=True))

    assert answer.json()["roles"] == ["operator"]
    assert answer.json()["user"] != "root"
    assert list(root.identities.all()) == []


def test_a_switched_off_account_has_no_access(minter, client):
    ask(client, minter.mint())
    User.objects.update(is_active=False)

    assert ask(client, minter.mint()).status_code == 403


def test_a_session_beside_a_bad_token_does_not_help(minter, client):
    user = User.objects.create(username="sam")
    Membership.objects.create(user=user, tenant_id="acme", role="OWNER")
    client.force_login(user)

    assert client.get("/info").json()["user"] == "sam"
    assert ask(client, "bad").status_code == 401


def test_a_token_opens_no_page_of_the_console(minter, client):
    answer = ask(client, minter.mint(roles=["owner"]), "/admin/")

    assert answer.status_code == 302
    assert "/admin/login/" in answer.headers["Location"]


# --- trouble at the provider ----------------------------------------------------------------------
@pytest.mark.parametrize("fault", ["500", "html", "huge", "empty", "oct"])
def test_known_keys_go_on_while_the_provider_is_in_trouble(fault, minter, client):
    assert ask(client, minter.mint()).status_code == 200
    minter.fault = fault

    assert ask(client, minter.mint()).status_code == 200
    assert ask(client, minter.mint(kid="new")).status_code == 401
    assert ask(client, minter.mint()).status_code == 200


@pytest.mark.parametrize("fault", ["500", "html", "huge", "empty", "oct", "hang", "drip"])
def test_without_known_keys_trouble_is_a_prompt_401(fault, minter, client):
    minter.fault = fault
    started = time.monotonic()

    answers = [ask(client, minter.mint()).status_code for _ in range(3)]

    assert answers == [401, 401, 401]
    assert minter.asked["/jwks"] == 1
    assert time.monotonic() - started < 60  # the key address hangs or drips for longer
