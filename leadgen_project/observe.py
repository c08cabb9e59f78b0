"""Give each request its id, and count, time and log it."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tenants import trace
from tenants.instruments import REQUESTS

HEADER = "X-Request-ID"
GIVEN = re.compile(r"[A-Za-z0-9-]{8,36}")  # an id of the caller's that we take over
KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

logger = logging.getLogger("leadgen.request")


class RequestMiddleware:
    """Gives each request its id, and counts, times and logs it. Stands before all others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        request_id = given if GIVEN.fullmatch(given) else str(uuid.uuid4())
        token = trace.request_id.set(request_id)
        began = time.perf_counter()
        try:
            response = self.get_response(request)
            response.headers[HEADER] = request_id
            self._note(request, response, seconds=time.perf_counter() - began)
            return response
        finally:
            trace.request_id.reset(token)

    def _note(self, request: HttpRequest, response: HttpResponse, *, seconds: float) -> None:
        """By route, never by address: addresses hold ids and what people search for."""
        match = request.resolver_match
        route = match.route.replace("^", "").replace("$", "") if match else "unmatched"
        method = request.method if request.method in KNOWN_METHODS else "other"
        REQUESTS.labels(route, method, str(response.status_code)).observe(seconds)
        tenant = getattr(request, "tenant", None)
        fields = {"method": method, "route": route, "status": response.status_code,
                  "milliseconds": round(seconds * 1000)}  # fmt: skip
        if tenant is not None:
            fields["tenant"] = tenant.pk
        text = "%(method)s /%(route)s %(status)s in %(milliseconds)s ms"
        logger.info(text, fields, extra={"fields": fields})
