from leadgen_project.sandbox.companies import Company, SiteKind, companies
from leadgen_project.sandbox.expectations import Expect
from leadgen_project.sandbox.measure import Found, measure

EVERYONE = list(companies(count=400))


def perfect(company: Company) -> Found:
    if company.expect is not Expect.CONTACTS:
        return Found()
    return Found(
        set(company.emails),
        set(company.phones),
        {(one.name, one.title) for one in company.people},
        {company.postal_code},
    )


def test_the_truth_itself_is_perfect():
    quality = measure(EVERYONE, {one.uen: perfect(one) for one in EVERYONE})

    assert all(quality.recall(what) == 1 == quality.precision(what) for what in quality.expected)
    assert quality.wrong == {}
    assert quality.missed == {}


def test_a_namesakes_address_is_wrong_and_costs_precision():
    company = next(one for one in EVERYONE if one.site is SiteKind.TAKEN)
    address = f"sales@{company.other_host}"

    quality = measure(EVERYONE, {company.uen: Found(emails={address})})

    assert quality.wrong == {company.uen: [address]}
    assert quality.precision("email") == 0
    assert quality.recall("email") == 0


def test_the_data_protection_officer_and_the_fax_count_neither_way():
    company = next(one for one in EVERYONE if one.dpo_email and one.fax and one.emails)
    found = perfect(company)
    found.emails.add(company.dpo_email)
    found.phones.add(company.fax)

    quality = measure([company], {company.uen: found})

    assert quality.precision("email") == quality.precision("phone") == 1
