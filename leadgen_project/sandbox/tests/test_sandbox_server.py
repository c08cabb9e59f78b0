import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from leadgen_project.sandbox.companies import Company, SiteKind
from leadgen_project.sandbox.expectations import Expect
from leadgen_project.sandbox.server import Sandbox, is_inward


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(count=400, slow_seconds=0.5) as running:
        yield running


@pytest.fixture
def browser(sandbox: Sandbox) -> Iterator[requests.Session]:
    sandbox.journal.clear()
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": sandbox.proxy_url, "https": sandbox.proxy_url}
        yield session


def trapped(sandbox: Sandbox, trap: str) -> Company:
    return next(company for company in sandbox.companies if company.trap == trap)


def ordinary(sandbox: Sandbox) -> list[Company]:
    return [one for one in sandbox.companies if one.host and not one.trap]


def get(browser: requests.Session, company: Company, path: str = "/") -> requests.Response:
    return browser.get(f"http://{company.host}{path}", timeout=5)


def whole_site(browser: requests.Session, company: Company) -> str:
    """Read every page the sitemap names."""
    sitemap = get(browser, company, "/sitemap.xml").text
    paths = [part.partition("</loc>")[0] for part in sitemap.split("<loc>")[1:]]
    return "\n".join(browser.get(path, timeout=5).text for path in paths)


def test_every_ordinary_page_says_sandbox(sandbox, browser):
    for company in ordinary(sandbox)[:20]:
        pages = whole_site(browser, company).split("</html>")
        assert all("sandbox" in page.lower() for page in pages if page.strip())


def test_what_is_true_of_a_company_stands_on_its_site(sandbox, browser):
    readable = [one for one in ordinary(sandbox) if one.way in {"plain", "mailto"}]
    for company in readable[:40]:
        text = whole_site(browser, company)

        assert company.role_email in text
        assert company.postal_code in text
        assert all(person.name in text and person.title in text for person in company.people)
        assert f"team of {company.head_count} " in text
        digits = "".join(filter(str.isdigit, text))
        assert all(number.removeprefix("+65") in digits for number in company.phones)
        if company.shows_uen:
            assert company.uen in text


def test_robots_txt_of_a_careful_site_hides_a_page(sandbox, browser):
    company = trapped(sandbox, "robots-some")

    assert "Disallow: /internal" in get(browser, company, "/robots.txt").text
    assert "/internal" in get(browser, company).text
    assert f"private@{company.host}" in get(browser, company, "/internal").text


def test_the_site_of_a_namesake_has_nothing_of_the_company(sandbox, browser):
    for company in sandbox.companies:
        if company.site is not SiteKind.TAKEN:
            continue
        page = browser.get(f"http://{company.other_host}/", timeout=5).text

        assert company.trade_name.replace('"', "&quot;").replace("'", "&#x27;") in page
        assert company.uen not in page
        assert company.registered.postal_code not in page
        assert f"sales@{company.other_host}" in company.never


@pytest.mark.parametrize(
    ("trap", "expected"),
    [
        ("redirect-chain", 200),
        ("redirect-www", 200),
        ("redirect-nowhere", 502),
        ("odd-status", 999),
        ("all-404", 404),
        ("captcha-403", 403),
        ("login", 200),
        ("gzip", 200),
        ("soft-404", 200),
    ],
)
def test_a_trap_ends_with_its_status(sandbox, browser, trap, expected):
    assert get(browser, trapped(sandbox, trap)).status_code == expected


@pytest.mark.parametrize(
    "trap",
    [
        "redirect-loop",
        "redirect-long",
        "redirect-to-itself",
        "redirect-to-tls",
        "inward-file",
        "many-headers",
        "length-too-long",
        "broken-chunks",
        "hangs-up",
        "no-http",
        "silent",
    ],
)
def test_a_broken_site_breaks_an_ordinary_client(sandbox, browser, trap):
    company = trapped(sandbox, trap)
    assert company.expect is Expect.UNREACHABLE

    with pytest.raises(requests.RequestException):
        get(browser, company)


def test_a_bomb_is_small_on_the_wire_and_large_unpacked(sandbox, browser):
    answer = browser.get(f"http://{trapped(sandbox, 'gzip-bomb').host}/", timeout=5, stream=True)

    assert int(answer.headers["Content-Length"]) < 100_000
    unpacked = sum(len(piece) for piece in answer.iter_content(1 << 20))
    assert unpacked == 64 * 1024 * 1024


def test_an_endless_page_outlasts_any_limit(sandbox, browser):
    answer = browser.get(f"http://{trapped(sandbox, 'endless-body').host}/", timeout=5, stream=True)

    taken = 0
    for piece in answer.iter_content(1 << 16):
        taken += len(piece)
        if taken > 5_000_000:
            break
    answer.close()
    assert taken > 5_000_000


def test_a_refusal_with_retry_after_comes_once(sandbox, browser):
    company = trapped(sandbox, "too-many-then-fine")

    first, second = get(browser, company), get(browser, company)

    assert (first.status_code, first.headers["Retry-After"]) == (429, "1")
    assert second.status_code == 200


def test_session_ids_differ_with_every_look(sandbox, browser):
    company = trapped(sandbox, "session-ids")

    assert "?sid=" in get(browser, company).text
    assert get(browser, company).text != get(browser, company).text


def test_the_way_inside_is_noted_and_barred(sandbox, browser):
    for trap in ("inward-loopback", "inward-metadata", "inward-ipv6", "inward-decimal"):
        assert get(browser, trapped(sandbox, trap)).status_code == 502

    assert [visit.host for visit in sandbox.journal.inward()] == [
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "2130706433",
    ]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("0x7f000001", True),
        ("0177.0.0.1", True),
        ("[::ffff:10.0.0.1]", True),
        ("8.8.8.8", True),
        ("1sttemalo.com.sg.test", False),
        ("example.test", False),
    ],
)
def test_an_address_in_any_notation_is_inward(host, expected):
    assert is_inward(host) is expected


def test_unknown_hosts_and_tls_are_refused_at_once(sandbox, browser):
    answer = browser.get("http://nobody.com.sg.test/", timeout=5)

    assert answer.status_code == 502
    assert answer.headers["Proxy-Status"] == "sandbox; error=dns_error"
    with pytest.raises(requests.exceptions.ProxyError):
        browser.get("https://nobody.com.sg.test/", timeout=5)


def test_a_site_can_be_asked_directly_by_its_host_header(sandbox):
    company = ordinary(sandbox)[0]

    answer = requests.get(sandbox.proxy_url, headers={"Host": company.host}, timeout=5)

    assert company.uen in answer.text or company.trade_name in answer.text


def test_the_journal_tells_pauses_and_crowds(sandbox, browser):
    company = ordinary(sandbox)[0]
    get(browser, company)
    time.sleep(0.05)
    get(browser, company, "/about")
    silent = trapped(sandbox, "silent")

    def look() -> None:
        with pytest.raises(requests.RequestException):
            requests.get(f"http://{silent.host}/", proxies={"http": sandbox.proxy_url}, timeout=5)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    journal = sandbox.journal
    assert journal.paths(company.host) == ["/", "/about"]
    assert journal.smallest_gap(company.host) > 0
    assert journal.most_in_flight(company.host) == 1
    assert journal.most_in_flight(silent.host) == 2
    assert "python-requests" in journal.visits(company.host)[0].agent


def test_the_register_is_served_on_the_same_port(sandbox):
    url = f"{sandbox.register.catalog_url}/collections/2/metadata"

    assert sandbox.register.url == sandbox.proxy_url
    assert requests.get(url, timeout=5).json()["code"] == 0


def test_the_next_month_brings_newcomers_and_a_later_date(tmp_path):
    with Sandbox(count=100, folder=tmp_path) as sandbox:
        before = sandbox.register.settings.last_updated_at
        sandbox.publish_next_month()

        assert len(sandbox.companies) == 102
        assert sandbox.register.settings.last_updated_at > before
        assert sandbox.register_folder == tmp_path / "release-1"
        newcomer = sandbox.companies[-1]
        assert not newcomer.host or sandbox.web.knows(newcomer.host)


def test_given_hosts_are_real_and_not_guessable(sandbox):
    given = sandbox.given_hosts()

    assert given
    assert all(sandbox.web.knows(host) for host in given.values())


def test_one_connection_carries_many_requests(sandbox):
    """A sanity check of throughput: pages come without a pause between them."""
    company = ordinary(sandbox)[0]
    ask = f"GET http://{company.host}/ HTTP/1.1\r\nHost: {company.host}\r\n\r\n".encode()
    port = int(sandbox.proxy_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(ask * 200)
        connection.settimeout(5)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 200:
            received += connection.recv(1 << 20)

    assert sandbox.journal.most_in_flight(company.host) == 1


def test_it_runs_alone_and_prints_its_addresses():
    command = [sys.executable, "-m", "leadgen_project.sandbox", "--port", "0", "--count", "60"]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        truth = requests.get(told["truth"], timeout=5).text.splitlines()
        process.send_signal(signal.SIGTERM)

    assert process.returncode == 0
    assert len(truth) == told["companies"] == 60
    assert {"CRAWL_PROXY", "DATA_GOV_SG_BASE_URL"} < set(told)
