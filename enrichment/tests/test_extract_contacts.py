"""Telephone numbers, postal addresses, registration numbers, people."""

import pytest

from enrichment.extract import addresses, people, phones, registrations
from enrichment.extract.titles import clean_name, is_title, mailbox_names
from enrichment.web.parse import parse


def page(body, *, path="/contact", host="kolina.com.sg"):
    return parse(body.encode(), "text/html; charset=utf-8", f"https://{host}{path}")


def numbers(body, **where):
    return [(s.field, s.value, s.method) for s in phones.find([page(body, **where)])]


@pytest.mark.parametrize(
    ("written", "field", "value", "kind"),
    [
        ("Tel: 6123 4567", "phones", "+6561234567", "tel"),
        ("+65 6123 4567", "phones", "+6561234567", "tel"),
        ("(65) 6123-4567", "phones", "+6561234567", "tel"),
        ("65 61234567", "phones", "+6561234567", "tel"),
        ("<a href='tel:+6561234567'>Call us</a>", "phones", "+6561234567", "tel"),
        ("HP: 9123 4567", "phones", "+6591234567", "mobile"),
        ("Hotline 1800 123 4567", "phones", "+6518001234567", "toll_free"),
        ("<td>Tel</td><td>61234567</td>", "phones", "+6561234567", "tel"),
    ],
)
def test_a_number_is_read_with_its_kind(written, field, value, kind):
    found = numbers(f"<table><tr>{written}</tr></table>" if "<td>" in written else written)

    assert [(f, v, m.rpartition(".")[2]) for f, v, m in found] == [(field, value, kind)]


def test_a_fax_is_no_telephone():
    found = numbers("<p>Tel: 6123 4567 Fax: 6123 4568</p><p>F: 6123 4569</p>")

    assert [(f, v) for f, v, _ in found] == [
        ("phones", "+6561234567"),
        ("fax", "+6561234568"),
        ("fax", "+6561234569"),
    ]


def test_whatsapp_is_also_a_mobile_number():
    found = numbers("<a href='https://wa.me/6591234567?text=hi'>Chat</a>")

    assert {f for f, _, _ in found} == {"phones", "whatsapp"}


@pytest.mark.parametrize(
    "written",
    [
        "Bank transfer: DBS 003-98537347-6",
        "UEN 201912345R, GST Reg. No. M2-3247527",
        "Invoice 6000 0001 0002 was issued. Order ref 9123-4567-8901.",
        "Part no. 6592-8841, from S$ 6,000.",
        "2026-03-14 to 2026-04-15",
        "Order hotline of our supplier: 1800-3067742 (not ours)",
        "<blockquote>Call me, Mdm Ong, 9123 4567</blockquote>",
        "Singapore 408965",
        "ISBN 978-981-6123-45-6",
    ],
)
def test_other_numbers_are_not_called(written):
    assert numbers(f"<p>{written}</p>") == []


def test_numbers_are_read_as_the_site_s_country_writes_them():
    body = "<p>12 High Street, Austin, TX 78701</p><p>Call (512) 555-0123 or 512.555.0199</p>"

    assert [v for _, v, _ in numbers(body, host="kolina.com")] == ["+15125550123", "+15125550199"]


@pytest.mark.parametrize(
    "written",
    [
        "12 Kolina Lane #05-06 Singapore 408965",
        "12 Kolina Lane<br>#05-06 Kolina House<br>Singapore 408965",
        "12 Kolina Lane, #05-06, S(408965)",
        "12 Kolina Lane #05-06 S408965",
        "12 Kolina Lane, #05-06, Singapore (408965)",
    ],
)
def test_a_singapore_address_is_read_with_street_unit_and_code(written):
    found = {s.field: s.value for s in addresses.find([page(f"<p>{written}</p>")])}

    assert found["postal_code"] == "408965"
    assert found["street"] == "12 Kolina Lane"
    assert found["unit"] == "05-06"
    assert found["address"] == "12 Kolina Lane #05-06 Singapore 408965"


def test_six_digits_alone_or_of_no_sector_are_no_postal_code():
    assert addresses.find([page("<p>408965</p><p>Singapore 998965</p>")]) == []


def test_an_address_in_structured_data_is_read():
    body = """<script type="application/ld+json">{"@type":"LocalBusiness","address":
    {"@type":"PostalAddress","streetAddress":"200 Jalan Bukit Merah #09-28",
    "postalCode":"159210"}}</script>"""

    found = {s.field: s.value for s in addresses.find([page(body)])}

    assert found == {
        "postal_code": "159210",
        "street": "200 Jalan Bukit Merah",
        "unit": "09-28",
        "address": "200 Jalan Bukit Merah #09-28 Singapore 159210",
    }


def test_a_uen_needs_its_check_letter_or_a_label():
    good = registrations.find([page("<p>UEN 197993238N &middot; GST Reg. No. M2-4347219</p>")])

    assert [(s.field, s.value) for s in good] == [
        ("uen", "197993238N"),
        ("gst_number", "M2-4347219"),
    ]
    assert registrations.find([page("<p>Serial 197993238A</p>")]) == []


@pytest.mark.parametrize(
    "written",
    [
        "<div><h3>Siti Lee</h3><p>Sales Manager</p></div>",
        "<div><p>Sales Manager</p><h3>Ms Siti Lee</h3></div>",
        "<p>Siti Lee, Sales Manager</p>",
        "<p>Sales Manager: Siti Lee</p>",
        "<p>Siti Lee (Sales Manager)</p>",
        "<p>Contact person: Siti Lee - Sales Manager</p>",
        "<table><tr><td>SITI LEE</td><td>Sales Manager</td></tr></table>",
        "<div><h3>Siti Lee</h3><p>Sales Manager<a href='mailto:x@kolina.com.sg'>x@kolina.com.sg",
        """<script type="application/ld+json">{"@type":"Person","name":"Siti Lee",
        "jobTitle":"Sales Manager"}</script>""",
    ],
)
def test_a_person_is_a_name_beside_a_title(written):
    found = people.find([page(written, path="/team")])

    named = [(s.field, s.value, s.subject) for s in found if s.field in ("people", "title")]
    assert named == [("people", "Siti Lee", "siti lee"), ("title", "Sales Manager", "siti lee")]


@pytest.mark.parametrize(
    "written",
    [
        "<h3>Our Services</h3><p>Project Manager</p>",
        "<h3>Water Line Repair</h3><p>Lead Pipe Replacement</p>",
        "<blockquote><p>Mdm Ong</p><p>Managing Director</p></blockquote>",
        "<h3>=cmd|calc!A0</h3><p>Finance Manager</p>",
        "<h3>Property Signage</h3><p>Broker's Vehicle</p>",
        "<p>We are hiring: Sales Manager</p>",
        "<h2>Head Office</h2><p>Kolina Lane</p>",
    ],
)
def test_headings_and_customers_are_not_people_of_the_company(written):
    assert people.find([page(written, path="/team")]) == []


def test_each_of_many_cards_keeps_its_own_title_in_either_order():
    names = ["Siti Lee", "Tan Ah Kow", "Rajesh s/o Kumar", "Nur binte Ahmad"]
    first = "".join(f"<h3>{name}</h3><p>{name[0]} Manager</p>" for name in names)
    last = "".join(f"<p>{name[0]} Manager</p><h3>{name}</h3>" for name in names)

    for body in (first, last):
        found = people.find([page(body, path="/team")])
        pairs = {}
        for seen in found:
            pairs.setdefault(seen.subject, {})[seen.field] = seen.value
        assert {p["people"]: p["title"] for p in pairs.values()} == {
            name: f"{name[0]} Manager" for name in names
        }


def test_an_address_goes_to_the_one_person_whose_name_it_carries():
    body = "<h3>Siti Lee</h3><p>Manager</p><h3>Tan Ah Kow</h3><p>Director</p>"
    found = people.find([page(body, path="/team")])
    mail = phones.RULE.observe(
        page(body), field="emails", value="ahkow.tan@kolina.com.sg", confidence=0.9
    )

    assigned = people.assign_mailboxes([*found, mail])

    assert [(s.value, s.subject) for s in assigned] == [("ahkow.tan@kolina.com.sg", "tan ah kow")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Head of Operations", True),
        ("Director, Sales & Marketing", True),
        ("Co-Founder and CEO", True),
        ("Vice President Operations/General Manager", True),
        ("MANAGING DIRECTOR", True),
        ("Director cum Principal Consultant", True),
        ("Our Managers", False),
        ("Project Management Services", False),
        ("the manager called", False),
        ("Manager wanted", False),
    ],
)
def test_titles_are_told_from_other_lines(text, expected):
    assert is_title(text) is expected


def test_names_are_cleaned_of_honorifics_and_degrees():
    assert clean_name("Dr. Lim Wei Ling, BDS (Singapore)") == "Lim Wei Ling"
    assert clean_name("Er. TAN AH KOW") == "Tan Ah Kow"
    assert clean_name("Rajesh s/o Kumar") == "Rajesh s/o Kumar"
    assert clean_name("Customer Service") is None
    assert "slee" in mailbox_names("Siti Lee")
