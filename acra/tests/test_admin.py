import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from acra.models import RegisterImport
from acra.tests.test_load import load
from leadgen_project.tests.console_data import make_people
from tenants.context import in_public
from tenants.models import AuditEvent
from tenants.tests.shared_data import shared_data

REGISTER = "/admin/acra/registeredcompany/"


@pytest.fixture
def people(db):
    load(shared_data() / "acra_real_rows_dev.csv")
    return make_people()


@pytest.fixture
def client(people):
    client = Client()
    client.force_login(people["operator"])
    return client


@pytest.fixture
def platform(people):
    client = Client()
    client.force_login(people["root"])
    return client


def shown(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "q=196800306E", "q=196800", "q=dbs bank", "q=development bank", "q=DBS&status=LIVE",
        "ssic=64&status=LIVE", "district=1&year=1968", "year=1960-1970",
        "type=Local Company&ssic=641",
    ],
)  # fmt: skip
def test_a_company_is_found_by_number_name_former_name_and_filters(client, query):
    page = shown(client.get(f"{REGISTER}?{query}"))

    assert "DBS BANK LTD." in page
    assert "KIBU" not in page


@pytest.mark.parametrize("query", ["q=zzz", "ssic=99", "district=28", "year=1700", "q=%22%27%5C"])
def test_what_is_not_there_is_not_found(client, query):
    page = shown(client.get(f"{REGISTER}?{query}"))

    assert ("DBS BANK" in page) == (query == "year=1700")  # no year of ours: not a filter


def test_the_page_of_a_company_shows_what_it_means_and_what_was_published(client):
    page = shown(client.get(f"{REGISTER}196800306E/change/"))

    assert "64120" in page
    assert "THE DEVELOPMENT BANK OF SINGAPORE" in page
    assert "uen_of_audit_firm5" in page
    assert "Save" not in page


def test_a_company_that_is_not_registered_is_not_found(client):
    assert client.get(f"{REGISTER}999999999Z/change/").status_code == 404


def test_nobody_changes_the_register_by_hand(client):
    assert client.get(f"{REGISTER}add/").status_code in (403, 404)
    assert client.post(f"{REGISTER}196800306E/change/", {"name": "X"}).status_code in (
        200,
        403,
        405,
    )
    assert "DBS BANK LTD." in shown(client.get(f"{REGISTER}196800306E/change/"))


def test_the_list_costs_the_same_queries_for_one_row_and_many(client):
    def queries(query):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            shown(client.get(f"{REGISTER}?{query}"))
        return len(captured)

    queries("")  # what is cached for a while is asked for once, by whoever comes first

    assert queries("q=196800306E") == queries("")


def test_loads_are_the_business_of_platform_admins(client, platform):
    load_id = RegisterImport.objects.get().pk

    assert client.get("/admin/acra/registerimport/").status_code == 403
    assert client.get(f"/admin/acra/registerimport/{load_id}/change/").status_code == 403
    assert "acra_real_rows_dev.csv" in shown(platform.get("/admin/acra/registerimport/"))
    assert "The account" in shown(platform.get(f"/admin/acra/registerimport/{load_id}/change/"))


def test_a_pull_is_started_by_post_only_and_left_to_the_worker(client, platform):
    url = "/admin/acra/registerimport/fetch/"

    assert platform.get(url).status_code == 405
    assert client.post(url).status_code == 403
    assert OrmQ.objects.count() == 0
    assert platform.post(url).status_code == 302
    with in_public():
        assert OrmQ.objects.count() == 1
        assert AuditEvent.objects.filter(action="acra.fetch_register").count() == 1


def test_codes_are_found_by_their_beginning_and_by_words(client):
    assert "64120" in shown(client.get("/admin/acra/ssiccode/?q=6412"))
    assert "64120" in shown(client.get("/admin/acra/ssiccode/?q=BANKS"))
