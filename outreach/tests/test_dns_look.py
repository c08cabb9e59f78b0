"""What the look at DNS says of broken set-ups, each named rightly."""

from __future__ import annotations

import pytest

from enrichment.verification.mail_hosts import NoSuchNameError, NotToldError
from outreach.mailboxes.dns_look import look_at_dns

GOOD = {
    ("us.example", "MX"): ["us-example.mail.protection.outlook.com."],
    ("us.example", "TXT"): ['"v=spf1 include:spf.protection.outlook.com -all"', '"MS=ms1"'],
    ("spf.protection.outlook.com", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    ("selector1._domainkey.us.example", "TXT"): ['"v=DKIM1; k=rsa; p=MIIB" "IjAN"'],
    ("_dmarc.us.example", "TXT"): ['"v=DMARC1; p=reject; rua=mailto:d@us.example"'],
}


def grades(changes=None, *, domain="us.example", selectors=()) -> dict[str, tuple[str, str]]:
    records = {**GOOD, **(changes or {})}

    def ask(name: str, kind: str) -> list[str]:
        found = records.get((name, kind))
        if found is None:
            raise NoSuchNameError
        if found == "silence":
            raise NotToldError
        return found

    found = look_at_dns(domain, transport="GRAPH_DRAFT", selectors=selectors, ask=ask)
    return {each.what: (each.grade, each.sentence) for each in found}


def test_a_domain_in_order_is_said_to_be():
    assert [grade for grade, _ in grades().values()] == ["good"] * 4


SPF, DKIM, DMARC = (
    ("us.example", "TXT"),
    ("selector1._domainkey.us.example", "TXT"),
    ("_dmarc.us.example", "TXT"),
)
MINE = "include:spf.protection.outlook.com"


@pytest.mark.parametrize(
    ("changes", "what", "grade", "words"),
    [
        ({("us.example", "MX"): ["."]}, "MX", "bad", "null MX"),
        ({("us.example", "MX"): []}, "MX", "bad", "no mail host"),
        ({SPF: ['"MS=ms1"']}, "SPF", "bad", "no SPF record"),
        ({SPF: ['"v=spf1 -all"', f'"v=spf1 {MINE} -all"']}, "SPF", "bad", "2 SPF records"),
        ({SPF: [f'"v=spf1 {MINE} +all"']}, "SPF", "bad", "anybody"),
        ({SPF: [f'"v=spf1 {MINE} all"']}, "SPF", "bad", "anybody"),
        ({SPF: ['"v=spf1 a mx -all"']}, "SPF", "bad", f"Add {MINE}"),
        ({SPF: [f'"v=spf1 {MINE} ?all"']}, "SPF", "wait", "elsewhere"),
        ({SPF: [f'"v=spf1 {" ".join(f"a:h{n}.example" for n in range(10))} {MINE} -all"']},
         "SPF", "bad", "11 look-ups"),
        ({DKIM: None}, "DKIM", "wait", "usual names"),
        ({DKIM: ['"v=DKIM1; p="']}, "DKIM", "bad", "revoked"),
        ({DMARC: None}, "DMARC", "bad", "no DMARC record"),
        ({DMARC: ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"']}, "DMARC", "bad", "2 DMARC"),
        ({DMARC: ['"v=DMARC1; rua=mailto:d@us.example"']}, "DMARC", "bad", "policy (p=)"),
        ({DMARC: ['"v=DMARC1; p=none"']}, "DMARC", "wait", "p=none"),
        ({SPF: "silence"}, "SPF", "", "did not answer"),
    ],
)  # fmt: skip
def test_what_is_broken_is_named(changes, what, grade, words):
    found = grades(changes)

    assert found[what][0] == grade
    assert words in found[what][1]
    assert [key for key in found if found[key][0] != "good"] == [what]


def test_a_named_selector_is_the_only_one_looked_for():
    assert grades(selectors=["mine"])["DKIM"][0] == "bad"


def test_the_organisations_dmarc_counts_for_its_subdomains():
    found = grades({("mail.us.example", "TXT"): GOOD[SPF]}, domain="mail.us.example")

    assert found["DMARC"][0] == "good"


def test_an_include_within_an_include_counts():
    found = grades({SPF: ['"v=spf1 include:spf.us.example ~all"'],
                    ("spf.us.example", "TXT"): [f'"v=spf1 {MINE} ~all"']})  # fmt: skip

    assert found["SPF"][0] == "good"


def test_an_endless_circle_of_includes_ends():
    found = grades({SPF: ['"v=spf1 include:us.example -all"']})

    assert found["SPF"][0] == "bad"
