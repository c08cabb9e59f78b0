"""What the OpenAPI document says first. Read by the settings, so it imports nothing."""

API_DESCRIPTION = """
What the console can do, for programs. Sign in with a bearer token (or, in the browser, with the
console's session and its CSRF token); the tenant is the token's, the host name's, or that of the
header `X-Tenant-ID` among the caller's own.

* **Lists** come in pages: follow `next` until it is null. Filters nobody knows are refused.
* **POST** takes an `Idempotency-Key`: sent again, it works once and answers the same.
* **GET** answers carry an `ETag`; with `If-None-Match` an unchanged answer is 304.
* **Errors** are `application/problem+json` (RFC 9457); `errors` names the fields.
* **Limits**: a number of calls a minute for each caller; 429 says in `Retry-After` when to go on.
* **Version**: this is version 1. Fields and resources are added to it; nothing is taken away or
  changed in meaning. What must break comes under `/api/v2/`, with at least six months of both.
"""
