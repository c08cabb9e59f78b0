import pytest

from acra.uen import check_letter
from enrichment.site.match import CompanyFacts, Verdict, match_site
from enrichment.web.parse import parse

UEN = "201912345" + check_letter("201912345A")
OTHER = "201554321" + check_letter("201554321A")
KOLINA = CompanyFacts(
    name="KOLINA WIDGETS PTE. LTD.", uen=UEN, postal_code="408965", unit="05-06"
)  # fmt: skip


def match(body, *, host="kolinawidgets.com.sg", company=KOLINA, **options):
    page = parse(body.encode(), "text/html; charset=utf-8", f"https://{host}/")
    return match_site(company, [page], **options)


def test_the_company_s_number_on_its_page_proves():
    found = match(f"<p>UEN: {UEN}</p>", host="anything.com")

    assert found.verdict is Verdict.MATCH
    assert found.lines[0].points == 100
    assert found.lines[0].quote == f"UEN: {UEN}"


def test_a_gst_number_equal_to_it_proves_too():
    assert match(f"<p>GST Reg No: {UEN}</p>").verdict is Verdict.MATCH


def test_a_list_of_companies_with_its_number_is_no_proof():
    others = [f"2015543{n}" for n in range(20, 24)]
    rows = "".join(f"<p>UEN {one}{check_letter(one + 'A')}</p>" for one in others)

    assert match(f"<p>UEN {UEN}</p>{rows}", host="list.com").verdict is not Verdict.MATCH


@pytest.mark.parametrize(
    "name",
    ["Kolina Widgets Pte. Ltd.", "KOLINA WIDGETS PTE LTD", "Kolina Widgets (S) Private Limited"],
)
def test_legal_name_and_domain_agree_in_any_spelling(name):
    assert match(f"<p>Hello</p><footer>© 2026 {name}</footer>").verdict is Verdict.MATCH


def test_address_and_unit_weigh_more_than_a_postal_code():
    whole = match("<p>12 Kolina Lane #05-06 Singapore 408965</p>", host="some.com")
    code = match("<p>99 Other Road #01-01 Singapore 408965</p>", host="some.com")

    assert whole.score > 2 * code.score > 0


@pytest.mark.parametrize(
    "body",
    [
        f"<title>Kolina Widgets</title><footer>© Kolina Widgets Pte Ltd UEN {OTHER}</footer>",
        "<title>Kolina Widgets</title><footer>© 2026 Other House Pte. Ltd.</footer>",
        "<title>kolinawidgets.com.sg is for sale</title><p>Make an offer for this domain</p>",
        "<p>Nothing here</p>",
        "",
    ],
)
def test_what_belongs_to_others_or_nobody_is_no_match(body):
    assert match(body, host="some.com").verdict is Verdict.NO


@pytest.mark.parametrize(
    "body",
    [
        "<title>Kolina Widgets</title><p>Widgets of all kinds</p>",
        "<title>Kolina Widgets Group</title><p>Kolina Widgets Worldwide Sdn. Bhd., Johor</p>",
        "<p>Golden Kolina Widgets Pte Ltd</p>",
    ],
)
def test_a_name_alone_is_not_enough(body):
    assert match(body).verdict is not Verdict.MATCH


def test_another_legal_form_speaks_against():
    found = match("<title>Kolina Widgets</title><footer>© 2026 Kolina Widgets LLC</footer>")

    assert found.verdict is not Verdict.MATCH
    assert any("other legal form" in line.reason for line in found.lines)


def test_a_former_name_counts_less():
    company = CompanyFacts(name="NEWNAME PTE. LTD.", former_names=("KOLINA WIDGETS PTE LTD",))

    assert match("<footer>© Kolina Widgets Pte Ltd</footer>", company=company).score == 45


def test_a_directory_is_never_the_company_s_site():
    assert match(f"<p>UEN {UEN}</p>", host="sg.linkedin.com").verdict is Verdict.NO


def test_the_threshold_is_the_caller_s():
    body = "<title>Kolina Widgets</title><p>Widgets</p>"

    assert match(body, threshold=40).verdict is Verdict.MATCH


def test_the_score_is_the_sum_of_the_lines():
    found = match("<title>Kolina Widgets</title><p>12 Kolina Lane #05-06 Singapore 408965</p>")

    assert found.score == sum(line.points for line in found.lines) == 80
