import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acra.clients.data_gov_sg import DataGovSg, DataGovSgError
from acra.download import MixedReleaseError, fetch_register
from acra.load import LoadRefusedError
from acra.models import RegisteredCompany, RegisterImport
from leadgen_project.sandbox.data_gov_sg import DataGovSg as Service
from leadgen_project.sandbox.data_gov_sg import Headers
from leadgen_project.sandbox.register import LETTERS, write_split

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
COUNT = 120
FEW = frozenset({"A", "M", "S", "Others"})  # files served where all 27 would prove no more


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("release")
    write_split(path, count=COUNT)
    return path


@pytest.fixture
def service(folder):
    with Service(folder) as running:
        running.settings.polls_before_url = 0
        running.settings.missing_letters = frozenset(LETTERS) - FEW
        yield running


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def pull(db, service, tmp_path, naps):
    def pull(**options):
        client = DataGovSg(
            base_url=service.url,
            api_key=options.pop("api_key", ""),
            calls_per_window=0,
            sleep=naps.append,
        )
        return fetch_register(
            now=NOW, actor="tests", client=client, directory=tmp_path / "files", resource_id="2",
            **options,
        )  # fmt: skip

    return pull


def test_a_release_of_27_files_is_fetched_and_loaded_whole(pull, service):
    service.settings.missing_letters = frozenset()

    done = pull()

    assert len(done.fetched) == 27
    assert done.load.read == RegisteredCompany.objects.count() + done.load.rejected == COUNT
    assert done.load.published_at == datetime.fromisoformat("2026-09-14T14:07:42+08:00")


def test_nothing_new_costs_one_call_and_no_download(pull, service):
    pull()
    service.calls.clear()

    done = pull()

    assert done.load is None
    assert [call.endpoint for call in service.calls] == ["collection"]


def test_a_second_pull_of_the_same_release_changes_nothing(pull):
    first = pull()

    again = pull(force=True)

    assert set(again.kept) == FEW
    assert (again.load.new, again.load.changed) == (0, 0)
    assert again.load.unchanged == first.load.new


def test_a_pull_that_broke_off_goes_on_where_it_stopped(pull, service):
    service.settings.cut_after_bytes, service.settings.cut_letters = 400, frozenset("M")
    with pytest.raises(DataGovSgError, match="'M'"):
        pull()
    fetched_before = service.count("file", letter="A")
    service.settings.cut_after_bytes = None

    done = pull()

    assert service.count("file", letter="A") == fetched_before == 1
    assert "A" in done.kept
    assert "M" in done.fetched
    assert RegisterImport.objects.filter(status="FAILED").count() == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_cut_body_is_fetched_again(pull, service, chunked):
    service.settings.chunked = chunked
    service.settings.cut_after_bytes, service.settings.cut_next = 400, 1

    done = pull()

    assert done.load.status == "FINISHED"
    assert service.count("file") == len(FEW) + 1


def test_a_web_page_instead_of_a_file_is_fetched_again(pull, service):
    service.settings.html_next = 2

    assert pull().load.status == "FINISHED"


def test_server_errors_are_waited_out(pull, service, naps):
    service.settings.fail_next = 3
    service.settings.fail_endpoints = frozenset({"initiate", "poll", "collection"})

    assert pull().load.status == "FINISHED"
    assert naps[:3] == [2.0, 4.0, 8.0]


def test_an_expired_address_is_asked_for_again(pull, service):
    service.settings.link_life_seconds = -1
    with pytest.raises(DataGovSgError):
        pull()
    service.settings.link_life_seconds = 60

    assert service.count("initiate", letter="A") == 4
    assert pull().load.status == "FINISHED"


def test_the_address_may_come_with_the_first_answer(pull, service):
    service.settings.url_in_initiate, service.settings.initiate_status = True, 200

    pull()

    assert service.count("poll") == 0


def test_too_many_calls_are_waited_for_a_bounded_time(db, service, naps):
    service.settings.enforce_limits = True
    service.settings.window_seconds = 60
    client = DataGovSg(base_url=service.url, calls_per_window=0, sleep=naps.append)
    dataset = service.dataset_id("A")
    service.settings.polls_before_url = 9

    with pytest.raises(DataGovSgError, match="too many calls, 4 times"):
        client.address(dataset)
    assert len(naps) >= 3
    assert all(10 <= nap <= 11 for nap in naps if nap > 5)


def test_calls_are_paced_to_the_limit(service):
    service.settings.enforce_limits, service.settings.window_seconds = True, 0.2
    # Longer than the window by what a busy machine may hold up a call on its way.
    client = DataGovSg(base_url=service.url, calls_per_window=2, window_seconds=1.2)

    for letter in "ABC":
        client.address(service.dataset_id(letter))

    assert 429 not in [call.status for call in service.calls]
    assert service.most_in_window("initiate", "poll", seconds=0.2) <= 2


def test_the_key_is_sent_to_the_service_and_never_to_the_host_of_the_file(pull, service):
    pull(api_key="secret")

    assert any(call.had_key for call in service.calls)
    assert service.keys_sent_to_files() == 0


def test_the_letter_is_read_from_the_name_whatever_order_and_id(pull, service, tmp_path):
    service.settings.order_seed = 99
    service.settings.changed_id_letters = frozenset("AB")

    pull()

    assert {path.stem for path in (tmp_path / "files").glob("*.csv")} == FEW


def test_a_missing_file_is_no_wave_of_strike_offs(pull, service):
    files = pull().load.files
    live = RegisteredCompany.objects.filter(status_class="LIVE").count()
    largest = max(files, key=files.get)
    service.settings.missing_letters |= {largest.removesuffix(".csv")}
    service.settings.last_updated_at = "2026-10-14T14:07:42+08:00"

    with pytest.raises(LoadRefusedError, match=f"{largest}: 0 rows, {files[largest]} before"):
        pull()

    assert RegisteredCompany.objects.filter(status_class="LIVE").count() == live


def test_a_release_replaced_in_the_middle_is_not_mixed(pull, service, tmp_path):
    newer = tmp_path / "newer"
    newer.mkdir()
    write_split(newer, count=COUNT + 60)
    service.settings.next_folder, service.settings.swap_after_files = newer, 2

    done = pull()

    assert done.published_at == datetime.fromisoformat("2026-10-14T14:07:42+08:00")
    assert done.load.published_at == done.published_at
    assert service.count("file", letter="A") == 2


class Restless(DataGovSg):
    """Asks a publisher who publishes before each answer."""

    def __init__(self, service):
        super().__init__(base_url=service.url, calls_per_window=0)
        self.service, self.days = service, iter(range(10, 28))

    def collection(self, collection_id):
        self.service.settings.last_updated_at = f"2026-10-{next(self.days)}T00:00:00+08:00"
        return super().collection(collection_id)


def test_a_release_that_never_stands_still_is_given_up(db, service, tmp_path):
    with pytest.raises(MixedReleaseError):
        fetch_register(
            now=NOW, actor="tests", client=Restless(service), directory=tmp_path, resource_id="2"
        )

    assert not RegisteredCompany.objects.exists()


@pytest.mark.parametrize("page_size", [7, 50])
def test_the_page_size_changes_the_number_of_calls_and_nothing_else(
    pull, service, settings, page_size
):
    settings.PAGE_SIZE = page_size

    done = pull(by_rows=True)

    in_files = done.load.files.values()
    assert sum(in_files) == done.load.read == pull(force=True).load.unchanged
    assert service.count("search") == sum(max(1, math.ceil(rows / page_size)) for rows in in_files)


def test_drift_of_the_header_is_survived_or_named(pull, service):
    service.settings.headers = Headers(
        added=("new_column",), reversed=True, bom=True, crlf=True,
        dropped=frozenset({"uen_issue_date"}),
    )  # fmt: skip

    done = pull()

    assert done.load.status == "FINISHED"
    assert "columns that are not used" in done.load.warnings

    service.settings.headers = Headers(dropped=frozenset({"entity_status_description"}))
    service.settings.last_updated_at = "2026-10-14T14:07:42+08:00"
    with pytest.raises(DataGovSgError, match=r"A\.csv: the column 'entity_status_description'"):
        pull()
