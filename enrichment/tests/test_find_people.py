"""People from a provider: real HTTP to a stand-in that knows the sandbox's companies."""

from __future__ import annotations

import pytest
from django.utils import timezone

from enrichment import vendor_steps
from enrichment.models import Contact, Evidence, LeadStep, VendorAnswer
from enrichment.people import find_people as module
from enrichment.people.find_people import estimate, find_people, people_batch, tally_people
from enrichment.tests.vendor_rig import enriched, lead_into
from icp import suppressions
from icp.models import Lead
from leadgen_project.sandbox.companies import Company
from leadgen_project.sandbox.server import Sandbox
from leadgen_project.sandbox.vendors import lusha
from leadgen_project.sandbox.vendors.lusha import MadeUpPerson, people_at
from leadgen_project.sandbox.vendors.stand_in import Fault
from tenants.models import PipelineRun, TenantSettings
from tenants.paid import governor
from tenants.permits import Vendor
from tenants.vendor_models import VendorBudget, VendorUsage

TITLES = ["Director", "Manager", "Chief Executive Officer", "Founder", "Head of Marketing"]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(seed=6, count=300, vendors=["lusha"], traps=()) as running:
        yield running


@pytest.fixture
def vendor(sandbox, settings, monkeypatch):
    lead_into(sandbox, settings)
    settings.LUSHA_PREFERRED_TITLES = TITLES
    monkeypatch.setattr(governor, "PAUSES_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(vendor_steps, "PATIENCE_SECONDS", 0.0)
    settings.VENDOR_RATES = {**settings.VENDOR_RATES, Vendor.LUSHA: (10_000, 60)}
    stand_in = sandbox.vendors["lusha"]
    stand_in.calls.clear()
    stand_in._faults.clear()
    stand_in._times.clear()
    stand_in.revealed.clear()
    stand_in.blocked.clear()
    stand_in.keys, stand_in.credits, stand_in.account = {lusha.KEY}, None, "active"
    stand_in.most = {"minute": 10_000, "hourly": 10_000, "daily": 18_000}
    stand_in.change, stand_in.hang_seconds = None, 2.0
    return stand_in


@pytest.fixture
def run(acme, vendor):
    return PipelineRun.objects.create(tenant=acme)


def with_site(company: Company, run: PipelineRun) -> Lead:
    """A lead whose own site is known, by evidence."""
    site = f"http://{company.host}/"
    lead = enriched(company, run)
    row = Evidence.objects.create(lead=lead, field="website", value=site, source="PAGE",
                                  reference=site, method="discover.name", confidence=1)  # fmt: skip
    lead.facts = {"website": {"value": site, "evidence": row.pk}}
    lead.save(update_fields=["facts"])
    return lead


def companies(sandbox, *, least: int = 1, fits=lambda _people: True) -> list[Company]:
    """Companies with a site at which Lusha knows somebody with a work address."""
    return [one for one in sandbox.companies
            if one.host and len(known := good(one)) >= least and fits(known)]  # fmt: skip


def good(company: Company) -> list[MadeUpPerson]:
    """People whose data may be kept and used."""
    return [one for one in people_at(company) if not one.refusal and not one.is_eu_contact
            and not any(do_not for _, _, do_not in one.phones)
            and any(kind == "work" and grade != "C" for _, kind, grade in one.emails)]  # fmt: skip


def everybody_good(company: Company) -> bool:
    return len(good(company)) == len(people_at(company)) >= 2


def a_company(sandbox) -> Company:
    return next(one for one in companies(sandbox, least=2) if everybody_good(one))


def first_with(sandbox, what) -> tuple[Company, MadeUpPerson]:
    """A company and its person of whom ``what`` is true, alone among those asked about."""
    return next((company, one) for company in sandbox.companies if company.host
                for one in people_at(company) if what(one))  # fmt: skip


def the_row(lead: Lead) -> LeadStep:
    return LeadStep.objects.get(lead=lead, step="people")


def only(lead: Lead, person: MadeUpPerson) -> None:
    """Let the tenant want this person's title and nobody else's."""
    TenantSettings.objects.filter(pk="acme").update(preferred_titles=person.title)


def test_people_with_wanted_titles_become_contacts_with_evidence(sandbox, run, vendor):
    company = a_company(sandbox)
    lead = with_site(company, run)

    report = people_batch(run)

    people = {one.emails[-1][0]: one for one in good(company)}
    contacts = list(Contact.objects.filter(lead=lead))
    assert report.done == 1
    assert 1 <= len(contacts) <= 2
    for contact in contacts:
        person = people[contact.email]
        assert (contact.name, contact.title) == (f"{person.first_name} {person.last_name}",
                                                 person.title)  # fmt: skip
        assert (contact.kind, contact.phone, contact.is_mailable) == ("PERSON", "", True)
        said = contact.evidence.get(field="emails")
        assert (said.source, said.method) == ("PROVIDER", "lusha.work")
        assert VendorUsage.objects.filter(pk=int(said.reference.rpartition(" ")[2])).exists()
    assert vendor.charged == 1 + len(contacts)
    assert the_row(lead).calls == 1 + len(contacts)


def test_the_site_stays_what_is_shown(sandbox, run, vendor):
    lead = with_site(a_company(sandbox), run)
    before = lead.facts["website"]["value"]

    people_batch(run)

    lead.refresh_from_db()
    assert lead.facts["website"]["value"] == before
    assert lead.stage == Lead.Stage.ENRICHED


def test_titles_first_in_the_list_are_bought_first(sandbox, run, vendor):
    company = next(one for one in companies(sandbox, least=2) if everybody_good(one)
                   and len({p.title for p in people_at(one)}) >= 2)  # fmt: skip
    last = people_at(company)[-1]
    TenantSettings.objects.filter(pk="acme").update(
        preferred_titles="\n".join([last.title, *TITLES]), people_per_company=1
    )
    lead = with_site(company, run)

    people_batch(run)

    assert Contact.objects.get(lead=lead).title == last.title


def test_a_person_the_site_shows_without_address_is_completed_not_doubled(sandbox, run, vendor):
    company = a_company(sandbox)
    person = good(company)[0]
    lead = with_site(company, run)
    name = f"{person.first_name} {person.last_name}"
    shown = Contact.objects.create(lead=lead, kind="PERSON", name=name.upper(), title="Staff")
    only(lead, person)

    people_batch(run)

    assert Contact.objects.filter(lead=lead, name__iexact=name).get().pk == shown.pk
    shown.refresh_from_db()
    assert shown.email in {email for email, _, _ in person.emails}


def test_with_a_wanted_person_on_the_site_nobody_is_asked(sandbox, run, vendor):
    lead = with_site(a_company(sandbox), run)
    Contact.objects.create(lead=lead, kind="PERSON", name="Siti Lee", title="Sales Manager")

    people_batch(run)

    assert (the_row(lead).outcome, the_row(lead).code) == ("NOT_NEEDED", "has_people")
    assert vendor.asked() == []


def test_without_a_site_of_its_own_nobody_is_asked(sandbox, run, vendor):
    lead = enriched(a_company(sandbox), run)

    people_batch(run)

    assert (the_row(lead).outcome, the_row(lead).code) == ("NOT_NEEDED", "no_domain")
    assert vendor.asked() == []


def test_private_addresses_are_stored_nowhere(sandbox, run, vendor):
    company, person = first_with(
        sandbox, lambda one: any(kind == "private" for _, kind, _ in one.emails)
        and any(kind == "work" for _, kind, _ in one.emails) and not one.refusal
        and not one.is_eu_contact and not any(d for _, _, d in one.phones),
    )  # fmt: skip
    lead = with_site(company, run)
    only(lead, person)

    people_batch(run)

    assert Contact.objects.filter(lead=lead).exclude(email="").exists()
    private = [email for email, kind, _ in person.emails if kind == "private"]
    assert not stored_anywhere(private)


def stored_anywhere(values) -> bool:
    kept = "".join(str(answer) for answer in VendorAnswer.objects.values_list("answer", flat=True))
    said = set(Evidence.objects.values_list("value", flat=True))
    mails = set(Contact.objects.values_list("email", flat=True))
    return any(value in kept or value in said or value in mails for value in values)


def test_an_address_worked_out_by_the_provider_is_marked_and_never_mailed(sandbox, run, vendor):
    company, person = first_with(
        sandbox, lambda one: ("work", "C") in {(k, g) for _, k, g in one.emails}
        and not one.refusal and not one.is_eu_contact and not any(d for _, _, d in one.phones),
    )  # fmt: skip
    lead = with_site(company, run)
    only(lead, person)

    people_batch(run)

    address = next(email for email, kind, grade in person.emails if grade == "C")
    contact = Contact.objects.get(lead=lead, email=address)
    assert not contact.is_mailable
    assert "worked this address out" in contact.not_mailable_reason
    assert Evidence.objects.get(value=address).method == "lusha.guessed"


def test_people_in_the_eu_are_left_out(sandbox, run, vendor):
    company, person = first_with(
        sandbox, lambda one: one.is_eu_contact and not one.refusal
        and any(kind == "work" for _, kind, _ in one.emails)
        and not any(d for _, _, d in one.phones),
    )  # fmt: skip
    lead = with_site(company, run)
    only(lead, person)

    people_batch(run)

    assert not stored_anywhere([email for email, _, _ in person.emails])


def test_numbers_are_bought_only_by_those_who_say_so(sandbox, run, vendor):
    company = next(one for one in companies(sandbox) if everybody_good(one)
                   and all(person.phones for person in people_at(one)))  # fmt: skip
    TenantSettings.objects.filter(pk="acme").update(buys_phones=True, people_per_company=1)
    lead = with_site(company, run)

    people_batch(run)

    numbers = {number for one in people_at(company) for number, _, _ in one.phones}
    assert Contact.objects.get(lead=lead).phone in numbers
    assert vendor.charged == 1 + 1 + 5


def test_a_second_night_pays_nothing(sandbox, acme, run, vendor):
    leads = [with_site(one, run) for one in companies(sandbox)[:6]]
    run_all(run)
    paid = vendor.charged
    Contact.objects.all().delete()  # so that they are wanted once more
    again = another_night(acme, leads)

    run_all(again)

    assert vendor.charged == paid
    assert sum(LeadStep.objects.filter(run_id=again.pk).values_list("calls", flat=True)) == 0


def run_all(run) -> None:
    while people_batch(run).taken:
        pass


def another_night(acme, leads) -> PipelineRun:
    PipelineRun.objects.update(status="FINISHED", finished_at=timezone.now())
    run = PipelineRun.objects.create(tenant=acme)
    Lead.objects.filter(pk__in=[lead.pk for lead in leads]).update(run_id=run.pk)
    return run


def test_what_lusha_has_sold_before_is_free(sandbox, run, vendor):
    company = a_company(sandbox)
    vendor.revealed |= {(one.id, "emails") for one in people_at(company)}
    with_site(company, run)

    people_batch(run)

    assert vendor.charged == 1
    assert VendorUsage.objects.filter(reserved_units=0).exists()


def test_the_same_answer_twice_is_stored_once(sandbox, acme, run, vendor):
    lead = with_site(a_company(sandbox), run)
    run_all(run)
    counts = Contact.objects.count(), Evidence.objects.count()

    find_people(lead)

    assert (Contact.objects.count(), Evidence.objects.count()) == counts


def test_a_suppressed_person_is_stored_nowhere_not_even_in_the_cache(sandbox, run, vendor):
    company = a_company(sandbox)
    people = good(company)
    for one in people:
        for email, _, _ in one.emails:
            suppressions.add("EMAIL", email, reason="asked", actor="tests")
    lead = with_site(company, run)

    people_batch(run)

    assert the_row(lead).outcome == "NOTHING"
    assert not Contact.objects.filter(lead=lead).exists()
    assert not Evidence.objects.filter(field="people").exists()
    assert not stored_anywhere([email for one in people for email, _, _ in one.emails])


def test_who_is_suppressed_later_leaves_the_cache(sandbox, run, vendor):
    lead = with_site(a_company(sandbox), run)
    people_batch(run)
    address = Contact.objects.filter(lead=lead).exclude(email="")[0].email
    Contact.objects.all().delete()
    Evidence.objects.filter(field__in=["emails", "people"]).delete()

    suppressions.add("EMAIL", address, reason="asked", actor="tests")
    find_people(lead)

    assert not stored_anywhere([address])
    assert VendorAnswer.objects.filter(answer__why="suppressed").exists()


def test_switched_off_lusha_is_never_asked_though_there_is_a_key(sandbox, run, vendor, settings):
    settings.ENABLE_LUSHA_FALLBACK = False
    lead = with_site(a_company(sandbox), run)
    without = enriched(companies(sandbox)[5], run)

    report = people_batch(run)

    assert report.held == {"off": 1}
    assert "ENABLE_LUSHA_FALLBACK" in the_row(lead).sentence
    assert the_row(without).outcome == "NOT_NEEDED"
    assert vendor.asked() == []


@pytest.mark.parametrize(("own", "deployment", "asked"), [("ON", False, True), ("OFF", True, False),
                                                          ("", True, True)])  # fmt: skip
def test_a_tenant_decides_for_itself(sandbox, run, vendor, settings, own, deployment, asked):
    settings.ENABLE_LUSHA_FALLBACK = deployment
    TenantSettings.objects.filter(pk="acme").update(lusha_fallback=own)
    with_site(a_company(sandbox), run)

    people_batch(run)

    assert bool(vendor.asked()) is asked


def test_without_a_key_the_count_says_what_is_missing(sandbox, run, vendor, settings):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, "")
    with_site(a_company(sandbox), run)

    people_batch(run)

    assert tally_people(run).held == {"no_key": 1}
    assert vendor.asked() == []


def test_when_the_budget_ends_what_was_bought_is_kept(sandbox, run, vendor):
    company = next(one for one in companies(sandbox, least=2) if everybody_good(one))
    VendorBudget.objects.create(tenant_id="acme", vendor=Vendor.LUSHA, daily_units=2)
    first, second = with_site(company, run), with_site(companies(sandbox)[-1], run)

    run_all(run)

    assert vendor.charged == 2
    assert Contact.objects.filter(lead=first).count() == 1
    assert the_row(first).outcome == "DONE"
    assert (the_row(second).outcome, the_row(second).code) == ("SKIPPED", "budget")


# what happens -> code, outcome, words the operator reads, code of the leads after
TABLE = [
    ("401", "key", "SKIPPED", "refuses the key", "stopped"),
    ("402", "credits", "SKIPPED", "credits are used up", "stopped"),
    ("inactive", "key", "SKIPPED", "Account is inactive", "stopped"),
    ("no v3", "key", "SKIPPED", "V3 API is not enabled", "stopped"),
    ("plan", "key", "SKIPPED", "not part of your plan", "stopped"),
    ("451", "private", "NOTHING", "nobody with a wanted title", ""),
    ("drift", "drift", "SKIPPED", "answer.billing is missing", "drift"),
    ("hour", "rate", "LATER", "too many requests in this hour", "rate"),
    (Fault.RATE_LIMITED, "rate", "LATER", "too many requests", ""),
    (Fault.ERROR, "server", "LATER", "trouble of its own", ""),
    (Fault.HANG, "timeout", "LATER", "did not answer within 1 s", ""),
    (Fault.RESET, "broken", "LATER", "broke off", ""),
    (Fault.MALFORMED, "broken", "LATER", "no JSON", ""),
    (Fault.TRUNCATED, "broken", "LATER", "broke off", ""),
    (Fault.HTML, "blocked", "LATER", "protective layer", ""),
]  # fmt: skip


@pytest.mark.parametrize(("what", "code", "outcome", "words", "after"), TABLE)
def test_every_trouble_is_told_and_the_night_goes_on(
    sandbox, run, vendor, settings, caplog, what, code, outcome, words, after
):
    company, other = companies(sandbox)[:2]
    spoil(vendor, what, company.host)
    if what is Fault.HANG:
        settings.VENDOR_READ_SECONDS = 1.0
    lead = with_site(company, run)

    run_all(run)

    row = the_row(lead)
    assert (row.outcome, row.code) == (outcome, code)
    assert words in row.sentence
    assert tally_people(run).waiting == 0
    assert not Contact.objects.exists()
    for text in (caplog.text, *VendorUsage.objects.values_list("note", flat=True)):
        assert company.host not in text
        assert lusha.KEY not in text
    if after:
        last = with_site(other, run)
        run_all(run)
        assert the_row(last).code == after


def spoil(vendor, what, host: str) -> None:
    if what == "401":
        vendor.keys = {"another"}
    elif what == "402":
        vendor.credits = 0
    elif what == "451":
        vendor.blocked.add(host)
    elif what == "drift":
        vendor.change = lambda answer: {k: v for k, v in answer.items() if k != "billing"}
    elif what == "hour":
        vendor.most = {**vendor.most, "hourly": 0}
    elif isinstance(what, Fault):
        vendor.fail_next(what, what, what)
    else:
        vendor.account = what


def test_what_privacy_law_forbids_is_not_asked_again(sandbox, acme, run, vendor):
    company = companies(sandbox)[0]
    vendor.blocked.add(company.host)
    lead = with_site(company, run)
    run_all(run)
    again = another_night(acme, [lead])

    run_all(again)

    assert len(vendor.asked()) == 1
    assert vendor.charged == sum(VendorUsage.objects.values_list("units", flat=True)) == 0


def test_killed_between_answer_and_write_nothing_is_paid_again(sandbox, run, vendor, monkeypatch):
    lead = with_site(a_company(sandbox), run)

    class KilledError(BaseException):
        """As a kill, nothing catches it."""

    def die(*_args, **_kwargs):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(module, "add_statements", die)
        with pytest.raises(KilledError):
            people_batch(run)
    paid = vendor.charged
    people_batch(run)

    assert vendor.charged == paid > 0
    assert (the_row(lead).outcome, the_row(lead).calls) == ("DONE", 0)


def test_the_price_told_before_covers_what_is_paid(sandbox, acme, run, vendor):
    leads = [with_site(one, run) for one in companies(sandbox)[:8]]
    before = estimate(len(leads), run=run)

    run_all(run)

    assert before.lookups == 8
    assert 0 < vendor.charged <= before.most_units == 8 * 3
    Contact.objects.all().delete()
    known = estimate(len(leads), run=another_night(acme, leads))
    assert (known.lookups, known.from_cache, known.most_units) == (8, 8, 0)


def test_the_price_of_a_preview_counts_numbers_when_they_are_bought(acme, settings):
    settings.ENABLE_LUSHA_FALLBACK = True
    assert estimate(10).most_units == 10 * (1 + 2 * 1)

    TenantSettings.objects.filter(pk="acme").update(buys_phones=True, people_per_company=3)
    assert estimate(10).most_units == 10 * (1 + 3 * 6)

    TenantSettings.objects.filter(pk="acme").update(lusha_fallback="OFF")
    assert estimate(10).lookups == 0


def test_by_hand_more_people_are_asked_for_though_one_is_known(sandbox, run, vendor):
    lead = with_site(a_company(sandbox), run)
    Lead.objects.update(stage="SCORED")
    Contact.objects.create(lead=lead, kind="PERSON", name="Siti Lee", title="Sales Manager")

    result = find_people(lead)

    assert result
    assert result.outcome == "DONE"
    assert the_row(lead).run_id is None
