"""What is sent again, what is not, and how each kind of trouble ends a command."""

from __future__ import annotations

import ssl
import subprocess
import sys
import traceback

import pytest

from leadgen_project.client.connection import Server
from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.profiles import Profile
from leadgen_project.client.tests.conftest import TOKEN, hang_up, reply
from leadgen_project.sandbox.loopback import LoopbackServer, Reply


@pytest.fixture
def server(made_up, signed_in) -> Server:
    return Server(signed_in, sleep=lambda _seconds: None)


@pytest.mark.parametrize("trouble", [hang_up, reply(status=502), reply(status=503),
                                     reply(status=429, Retry_After="1")])  # fmt: skip
def test_a_post_is_sent_again_with_the_key_of_the_first_try(made_up, server, trouble):
    made_up.says = [trouble, trouble, reply({"id": 7})]

    assert server.post("/api/runs") == {"id": 7}
    assert len(made_up.asked) == 3
    assert len(made_up.keys) == 1
    assert "" not in made_up.keys


def test_two_posts_have_two_keys(made_up, server):
    made_up.says = [reply()]

    server.post("/api/runs")
    server.post("/api/runs")

    assert len(made_up.keys) == 2


def test_what_knows_no_key_is_sent_once(made_up, server):
    made_up.says = [hang_up, reply()]

    for call in (
        lambda: server.post("/api/token/revoke", once=False),
        lambda: server.put("/api/updateConfig", {}),
    ):
        made_up.says, made_up.asked = [hang_up, reply()], []
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.code == Exit.OUT_OF_REACH
        assert len(made_up.asked) == 1


def test_reading_gives_up_after_a_few_tries(made_up, server):
    made_up.says = [reply(status=503)]

    with pytest.raises(ClientError) as caught:
        server.get("/info")

    assert caught.value.code == Exit.OUT_OF_REACH
    assert len(made_up.asked) == 4


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (reply({"detail": "Only owners."}, status=403), Exit.REFUSED, "Only owners."),
        (
            reply({"detail": "See errors.", "errors": [{"field": "city", "message": "Unknown."}]},
                  status=400), Exit.REFUSED, "city: Unknown.",
        ),
        (reply({"detail": "It has expired."}, status=401), Exit.NOT_SIGNED_IN, "leadgen login"),
        (reply({}, status=500), Exit.OUT_OF_REACH, "failed (HTTP 500)"),
        (Reply(200, b"<html>"), Exit.OUT_OF_REACH, "no leadgen server"),
        (Reply(302, b"", headers=(("Location", "https://evil.example/"),)), Exit.OUT_OF_REACH,
         "elsewhere"),
    ],
)  # fmt: skip
def test_each_kind_of_trouble_has_its_code_and_its_sentence(made_up, server, answer, code, text):
    made_up.says = [answer]

    with pytest.raises(ClientError) as caught:
        server.get("/info")

    assert caught.value.code == code
    assert text in str(caught.value)
    assert len(made_up.asked) == 1


def test_no_trouble_shows_the_token(made_up, server):
    made_up.says = [hang_up]
    try:
        server.get("/info")
    except ClientError:
        shown = traceback.format_exc()

    assert made_up.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in shown
    assert TOKEN not in repr(vars(server))


def test_pages_are_followed_at_our_own_server_only(made_up, server):
    away = "https://evil.example/api/leads?cursor=2"
    made_up.says = [reply({"results": [{"id": 1}], "next": away}),
                    reply({"results": [{"id": 2}, {"id": 3}], "next": away})]  # fmt: skip

    rows = list(server.pages("/api/leads", most=2))

    assert [row["id"] for row in rows] == [1, 2]
    assert made_up.asked[1].target == "/api/leads?cursor=2"


def test_the_tenant_is_named_with_each_call(made_up, server):
    made_up.says = [reply()]
    server.get("/info")

    assert made_up.asked[0].headers["x-tenant-id"] == "acme"


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path):
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=localhost", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("No openssl here to make a certificate with.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with LoopbackServer(lambda _request: reply({"ok": True})) as running:
        running._server.socket = context.wrap_socket(running._server.socket, server_side=True)
        profile = Profile(server=f"https://localhost:{running.port}", token=TOKEN)

        with pytest.raises(ClientError, match="no certificate this machine trusts"):
            Server(profile, sleep=lambda _seconds: None).get("/info")


def test_the_client_loads_no_django_and_none_of_our_apps():
    code = (
        "import sys, leadgen_project.client.app; "
        "print([each for each in sys.modules if each.split('.')[0] in "
        "('django', 'rest_framework', 'psycopg', 'tenants', 'icp', 'outreach', 'enrichment')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
