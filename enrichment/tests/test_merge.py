from itertools import permutations

from enrichment.evidence.merge import Claim, build_contacts, choose, kind_of_mailbox
from enrichment.site.discover import candidate_sites


def claim(key, field, value, source="PAGE", confidence=0.9, **more):
    return Claim(key, field, value, source, confidence, **more)


def test_the_fixed_precedence_decides_and_the_rest_stay_as_alternatives():
    claims = [
        claim(1, "headcount", "50", "LLM", 1.0),
        claim(2, "headcount", "40", "PROVIDER", 1.0),
        claim(3, "headcount", "30", "PAGE", 0.5),
        claim(4, "headcount", "20", "REGISTER", 0.5),
        claim(5, "headcount", "10", "OPERATOR", 0.1),
    ]

    shown = choose(claims)["headcount"]

    assert (shown.value, shown.key) == ("10", 5)
    assert shown.alternatives == ("20", "30", "40", "50")


def test_ties_go_by_confidence_then_page_then_value_never_by_order_of_rows():
    claims = [
        claim(1, "founded_year", "1990", confidence=0.8, position=0),
        claim(2, "founded_year", "1988", confidence=0.9, position=2),
        claim(3, "founded_year", "1989", confidence=0.9, position=1),
        claim(4, "founded_year", "1987", confidence=0.9, position=1),
    ]

    shown = {choose(order)["founded_year"].value for order in permutations(claims)}

    assert shown == {"1987"}


def test_lists_keep_all_values_and_the_office_line_comes_first():
    claims = [
        claim(1, "phones", "+6591234567", method="phones.text.mobile", confidence=0.95),
        claim(2, "phones", "+6561234567", method="phones.text.tel"),
    ]

    shown = choose(claims)

    assert shown["phones"].value == ["+6561234567", "+6591234567"]
    assert (shown["phone"].value, shown["phone"].key) == ("+6561234567", 2)


def test_a_person_s_address_is_theirs_and_the_office_number_is_the_role_mailbox_s():
    claims = [
        claim(1, "emails", "info@kolina.sg"),
        claim(2, "emails", "siti.lee@kolina.sg"),
        claim(3, "people", "Siti Lee", subject="siti lee"),
        claim(4, "title", "Manager", subject="siti lee"),
        claim(5, "emails", "siti.lee@kolina.sg", subject="siti lee"),
        claim(6, "people", "Tan Ah Kow", subject="tan ah kow"),
        claim(7, "phones", "+6561234567"),
    ]

    drafts = build_contacts(claims)

    assert [(d.kind, d.name, d.title, d.email, d.phone) for d in drafts] == [
        ("ROLE", "", "", "info@kolina.sg", "+6561234567"),
        ("PERSON", "Siti Lee", "Manager", "siti.lee@kolina.sg", ""),
        ("PERSON", "Tan Ah Kow", "", "", ""),
    ]
    assert [sorted(d.keys) for d in drafts] == [[1, 7], [3, 4, 5], [6]]


def test_a_number_without_any_mailbox_is_a_contact_of_its_own():
    [draft] = build_contacts([claim(1, "phones", "+6561234567")])

    assert (draft.kind, draft.email, draft.phone) == ("ROLE", "", "+6561234567")


def test_a_notice_makes_every_contact_unmailable_and_officers_are_no_contacts():
    claims = [
        claim(1, "emails", "info@kolina.sg"),
        claim(2, "dpo_emails", "dpo@kolina.sg"),
        claim(3, "no_collection_notice", "yes"),
    ]

    [draft] = build_contacts(claims)

    assert draft.email == "info@kolina.sg"
    assert draft.not_mailable_reason


def test_mailboxes_are_told_apart():
    assert kind_of_mailbox("sales2@kolina.sg") == "ROLE"
    assert kind_of_mailbox("kolinawidgets@gmail.com", company_name="KOLINA WIDGETS") == "ROLE"
    assert kind_of_mailbox("siti.lee@kolina.sg") == "PERSON"
    assert kind_of_mailbox("siti88@gmail.com") == "PERSONAL"


def test_guesses_come_from_the_name_then_former_names_each_host_once():
    sites = candidate_sites(
        "KOLINA WIDGETS SINGAPORE PTE. LTD.",
        former_names=["OLD KOLINA PTE LTD"],
        suffixes=["com.sg", "com"],
    )

    assert [(one.site, one.origin) for one in sites] == [
        ("kolinawidgetssingapore.com.sg", "name"),
        ("kolinawidgetssingapore.com", "name"),
        ("oldkolina.com.sg", "former_name"),
        ("oldkolina.com", "former_name"),
        ("kolinawidgets.com.sg", "short_name"),
        ("kolinawidgets.com", "short_name"),
        ("kolina-widgets-singapore.com.sg", "name"),
        ("kolina-widgets-singapore.com", "name"),
    ]


def test_a_given_site_is_the_only_place_looked_at():
    [only] = candidate_sites("KOLINA PTE LTD", suffixes=["com"], given="kolina.example")

    assert (only.site, only.origin) == ("kolina.example", "given")
