"""The bodies data.gov.sg answers with, good and bad."""

import json

from leadgen_project.sandbox.loopback import Reply

_TOO_MANY = {
    "code": 24,
    "name": "TOO_MANY_REQUESTS",
    "data": None,
    "errorMsg": "Rate limit exceeded. Please try again in 10 seconds and sign up for an API key for"
    " higher rate limits. View https://guide.data.gov.sg/developer-guide/api-overview/"
    "api-rate-limits for more details.",
}


def as_json(body: object, status: int = 200, *, error_type: str = "") -> Reply:
    headers = (("x-amzn-ErrorType", f"{error_type}Exception"),) if error_type else ()
    return Reply(status, json.dumps(body).encode(), "application/json", headers)


def as_data(data: object) -> Reply:
    """Return the platform's envelope around ``data``."""
    return as_json({"code": 0, "data": data, "errorMsg": ""})


def too_many() -> Reply:
    """Return the 429 as captured; it has no Retry-After."""
    return as_json(_TOO_MANY, 429)


def no_such_address() -> Reply:
    """Return what api-open says where others say 404."""
    text = {"message": "Missing Authentication Token"}
    return as_json(text, 403, error_type="MissingAuthenticationToken")


def no_such_dataset(dataset: str) -> Reply:
    text = f"Dataset {dataset} does not exist"
    return as_json({"code": 17, "name": "NOT_FOUND", "data": None, "errorMsg": text}, 404)


def no_such_resource() -> Reply:
    error = {"__type": "Not Found Error", "message": "Not found: Resource was not found."}
    return as_json({"success": False, "error": error}, 404)


def bad_question() -> Reply:
    error = {"__type": "Validation Error", "message": "limit, offset or filters is malformed"}
    return as_json({"success": False, "error": error}, 409)


def expired() -> Reply:
    """Return what an object store says to a signed address out of date."""
    body = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'
    return Reply(403, body, "application/xml")
