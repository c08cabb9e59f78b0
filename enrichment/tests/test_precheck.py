"""What is told of addresses for nothing: form, throw-away hosts, DNS by a server on loopback."""

from __future__ import annotations

import pytest

from enrichment.tests.zerobounce import dns_of
from enrichment.verification.disposable import is_disposable
from enrichment.verification.mail_hosts import Mail, MailHosts
from enrichment.verification.precheck import precheck
from leadgen_project.sandbox.name_server import Name, NameServer

NO_DNS = MailHosts(None)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("no at sign", ("invalid", "failed_syntax_check")),
        ("a@b", ("invalid", "failed_syntax_check")),
        ("a b@c.test", ("invalid", "failed_syntax_check")),
        ("x@mailinator.com", ("do_not_mail", "disposable")),
        ("x@eu.yopmail.com", ("do_not_mail", "disposable")),
    ],
)
def test_form_and_throw_away_hosts_need_no_dns(address, words):
    answer = precheck([address], mail_hosts=NO_DNS)[address]

    assert (answer.status, answer.sub_status) == words


def test_ordinary_hosts_are_not_thrown_away():
    assert not any(map(is_disposable, ["gmail.com", "acme.com.sg", "mailinator.example", "com"]))


def test_what_dns_does_not_say_is_left_to_the_vendor():
    assert precheck(["a@b.test"], mail_hosts=NO_DNS) == {}


def test_a_domain_without_mail_fails_and_each_is_asked_about_once():
    asked = []
    table = dns_of({("gone.test", "none"): [], ("null.test", "MX"): ["."],
                    ("mx.test", "MX"): ["mx1.mx.test."], ("bare.test", "A"): []})  # fmt: skip

    def ask(name, kind):
        asked.append((name, kind))
        return table(name, kind)

    hosts = MailHosts(ask)
    addresses = [f"{who}@{name}.test" for name in ("gone", "null", "mx", "bare", "web")
                 for who in ("a", "b")]  # fmt: skip

    found = precheck(addresses, mail_hosts=hosts)
    precheck(addresses, mail_hosts=hosts)

    assert {address: answer.sub_status for address, answer in found.items()} == {
        "a@gone.test": "no_dns_entries", "b@gone.test": "no_dns_entries",
        "a@null.test": "does_not_accept_mail", "b@null.test": "does_not_accept_mail",
        "a@bare.test": "no_dns_entries", "b@bare.test": "no_dns_entries",
    }  # fmt: skip
    assert len(asked) == len(set(asked)) == 8


@pytest.fixture
def name_server():
    with NameServer(lambda name: Name(name.removesuffix(".test").replace("-", " "))) as server:
        yield server


def test_a_real_resolver_tells_a_clear_no_from_no_answer(name_server, settings, monkeypatch):
    monkeypatch.setattr("enrichment.verification.mail_hosts.TRY_SECONDS", 0.2)
    monkeypatch.setattr("enrichment.verification.mail_hosts.GIVE_UP_SECONDS", 0.4)
    settings.DNS_SERVERS = [name_server.address]

    told = MailHosts.by_settings().look_up(f"{name}.test".replace(" ", "-") for name in Name)

    assert told == {
        "mail.test": Mail.TAKEN, "web.test": Mail.TAKEN, "no-mail.test": Mail.REFUSED,
        "bare.test": Mail.NO_DOMAIN, "gone.test": Mail.NO_DOMAIN,
        "broken.test": Mail.NOT_KNOWN, "silent.test": Mail.NOT_KNOWN,
    }  # fmt: skip


def test_behind_a_proxy_dns_is_not_asked_unless_servers_are_named(settings):
    settings.CRAWL_PROXY, settings.DNS_SERVERS = "http://127.0.0.1:9", []

    assert MailHosts.by_settings().look_up(["gone.test"]) == {"gone.test": Mail.NOT_KNOWN}


def test_dns_that_is_away_is_given_up_on(settings):
    settings.DNS_SERVERS = ["127.0.0.1:1"]
    hosts = MailHosts.by_settings()

    hosts.look_up(f"d{n}.test" for n in range(40))

    assert hosts.look_up(["one.more.test"]) == {"one.more.test": Mail.NOT_KNOWN}
