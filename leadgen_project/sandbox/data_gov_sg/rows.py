"""Row calls: datastore_search and list-rows."""

import json
from typing import Any
from urllib.parse import urlencode

from leadgen_project.sandbox.data_gov_sg.answers import (
    as_data,
    as_json,
    bad_question,
    no_such_dataset,
    no_such_resource,
)
from leadgen_project.sandbox.data_gov_sg.catalog import metadata
from leadgen_project.sandbox.data_gov_sg.release import Release
from leadgen_project.sandbox.loopback import Reply, Request

DEFAULT_LIMIT = 100


def search(release: Release, request: Request) -> Reply:
    """Answer ``/api/action/datastore_search`` with every oddity captured."""
    query = request.query
    letter = release.find_letter(query.get("resource_id", ""))
    if letter is None:
        return no_such_resource()
    try:
        asked_limit = int(query.get("limit", DEFAULT_LIMIT))
        offset = int(query.get("offset", "0"))
        filters = json.loads(query["filters"]) if query.get("filters") else {}
    except ValueError:
        return bad_question()
    limit = min(asked_limit, release.settings.search_maximum_limit)
    rows = release.rows(letter)
    found = rows.search(filters=filters, words=query.get("q", ""), order=query.get("sort", ""))
    names = [name for name in query.get("fields", "").split(",") if name]
    names = names or [*rows.columns, "_id"]
    result: dict[str, Any] = {
        "resource_id": query["resource_id"],
        "fields": [{"type": "int4" if n == "_id" else "text", "id": n} for n in names],
        "records": [{n: row.get(n) for n in names} for row in found[offset : offset + limit]],
        "_links": _links(query, limit=limit, offset=offset),
        "total": len(found),
    }
    if "limit" in query:  # echoed only when it was asked for
        result["limit"] = limit
    if filters:
        result["filters"] = json.dumps(filters, separators=(",", ":"))
    return as_json({"success": True, "result": result})


def _links(query: dict[str, str], *, limit: int, offset: int) -> dict[str, str]:
    """Return the links as captured: ``next`` is there even behind the last page."""
    path = "/api/action/datastore_search?"
    kept = {name: value for name, value in query.items() if name != "offset"}
    return {
        "start": path + urlencode(kept),
        "next": path + urlencode({**kept, "offset": offset + limit}),
    }


def list_rows(release: Release, request: Request, dataset: str) -> Reply:
    """Answer ``list-rows``: pages by cursor, ``links.next`` is a query to send back."""
    letter = release.find_letter(dataset)
    if letter is None:
        return no_such_dataset(dataset)
    try:
        limit = int(request.query.get("limit", DEFAULT_LIMIT))
        start = int(request.query.get("cursor", "0"))
    except ValueError:
        return bad_question()
    rows = release.rows(letter).records
    links = {}
    if start + limit < len(rows):
        links["next"] = urlencode({"cursor": start + limit, "limit": limit})
    name = metadata(release, letter)["name"]
    page = {"datasetId": dataset, "datasetName": name, "limit": limit, "links": links}
    return as_data({**page, "rows": rows[start : start + limit]})
