"""Walls told from pages. The fixtures are our own, in the manner of the usual makes."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field

import pytest

from enrichment.web.parse import parse
from enrichment.web.walls import Kind, find_wall
from tenants.tests.shared_data import shared_data

HTML = "text/html; charset=utf-8"
WORDS = "We repair lifts and escalators all over the island, at any hour of day and night. " * 12


@dataclass
class Sample:
    body: str
    title: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    url: str = "https://acme.example/"

    def wall(self):
        head = f"<html><head><title>{self.title}</title></head><body>"
        document = parse(f"{head}{self.body}</body></html>".encode(), HTML, self.url)
        return find_wall(document, status=self.status, headers=self.headers)


CHALLENGES = {
    "Cloudflare": Sample(
        title="Just a moment...", status=403,
        body="<noscript>Enable JavaScript and cookies to continue</noscript>"
        "<script>(function(){window._cf_chl_opt={cvId:'3',cType:'managed'};}())</script>",
    ),
    "Cloudflare header": Sample(body="", status=403, headers={"cf-mitigated": "challenge"}),
    "Cloudflare attention": Sample(
        title="Attention Required! | Cloudflare", status=403,
        body="<h1>One more step</h1><p>Please complete the security check to access acme</p>"
        "<form id=\"challenge-form\"><div class='h-captcha'></div></form>",
    ),
    "Turnstile": Sample(
        body="<p>Verify you are human</p><form><div class='cf-turnstile' data-sitekey='x'></div>"
        "</form>",
    ),
    "reCAPTCHA": Sample(
        title="Security check", status=403,
        body="<form><div class='g-recaptcha' data-sitekey='x'></div><input type=submit></form>",
    ),
    "hCaptcha": Sample(
        title="Human Verification",
        body="<script src='https://hcaptcha.com/1/api.js'></script><div class=h-captcha></div>",
    ),
    "DataDome": Sample(
        title="acme.example", status=403,
        body="<p>Please enable JS and disable any ad blocker</p><script>var dd={'rt':'c','host':"
        "'geo.captcha-delivery.com'}</script><script src='https://ct.captcha-delivery.com/c.js'>"
        "</script>",
    ),
    "PerimeterX": Sample(
        title="Access to this page has been denied", status=403,
        body="<div id='px-captcha'></div><p>Press &amp; Hold to confirm you are a human</p>",
    ),
    "Akamai": Sample(
        status=200,
        body="<div id='sec-if-cpt-container'><iframe id=sec-cpt-if src='/_sec/cp_challenge/x'>"
        "</iframe></div>",
    ),
    "Imperva": Sample(
        body="<iframe id=\"main-iframe\" src='/_Incapsula_Resource?CWUDNSAI=23&incident_id=1-2'>"
        "Request unsuccessful. Incapsula incident ID: 1-2</iframe>",
    ),
    "AWS WAF": Sample(
        title="Human Verification", status=405,
        body="<script>window.gokuProps={'key':'x'}</script><div id=captcha-container></div>",
        headers={"x-amzn-waf-action": "captcha"},
    ),
    "Amazon": Sample(
        body="<h4>Enter the characters you see below</h4><form action='/errors/validateCaptcha'>"
        "<img src='/captcha/x.jpg'><input id=captchacharacters></form>",
    ),
    "Sucuri": Sample(
        title="You are being redirected...",
        body="<noscript>Javascript is required.</noscript><script>var s={},u,c;sucuri_cloudproxy_js"
        "='';</script>",
    ),
    "DDoS-Guard": Sample(
        title="DDoS-Guard", status=403,
        body="<p>Checking your browser before accessing acme.example</p>"
        "<script src='https://check.ddos-guard.net/check.js'></script>",
    ),
    "Arkose": Sample(
        title="Verification",
        body="<p>Please solve this puzzle so we know you are a real person</p>"
        "<p>Let us know you're human</p><script src='https://client-api.arkoselabs.com/v2/x/api.js'>"
        "</script>",
    ),
    "GeeTest": Sample(
        body="<p>\u8bf7\u5b8c\u6210\u5b89\u5168\u9a8c\u8bc1</p><script src='https://static.geetest.com/"
        "v4/gt4.js'></script>",
    ),
    "FriendlyCaptcha": Sample(
        title="Security check",
        body="<div class='frc-captcha' data-sitekey=x></div><p>Are you human?</p>",
    ),
    "Yandex": Sample(
        title="Are you not a robot?",
        body="<form action='/checkcaptcha?key=x'><p>Confirm that you and not a robot are sending "
        "requests</p><input type=submit></form>",
    ),
    "Google": Sample(
        title="https://www.google.com/search?q=x", status=429,
        body="<form action='/sorry/index'>Our systems have detected unusual traffic from your "
        "computer network.<div class=g-recaptcha></div></form>",
    ),
    "Anubis": Sample(
        title="Making sure you're not a bot!",
        body="<script src='/.within.website/x/cmd/anubis/static/main.mjs'></script><p>Loading</p>",
    ),
    "image": Sample(
        title="Verification",
        body="<p>Please type the characters shown in the image to continue.</p><form>"
        "<img src='/captcha.php?id=9'><input name=captcha_code><button>Go</button></form>",
    ),
    "sum": Sample(
        title="Are you a robot?",
        body="<form>What is 3 + 4? <input name=answer><button>Continue</button></form>",
    ),
    "Malay": Sample(
        body="<p>Sahkan anda bukan robot</p><form><div class='g-recaptcha'></div></form>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", CHALLENGES)
def test_a_challenge_is_a_wall_for_a_person(make):
    found = CHALLENGES[make].wall()

    assert found is not None
    assert found.kind is Kind.CAPTCHA
    assert found.evidence != ""


@pytest.mark.parametrize(
    "make",
    ["Cloudflare", "Turnstile", "reCAPTCHA", "hCaptcha", "DataDome", "PerimeterX", "Akamai",
     "Imperva", "AWS WAF", "Amazon", "Sucuri", "DDoS-Guard", "Arkose", "GeeTest",
     "FriendlyCaptcha", "Yandex", "Google", "Anubis"],
)  # fmt: skip
def test_a_challenge_is_named_by_its_make(make):
    assert CHALLENGES[make].wall().words == make


def test_a_wall_without_a_known_make_is_named_by_what_a_person_meets():
    told = [CHALLENGES["image"], CHALLENGES["sum"], LOGINS["plain"], BLOCKS["unknown"]]

    assert [each.wall().words for each in told] == [
        "picture or sum", "CAPTCHA", "log-in", "refused (unknown)",
    ]  # fmt: skip


BLOCKS = {
    "Akamai": Sample(
        title="Access Denied", status=403,
        body="<h1>Access Denied</h1>You don't have permission to access this server.<p>Reference "
        "#18.5 https://errors.edgesuite.net/18.5</p>",
    ),
    "Cloudflare": Sample(
        title="Attention Required! | Cloudflare", status=403,
        body="<h1>Sorry, you have been blocked</h1><div id='cf-error-details'>Ray ID</div>",
    ),
    "Sucuri": Sample(
        title="Sucuri WebSite Firewall - Access Denied", status=403, body="<h1>Access Denied</h1>"
    ),
    "unknown": Sample(title="Blocked", status=403, body="Your request was blocked. Support ID 9"),
}  # fmt: skip


@pytest.mark.parametrize("make", BLOCKS)
def test_a_block_is_a_wall_for_everybody(make):
    found = BLOCKS[make].wall()

    assert found is not None
    assert (found.kind, found.make) == (Kind.BLOCKED, make)


LOGINS = {
    "plain": Sample(
        title="Login",
        body="<form><input name=user><input type=password name=pw><button>Go</button></form>",
    ),
    "with CAPTCHA": Sample(
        title="Sign in", body="<form><input name=user><input type=password><input name=captcha>"
        "<img src=captcha.png></form>",
    ),
    "Malay": Sample(
        title="Log Masuk", body="<form><input name=nama><input type=password></form>"
    ),
    "portal at the root": Sample(
        title="Staff Portal", body="<form><input name=id><input type=password></form>"
    ),
    "by its address": Sample(
        title="Acme", url="https://acme.example/member/login.php",
        body=f"<p>{WORDS[:900]}</p><form><input name=id><input type=password></form>",
    ),
    "status": Sample(body="Authorization required", status=401),
}  # fmt: skip


@pytest.mark.parametrize("kind", LOGINS)
def test_a_log_in_page_is_known(kind):
    found = LOGINS[kind].wall()

    assert found is not None
    assert found.kind is Kind.LOGIN


PAGES = {
    "contact page with a CAPTCHA field": Sample(
        title="Contact us",
        body="<form><input name=name><input name=email><textarea name=message></textarea>"
        "<div class=g-recaptcha></div><p>Please verify you are human</p></form>",
    ),
    "registration with a CAPTCHA field": Sample(
        title="Register",
        body="<form><input name=user><input name=email><input type=password><input type=password>"
        "<img src='/captcha.php'><input name=captcha></form>",
    ),
    "newsletter with invisible reCAPTCHA": Sample(
        title="Acme",
        body=f"<p>{WORDS}</p><form><input name=email></form>"
        "<script src='https://www.google.com/recaptcha/api.js?render=x'></script>",
    ),
    "small page with invisible reCAPTCHA": Sample(
        title="Acme Lifts", body="<h1>Acme Lifts</h1><p>Call 6123 4567</p>"
        "<script src='https://www.google.com/recaptcha/api.js?render=x'></script>",
    ),
    "page behind Cloudflare": Sample(
        title="Acme", body="<p>Lifts</p><script src='/cdn-cgi/challenge-platform/scripts/jsd/m.js'"
        "></script>", headers={"server": "cloudflare", "cf-ray": "1"},
    ),
    "page behind Imperva": Sample(
        title="Acme", body=f"<p>{WORDS}</p><script src='/_Incapsula_Resource?SWJIYLWA=x'></script>",
    ),
    "page with DataDome's tag": Sample(
        title="Acme", body="<p>Lifts</p><script src='https://js.datadome.co/tags.js'></script>",
    ),
    "article about CAPTCHAs": Sample(
        title="How a CAPTCHA works",
        body=f"<p>Sites ask: are you a robot? Please verify you are human.</p><p>{WORDS}</p>",
    ),
    "seller of CAPTCHAs": Sample(
        title="Bot protection for shops",
        body="<h1>Bot protection</h1><p>Our CAPTCHA stops automated traffic.</p>"
        + "".join(f"<a href='/p{n}'>Product {n}</a>" for n in range(9)),
    ),
    "home page with a log-in box": Sample(
        title="Acme Lifts",
        body=f"<form><input name=user><input type=password></form><p>{WORDS}</p>",
    ),
    "plain 403": Sample(title="403 Forbidden", status=403, body="<h1>Forbidden</h1><hr>nginx"),
    "plain 404": Sample(title="Not found", status=404, body="<p>Access denied? Not here.</p>"),
    "security company": Sample(
        title="Gate One Security",
        body="<p>Security checks at your door. We verify visitors.</p>"
        + "".join(f"<a href='/s{n}'>Service {n}</a>" for n in range(6)),
    ),
    "empty page": Sample(body=""),
}  # fmt: skip


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_no_wall(kind):
    assert PAGES[kind].wall() is None


@pytest.fixture(scope="module")
def labelled():
    folder = shared_data() / "crawl" / "forms"
    with zipfile.ZipFile(folder / "pages.zip") as pages:
        manifest = json.loads((folder / "manifest.json").read_text())
        return [
            (one["kind"], find_wall(parse(pages.read(one["file"]), "text/html", one["url"])))
            for one in manifest
        ]


def test_real_log_in_pages_are_known_and_real_forms_with_a_captcha_are_not_walls(labelled):
    logins = [found for kind, found in labelled if kind == "login-page"]
    others = [found for kind, found in labelled if kind != "login-page"]

    assert sum(found is not None and found.kind is Kind.LOGIN for found in logins) == len(logins)
    assert [found for found in others if found is not None] == []
