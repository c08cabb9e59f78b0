import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from leadgen_project.sandbox.data_gov_sg import DataGovSg, Headers
from leadgen_project.sandbox.register import COLUMNS, LETTERS, file_name, write_split


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("release")
    write_split(path, count=300)
    return path


@pytest.fixture
def service(folder: Path) -> Iterator[DataGovSg]:
    with DataGovSg(folder) as running:
        yield running


def metadata(service: DataGovSg) -> dict[str, Any]:
    url = f"{service.catalog_url}/collections/2/metadata"
    return requests.get(url, params={"withDatasetMetadata": "true"}, timeout=5).json()["data"]


def step(service: DataGovSg, name: str, letter: str, **arguments: Any) -> requests.Response:
    url = f"{service.download_url}/datasets/{service.dataset_id(letter)}/{name}-download"
    return requests.get(url, timeout=5, **arguments)


def link(service: DataGovSg, letter: str, **arguments: Any) -> str:
    step(service, "initiate", letter, **arguments)
    for _ in range(5):
        data = step(service, "poll", letter, **arguments).json()["data"]
        if data.get("url"):
            return data["url"]
    raise AssertionError("no address appeared")


def search(service: DataGovSg, letter: str, **params: Any) -> dict[str, Any]:
    params["resource_id"] = service.dataset_id(letter)
    url = f"{service.ckan_url}/api/action/datastore_search"
    return requests.get(url, params=params, timeout=5).json()["result"]


def test_the_collection_lists_27_unordered_datasets_named_by_their_letter(service):
    datasets = metadata(service)["datasetMetadata"]

    letters = [dataset["name"].partition("('")[2].removesuffix("')") for dataset in datasets]
    assert sorted(letters) == sorted(LETTERS)
    assert letters != list(LETTERS)
    assert {d["datasetId"] for d in datasets} == {service.dataset_id(letter) for letter in LETTERS}


def test_the_list_of_datasets_can_lose_rename_and_renumber_files(service):
    before = service.dataset_id("B")
    service.settings.missing_letters = frozenset("A")
    service.settings.changed_id_letters = frozenset("B")
    service.settings.unlabelled_letters = frozenset("C")

    names = {d["datasetId"]: d["name"] for d in metadata(service)["datasetMetadata"]}

    assert len(names) == 26
    assert before not in names
    assert "('" not in names[service.dataset_id("C")]


def test_a_file_comes_by_initiate_poll_and_a_signed_address(service, folder):
    assert step(service, "initiate", "B").status_code == 201
    polls = [step(service, "poll", "B").json()["data"].get("url") for _ in range(3)]

    assert [bool(url) for url in polls] == [False, False, True]
    assert requests.get(polls[2], timeout=5).content == (folder / file_name("B")).read_bytes()
    assert [service.count(name, letter="B") for name in ("initiate", "poll", "file")] == [1, 3, 1]


def test_a_selection_in_the_body_cuts_columns_and_rows(service):
    selection = {
        "columnNames": ["uen", "entity_status_description"],
        "filters": [
            {"columnName": "entity_status_description", "type": "LIKE", "value": "Live"},
        ],
    }

    rows = requests.get(link(service, "K", json=selection), timeout=5).text.splitlines()

    assert rows[0] == "uen,entity_status_description"
    assert len(rows) > 1
    assert all(",Live" in row for row in rows[1:])


def test_an_expired_address_answers_403_in_xml(service):
    service.settings.link_life_seconds = -1

    answer = requests.get(link(service, "B"), timeout=5)

    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/xml"


def test_a_cut_file_ends_short_of_its_announced_length_and_then_recovers(service, folder):
    service.settings.cut_after_bytes = 500
    service.settings.cut_next = 1

    with pytest.raises(requests.exceptions.RequestException):
        requests.get(link(service, "B"), timeout=5).content.decode()

    whole = requests.get(link(service, "B"), timeout=5).content
    assert whole == (folder / file_name("B")).read_bytes()


def test_a_chunked_file_has_no_length(service, folder):
    service.settings.chunked = True

    answer = requests.get(link(service, "B"), timeout=5)

    assert "Content-Length" not in answer.headers
    assert answer.content == (folder / file_name("B")).read_bytes()


def test_a_range_is_honoured_when_switched_on(service, folder):
    service.settings.allow_ranges = True

    answer = requests.get(link(service, "B"), headers={"Range": "bytes=100-"}, timeout=5)

    assert answer.status_code == 206
    assert answer.content == (folder / file_name("B")).read_bytes()[100:]


def test_the_header_may_drift(service):
    service.settings.headers = Headers(
        added=("paid_up_capital",),
        dropped=frozenset({"unit_no"}),
        renamed={"entity_name": "company_name"},
        reversed=True,
        bom=True,
        crlf=True,
    )

    content = requests.get(link(service, "B"), timeout=5).content

    header = content.decode("utf-8-sig").split("\r\n")[0].split(",")
    assert content.startswith(b"\xef\xbb\xbf")
    assert header[-2] == "uen"
    assert header[-1] == "paid_up_capital"
    assert "company_name" in header
    assert len(header) == len(COLUMNS)


def test_the_keyless_limit_answers_429_without_retry_after(service):
    service.settings.enforce_limits = True
    service.settings.tiers = {"good": "production"}

    answers = [step(service, "initiate", "A") for _ in range(3)]
    with_wrong_key = step(service, "initiate", "A", headers={"x-api-key": "wrong"})
    with_key = step(service, "initiate", "A", headers={"x-api-key": "good"})

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[2].json()["name"] == "TOO_MANY_REQUESTS"
    assert "Retry-After" not in answers[2].headers
    assert with_wrong_key.status_code == 429
    assert with_key.status_code == 201


def test_trouble_lasts_for_the_calls_asked_for(service):
    step(service, "initiate", "A")
    service.settings.fail_next = 2
    service.settings.fail_status = 502

    statuses = [step(service, "poll", "A").status_code for _ in range(3)]

    assert statuses == [502, 502, 200]


def test_a_newer_release_may_appear_between_two_files(service, tmp_path):
    write_split(tmp_path, count=300, month=1)
    service.settings.next_folder = tmp_path
    service.settings.swap_after_files = 1
    before = metadata(service)["collectionMetadata"]["lastUpdatedAt"]

    requests.get(link(service, "A"), timeout=5)
    second = requests.get(link(service, "B"), timeout=5).content

    assert second == (tmp_path / file_name("B")).read_bytes()
    assert metadata(service)["collectionMetadata"]["lastUpdatedAt"] > before


def test_search_always_offers_a_next_page_and_misses_with_success(service):
    everything = search(service, "K", limit=5)
    beyond = search(service, "K", offset=10_000)
    row = everything["records"][0]
    one = search(service, "K", filters=json.dumps({"uen": row["uen"]}))
    miss = search(service, "K", filters=json.dumps({"uen": "nobody"}))

    assert len(everything["records"]) == 5
    assert everything["limit"] == 5
    assert everything["fields"][-1] == {"type": "int4", "id": "_id"}
    assert len(everything["fields"]) == 54
    assert beyond["records"] == []
    assert "next" in beyond["_links"]
    assert (one["total"], one["records"]) == (1, [row])
    assert (miss["total"], miss["records"]) == (0, [])
    assert "limit" not in one


def test_search_caps_the_limit_silently(service):
    service.settings.search_maximum_limit = 3

    assert len(search(service, "K", limit=1000)["records"]) == 3


def test_an_unknown_address_is_forbidden_not_missing(service):
    assert requests.get(f"{service.download_url}/nonsense", timeout=5).status_code == 403


def test_calls_are_counted_in_any_window_and_keys_sent_to_files_are_noticed(service):
    url = link(service, "A")
    threads = [
        threading.Thread(target=requests.get, args=(url,), kwargs={"headers": {"x-api-key": "k"}})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert service.most_in_window("file", seconds=60) == 4
    assert service.keys_sent_to_files() == 4
