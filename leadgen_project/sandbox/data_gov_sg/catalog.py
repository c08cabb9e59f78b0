"""The catalog calls: collections and datasets."""

from typing import Any

from leadgen_project.sandbox.data_gov_sg.answers import as_data, as_json, no_such_dataset
from leadgen_project.sandbox.data_gov_sg.release import COLLECTION, Release
from leadgen_project.sandbox.loopback import Reply, Request

COLLECTION_NAME = "ACRA Information on Corporate Entities"


def collections(release: Release) -> Reply:
    return as_data({"collections": [_collection_metadata(release)]})


def collection(release: Release, request: Request, number: str) -> Reply:
    if number != COLLECTION:
        return as_json({"code": 17, "name": "NOT_FOUND", "data": None, "errorMsg": number}, 404)
    data: dict[str, Any] = {"collectionMetadata": _collection_metadata(release)}
    if request.query.get("withDatasetMetadata", "").lower() == "true":
        data["datasetMetadata"] = [metadata(release, letter) for letter in release.letters()]
    return as_data(data)


def datasets(release: Release, request: Request) -> Reply:
    letters = release.letters() if request.query.get("page", "1") == "1" else []
    return as_data({"datasets": [metadata(release, letter) for letter in letters], "pages": 1})


def dataset(release: Release, name: str) -> Reply:
    letter = release.find_letter(name)
    return as_data(metadata(release, letter)) if letter else no_such_dataset(name)


def metadata(release: Release, letter: str) -> dict[str, Any]:
    """Return what the catalog says of one of the 27 datasets."""
    labelled = letter not in release.settings.unlabelled_letters
    path = release.path(letter)
    return {
        "datasetId": release.dataset_id(letter),
        "name": COLLECTION_NAME + (f" ('{letter}')" if labelled else ""),
        "description": "Sandbox: made-up entities only",
        "format": "CSV",
        "status": "active",
        "createdAt": "2024-01-15T10:00:00+08:00",
        "lastUpdatedAt": release.settings.last_updated_at,
        "managedBy": "Sandbox",
        "collectionIds": [COLLECTION],
        "datasetSize": path.stat().st_size if path.exists() else 0,
    }


def _collection_metadata(release: Release) -> dict[str, Any]:
    return {
        "collectionId": COLLECTION,
        "name": COLLECTION_NAME,
        "description": "Sandbox: made-up entities only",
        "createdAt": "2024-01-15T10:00:00+08:00",
        "lastUpdatedAt": release.settings.last_updated_at,
        "frequency": "Monthly",
        "sources": ["Sandbox"],
        "managedBy": "Sandbox",
        "childDatasets": [release.dataset_id(letter) for letter in release.letters()],
    }
